//! In which ways the table is played, and how each row must end in each of them.

use crate::payment::zvt::ZvtConfig;
use crate::sale::Terms;

/// Every ending, written down: one block for each mode, in it a line for each row, in it a cell for each dialect or one
/// for all of them.
const ENDINGS: &str = include_str!("endings.txt");

/// A way to play the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As each dialect is configured by default.
    Usual,
    /// Config byte `3E` where the dialect has `BE`, and the other way round: the commit point lies elsewhere (2.8).
    OtherPrinter,
    /// As usual, and the terminal never had a payment: nothing that it says tells an empty day from a closed one.
    New,
    /// The terminal cannot hold: answered at once, ordered afterwards, reversed by `06 30` if nothing comes.
    CannotHold,
}

impl Mode {
    pub(super) const ALL: [Mode; 4] = [Mode::Usual, Mode::New, Mode::OtherPrinter, Mode::CannotHold];

    pub(super) fn words(self) -> &'static str {
        match self {
            Mode::Usual => "usual",
            Mode::New => "a terminal without any payment before",
            Mode::OtherPrinter => "config byte BE for 3E and 3E for BE",
            Mode::CannotHold => "the terminal cannot hold",
        }
    }

    pub(super) fn configure(self, config: ZvtConfig) -> ZvtConfig {
        match self {
            Mode::Usual | Mode::New => config,
            Mode::OtherPrinter => ZvtConfig { config_byte: config.config_byte ^ 0x80, ..config },
            Mode::CannotHold => ZvtConfig { hold_fields: false, ..config },
        }
    }

    pub(super) fn agree(self, terms: Terms) -> Terms {
        Terms { can_hold: terms.can_hold && self != Mode::CannotHold, ..terms }
    }

    /// The letters of the endings that are written down for a row and the dialect at this place.
    pub(super) fn ending(self, id: &str, place: usize) -> Option<&'static str> {
        let block = ENDINGS.split("= ").find(|block| block.lines().next() == Some(self.words()))?;
        let row = block.lines().find(|line| line.split_whitespace().next() == Some(id))?;
        let cells: Vec<&str> = row.split_whitespace().skip(1).collect();
        cells.get(if cells.len() == 1 { 0 } else { place }).copied()
    }
}
