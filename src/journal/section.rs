//! The journal's section of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// Where everything of the journal lies; made at the first start, readable by the service alone.
    pub directory: PathBuf,
    /// File of the sealing key (32 bytes, or 64 hexadecimal digits); made at the first start. By default
    /// `journal.key` in the directory. A systemd credential named `journal-key` comes before it.
    pub key_file: Option<PathBuf>,
    /// Outside of the state partition: how the journal knows after a restore that it is not the newest.
    pub generation_file: Option<PathBuf>,
    /// No card is asked with less than this free on the partition, in MB.
    pub head_room_mb: u64,
    /// Activation codes are wiped so many hours after their sale has closed.
    pub keep_codes_hours: u32,
    /// What is personal in a sale (card digits, the eSIM's number, receipt lines) is wiped so many days after it
    /// has closed; the books stay.
    pub keep_personal_days: u32,
    /// The records of a sale that the back office has are taken out so many days after it has closed; its row stays,
    /// and everything that must be unique. Without a back office nothing is ever taken out.
    pub keep_sales_days: u32,
}

impl Default for Section {
    fn default() -> Self {
        Section {
            directory: "/var/lib/esim-kiosk".into(),
            key_file: None,
            generation_file: None,
            head_room_mb: 64,
            keep_codes_hours: 72,
            keep_personal_days: 180,
            keep_sales_days: 730,
        }
    }
}

impl Section {
    /// The section with every default, for a journal that lies in `directory`.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Section { directory: directory.into(), ..Section::default() }
    }

    /// What is wrong with the values: key and accepted form.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !self.directory.is_absolute() {
            problems.push(("directory", "an absolute path is needed, such as \"/var/lib/esim-kiosk\"".to_owned()));
        }
        if self.head_room_mb < 16 {
            problems.push(("head_room_mb", "at least 16 is needed".to_owned()));
        }
        if self.keep_codes_hours == 0 {
            problems.push(("keep_codes_hours", "at least 1 is needed".to_owned()));
        }
        if self.keep_personal_days == 0 {
            problems.push(("keep_personal_days", "at least 1 is needed".to_owned()));
        }
        if self.keep_sales_days < 31 {
            problems.push(("keep_sales_days", "at least 31 is needed".to_owned()));
        }
        problems
    }
}
