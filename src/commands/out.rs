//! What commands say: lines for people or JSON for programs, on stdout; what is wrong, on stderr.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::telemetry::chain;

/// Where a command says what it found.
pub(super) struct Out {
    json: bool,
    to: Box<dyn Write>,
}

/// Why a command did not do what it was asked: told with every cause.
#[derive(Debug)]
pub(super) struct Failed {
    what: String,
}

impl Failed {
    /// With these words.
    pub(super) fn told(what: impl Into<String>) -> Self {
        Failed { what: what.into() }
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Failed { what: chain(&error) }
    }
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        Out { json, to: Box::new(std::io::stdout()) }
    }

    /// Writes somewhere else.
    #[cfg(test)]
    pub(super) fn to(json: bool, to: Box<dyn Write>) -> Self {
        Out { json, to }
    }

    /// Whether a program reads it.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people; nothing for programs.
    pub(super) fn line(&mut self, line: impl Display) -> Result<(), Failed> {
        if self.json {
            return Ok(());
        }
        Ok(writeln!(self.to, "{line}")?)
    }

    /// One JSON value in a line, whoever reads.
    pub(super) fn value(&mut self, value: &impl Serialize) -> Result<(), Failed> {
        let text = serde_json::to_string(value)?;
        Ok(writeln!(self.to, "{text}")?)
    }

    /// The value for programs, the lines for people.
    pub(super) fn either<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        lines: impl FnOnce(&T) -> Vec<String>,
    ) -> Result<(), Failed> {
        if self.json {
            let text = serde_json::to_string(value)?;
            return Ok(writeln!(self.to, "{text}")?);
        }
        lines(value).iter().try_for_each(|line| writeln!(self.to, "{line}"))?;
        Ok(())
    }

    /// Bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        Ok(self.to.write_all(bytes)?)
    }

    /// What is being done, for the person who waits: on stderr, so that stdout is the answer alone.
    pub(super) fn progress(&self, what: &str) {
        let mut errors = std::io::stderr();
        // Nobody waits if this fails.
        writeln!(errors, "{what}").unwrap_or(());
    }

    /// What is wrong.
    pub(super) fn failed(&self, failed: &Failed) {
        let mut errors = std::io::stderr();
        // There is nobody left to tell it to if this fails.
        writeln!(errors, "esim-kiosk: {failed}").unwrap_or(());
    }
}

/// Columns as wide as their widest cell.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}
