//! Which profile fits the printer on the line: what it answers of all that the profiles rely on.

use serde::{Deserialize, Serialize};

use super::PrinterState;
use super::profile::{Completion, PROFILES, Profile};

/// What a printer said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Its state.
    pub state: PrinterState,
    /// `GS I 66`: who made it, if it says so.
    pub maker: Option<String>,
    /// `GS I 67`: its name, if it says so.
    pub model: Option<String>,
    /// Answers `GS ( H`: tells when a receipt is printed.
    pub process_id: bool,
    /// Answers `GS a`: reports by itself.
    pub auto_status: bool,
    /// Answers `GS r`: the least that a profile needs.
    pub paper_mark: bool,
    /// Answers `DLE DC4` 8: its buffer can be cleared at any time.
    pub clear_buffer: bool,
    /// Answers Custom's `DLE EOT 20`: tells what lies in its presenter.
    pub full_status: bool,
}

impl Findings {
    /// Profiles that this printer keeps the promises of, the likeliest first. None where its end of a receipt cannot be
    /// proven: then every receipt would stay unknown.
    pub fn fits(&self) -> Vec<&'static Profile> {
        let mut fitting: Vec<&Profile> = PROFILES.iter().filter(|profile| self.keeps(profile)).collect();
        fitting.sort_by_key(|profile| std::cmp::Reverse((self.names(profile), strength(profile))));
        fitting
    }

    fn keeps(&self, profile: &Profile) -> bool {
        let proven = match profile.completion {
            Completion::ProcessId => self.process_id && self.clear_buffer,
            Completion::AutoStatus => self.auto_status && self.paper_mark,
            Completion::PaperMark => self.paper_mark,
        };
        proven && (!profile.presenter || self.full_status)
    }

    /// How well the names agree: 2 by model, 1 by maker, 0 not.
    fn names(&self, profile: &Profile) -> u8 {
        let title = profile.title.to_lowercase();
        let known = |name: &Option<String>| {
            name.as_deref()
                .map(str::to_lowercase)
                .filter(|name| !name.is_empty())
                .is_some_and(|name| title.contains(&name))
        };
        // One that says no name is likelier one of the many without a name than a maker's that hides it.
        let nameless = self.maker.is_none() && self.model.is_none() && profile.name.starts_with("generic");
        let likely = nameless || known(&self.maker) || (profile.presenter && self.full_status);
        if known(&self.model) { 2 } else { u8::from(likely) }
    }
}

/// The surer a profile proves its receipts, the better.
fn strength(profile: &Profile) -> u8 {
    match profile.completion {
        Completion::ProcessId => 2,
        Completion::AutoStatus => 1,
        Completion::PaperMark => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Findings {
        Findings {
            state: PrinterState::Ready { paper_low: false },
            maker: None,
            model: None,
            process_id: false,
            auto_status: false,
            paper_mark: true,
            clear_buffer: false,
            full_status: false,
        }
    }

    fn first(findings: &Findings) -> Option<&'static str> {
        findings.fits().first().map(|profile| profile.name)
    }

    #[test]
    fn names_and_abilities_lead_to_the_profile() {
        let maker = |name: &str| Some(name.to_owned());
        let able = Findings { process_id: true, auto_status: true, clear_buffer: true, ..plain() };
        let epson = Findings { maker: maker("EPSON"), model: maker("TM-T20III"), ..able.clone() };
        assert_eq!(first(&epson), Some("epson-tm-t20iii"));
        assert_eq!(first(&Findings { model: maker("TM-T88V"), ..epson }), Some("epson-tm-t88"));
        let bixolon = Findings { auto_status: true, maker: maker("BIXOLON"), ..plain() };
        assert_eq!(first(&bixolon), Some("bixolon-srp"));
        assert_eq!(first(&Findings { full_status: true, ..plain() }), Some("custom-kpm"));
        assert_eq!(first(&plain()), Some("generic-80"));
    }

    #[test]
    fn a_printer_that_proves_nothing_fits_no_profile() {
        assert_eq!(first(&Findings { paper_mark: false, ..plain() }), None);
        // Process ids without a way to clear the buffer are not enough for the profiles that have both.
        let half = Findings { process_id: true, ..plain() };
        assert!(half.fits().iter().all(|profile| profile.completion == Completion::PaperMark));
    }
}
