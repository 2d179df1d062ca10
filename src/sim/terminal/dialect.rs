//! How terminals in the field differ from the specification (payment-terminal.md 6.1).

use std::time::Duration;

/// The letters of a terminal's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// The specification's default.
    Cp437,
    /// What card complete sends whatever is agreed.
    Latin1,
}

/// What a busy terminal does with a status enquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusyStatus {
    /// Answers it with status 9C.
    Answers,
    /// Refuses it with 9C.
    Refuses,
    /// Acknowledges the frame and says nothing.
    Ignores,
}

/// What a terminal does about a currency that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignCurrency {
    /// Refuses the registration with `84 1E … 6F`.
    Refuses,
    /// Takes the registration and aborts it with 6F.
    Aborts,
    /// Does not look.
    Ignores,
}

/// A family of terminals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Its name in tables and on the command line.
    pub name: &'static str,
    /// Letters of its texts.
    pub charset: Charset,
    /// Intermediate statuses carry a time and a text.
    pub speaks: bool,
    /// What it does with a status enquiry during a payment.
    pub busy: BusyStatus,
    /// It takes `06 B0` while it waits for a card.
    pub abortable: bool,
    /// How many `84 9C` it takes where the kiosk names no number.
    pub waits_default: Option<u8>,
    /// How soon it asks again where the kiosk names no hold seconds.
    pub impatience: Duration,
    /// It keeps asking until the hold is over although nobody acknowledges.
    pub persistent: bool,
    /// It books a part (`84 9D`).
    pub books_parts: bool,
    /// It sends containers to a kiosk that never sent one.
    pub tlv_unasked: bool,
    /// It prints through the kiosk.
    pub prints: bool,
    /// It puts a container behind the text of a print line.
    pub print_tail: bool,
    /// Trace 0 with the long one in the container, host result in A0, expiry 9999.
    pub long_trace: bool,
    /// `06 20` never says anything.
    pub repeat_is_empty: bool,
    /// It knows `06 10`.
    pub totals: bool,
    /// Status byte of its registration.
    pub registration_status: u8,
    /// A status enquiry is answered with software version and container.
    pub long_status: bool,
    /// It echoes the currency.
    pub tells_currency: bool,
    /// What it does about a foreign one.
    pub foreign_currency: ForeignCurrency,
    /// Code for a wrong password.
    pub wrong_password: u8,
    /// A reversal's status names the receipt of the payment rather than its own.
    pub reversal_names_original: bool,
    /// An automatic reversal becomes the last transaction.
    pub stores_own_reversals: bool,
    /// A last `04 FF 0B` before the approval.
    pub asks_to_remove: bool,
}

impl Dialect {
    /// The specification and nothing else.
    pub fn spec() -> Dialect {
        Dialect {
            name: "spec",
            charset: Charset::Cp437,
            speaks: false,
            busy: BusyStatus::Refuses,
            abortable: true,
            waits_default: None,
            impatience: Duration::from_secs(2),
            persistent: false,
            books_parts: true,
            tlv_unasked: false,
            prints: true,
            print_tail: false,
            long_trace: false,
            repeat_is_empty: false,
            totals: true,
            registration_status: 0x00,
            long_status: false,
            tells_currency: true,
            foreign_currency: ForeignCurrency::Refuses,
            wrong_password: 0x83,
            reversal_names_original: false,
            stores_own_reversals: false,
            asks_to_remove: false,
        }
    }

    /// A Worldline Valina of card complete.
    pub fn cardcomplete_valina() -> Dialect {
        Dialect {
            name: "cardcomplete-valina",
            charset: Charset::Latin1,
            speaks: true,
            busy: BusyStatus::Answers,
            waits_default: Some(3),
            impatience: Duration::from_millis(10),
            persistent: true,
            books_parts: false,
            print_tail: true,
            foreign_currency: ForeignCurrency::Ignores,
            wrong_password: 0x37,
            reversal_names_original: true,
            asks_to_remove: true,
            ..Dialect::spec()
        }
    }

    /// A hobex unit.
    pub fn hobex() -> Dialect {
        Dialect {
            name: "hobex",
            busy: BusyStatus::Ignores,
            persistent: true,
            books_parts: false,
            tlv_unasked: true,
            prints: false,
            long_trace: true,
            tells_currency: false,
            stores_own_reversals: true,
            ..Dialect::spec()
        }
    }

    /// A PAX of Global Payments.
    pub fn gp_pax() -> Dialect {
        Dialect {
            name: "gp-pax",
            abortable: false,
            books_parts: false,
            prints: false,
            repeat_is_empty: true,
            totals: false,
            foreign_currency: ForeignCurrency::Aborts,
            ..Dialect::spec()
        }
    }

    /// A Feig cVEND.
    pub fn feig() -> Dialect {
        Dialect {
            name: "feig",
            busy: BusyStatus::Answers,
            persistent: true,
            registration_status: 0x10,
            long_status: true,
            foreign_currency: ForeignCurrency::Aborts,
            ..Dialect::spec()
        }
    }

    /// All five.
    pub fn all() -> [Dialect; 5] {
        [Dialect::spec(), Dialect::cardcomplete_valina(), Dialect::hobex(), Dialect::gp_pax(), Dialect::feig()]
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Dialect> {
        Dialect::all().into_iter().find(|dialect| dialect.name == name)
    }

    /// A text in this terminal's letters; what it has no letter for becomes a question mark.
    pub(super) fn letters(&self, text: &str) -> Vec<u8> {
        text.chars().map(|letter| self.letter(letter)).collect()
    }

    fn letter(&self, letter: char) -> u8 {
        const CP437: [(char, u8); 8] =
            [('ä', 0x84), ('ö', 0x94), ('ü', 0x81), ('Ä', 0x8E), ('Ö', 0x99), ('Ü', 0x9A), ('ß', 0xE1), ('é', 0x82)];
        match (self.charset, u8::try_from(u32::from(letter))) {
            (_, Ok(byte)) if byte < 0x80 => byte,
            (Charset::Latin1, Ok(byte)) => byte,
            (Charset::Cp437, _) => CP437.iter().find(|(have, _)| *have == letter).map_or(b'?', |(_, byte)| *byte),
            (Charset::Latin1, Err(_)) => b'?',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_profiles_with_five_names_are_found_again() {
        for dialect in Dialect::all() {
            assert_eq!(Dialect::named(dialect.name), Some(dialect));
        }
        assert_eq!(Dialect::named("klingon"), None);
    }

    #[test]
    fn umlauts_differ_between_the_character_sets() {
        assert_eq!(Dialect::spec().letters("üß€"), [0x81, 0xE1, b'?']);
        assert_eq!(Dialect::cardcomplete_valina().letters("üß€"), [0xFC, 0xDF, b'?']);
    }
}
