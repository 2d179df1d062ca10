//! What differs between two terminals: the dialect, as switches with presets (payment-terminal.md 2.6, 2.7, 5).

use std::fmt;
use std::time::Duration;

use super::link::LinkTimers;
use super::message::Charset;
use super::message::command::Password;
use crate::money::Currency;

/// Whose words the traveller reads (payment-terminal.md 2.6: acquirers differ).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Texts {
    /// The terminal's own, word for word.
    Verbatim,
    /// Ours; the terminal's stay for the log.
    #[default]
    Own,
}

/// A preset of the switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// PA00P015 rev. 13.08 as written.
    #[default]
    Spec,
    /// A Worldline Valina at card complete.
    CardcompleteValina,
    /// hobex.
    Hobex,
    /// PAX at Global Payments.
    GpPax,
    /// Feig cVEND.
    Feig,
}

/// Every timer of the session. Tests over a pty shorten them; nothing else may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// T1, T2 and repeats.
    pub link: LinkTimers,
    /// T3: our command until `80` or `84`.
    pub answer: Duration,
    /// T4: the least time without a word from the terminal until a running command is given up.
    pub silence: Duration,
    /// After "goods issued": until the Completion is given up and the terminal must be asked.
    pub completion: Duration,
    /// After our abort for T4: until the command counts as lost.
    pub abort: Duration,
    /// After a start or a reopened port: listening before our first byte.
    pub listen: Duration,
    /// How long a payment under way survives a lost port: the terminal repeats its message for 15 s.
    pub line_grace: Duration,
    /// Between two status enquiries at rest.
    pub poll: Duration,
    /// Between two status enquiries while the terminal is busy or being asked for its rest.
    pub poll_busy: Duration,
    /// Between two attempts to set up a terminal that does not answer, the first and the longest.
    pub retry: (Duration, Duration),
    /// Between two attempts to open the port, the first and the longest.
    pub reopen: (Duration, Duration),
    /// Longest hold of this terminal: after an unclear break it is over only then (sale.md 5).
    pub longest_hold: Duration,
    /// After `08 40`: until the terminal is usable at the new speed.
    pub baud_change: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        let s = Duration::from_secs;
        Timers {
            link: LinkTimers::default(),
            answer: s(5),
            silence: s(180),
            completion: s(30),
            abort: s(10),
            listen: s(5),
            line_grace: s(20),
            poll: s(20),
            poll_busy: s(2),
            retry: (s(2), s(60)),
            reopen: (Duration::from_millis(500), s(30)),
            longest_hold: s(120),
            baud_change: s(2),
        }
    }
}

/// Everything the session must know about its terminal.
#[derive(Clone)]
pub struct ZvtConfig {
    /// Six digits; default of many terminals is 000000.
    pub password: Password,
    /// Currency of every payment.
    pub currency: Currency,
    /// Config byte of the registration: `BE` print lines through us, `3E` we compose receipts.
    pub config_byte: u8,
    /// Service byte of the registration (BMP 03).
    pub service_byte: Option<u8>,
    /// Send BMP 06 in the registration, which switches containers on.
    pub containers: bool,
    /// Ask for receipts as blocks (`06 D3`): list the command in TLV 26.
    pub block_printing: bool,
    /// Offer message sequence ids (TLV 1F73).
    pub sequence_ids: bool,
    /// Tell the longest APDU and the character set in the registration (TLV 1A, 27).
    pub capabilities: bool,
    /// Columns of the receipt printer (TLV 12), told in the registration.
    pub printer_columns: Option<u8>,
    /// The set that texts come in where the message does not say.
    pub charset: Charset,
    /// Whose words the traveller reads.
    pub texts: Texts,
    /// Send BMP 49 in `06 01`.
    pub send_currency: bool,
    /// Base of the payment type (BMP 19) in `06 01`; bit 04 is added when the printer is ready. `None`: not sent.
    pub payment_type: Option<u8>,
    /// The terminal keeps the hold fields 01 and 02.
    pub hold_fields: bool,
    /// Send the traveller's language (TLV 15).
    pub language: bool,
    /// Seconds the terminal waits for a card (TLV 1F5B).
    pub card_wait_seconds: Option<u8>,
    /// Mirror the last good receipt number (TLV 1F1F) when the order carries one.
    pub mirror_receipt: bool,
    /// The terminal understands `06 B0`.
    pub can_abort: bool,
    /// The terminal answers `06 20` with its last transaction.
    pub tells_last: bool,
    /// The terminal answers `06 10`.
    pub tells_totals: bool,
    /// Password and service byte in `05 01`.
    pub status_service: Option<u8>,
    /// Put the amount and currency into `06 30`.
    pub reversal_amount: bool,
    /// Ask for open pre-authorisations before the end of day and give them back.
    pub clear_preauthorisations: bool,
    /// Speed of a serial line.
    pub baud: u32,
    /// The timers.
    pub timers: Timers,
    /// Wall clock, for `06 91` alone.
    pub wall_clock: fn() -> jiff::civil::DateTime,
}

impl ZvtConfig {
    /// The switches of a dialect.
    #[must_use]
    pub fn new(dialect: Dialect, password: Password, currency: Currency) -> Self {
        let spec = ZvtConfig {
            password,
            currency,
            config_byte: 0xbe,
            service_byte: Some(0x01),
            containers: true,
            block_printing: true,
            sequence_ids: true,
            capabilities: true,
            printer_columns: None,
            charset: Charset::Cp437,
            texts: Texts::Own,
            send_currency: true,
            payment_type: Some(0x40),
            hold_fields: true,
            language: true,
            card_wait_seconds: None,
            mirror_receipt: true,
            can_abort: true,
            tells_last: true,
            tells_totals: true,
            status_service: Some(0x03),
            reversal_amount: true,
            clear_preauthorisations: false,
            baud: 9_600,
            timers: Timers::default(),
            wall_clock: || jiff::Zoned::now().datetime(),
        };
        match dialect {
            Dialect::Spec => spec,
            Dialect::CardcompleteValina => ZvtConfig {
                charset: Charset::Iso8859_1,
                config_byte: 0x3e,
                capabilities: false,
                language: false,
                mirror_receipt: false,
                ..spec
            },
            Dialect::Hobex => ZvtConfig { block_printing: false, capabilities: false, mirror_receipt: false, ..spec },
            Dialect::GpPax => ZvtConfig { can_abort: false, tells_last: false, mirror_receipt: false, ..spec },
            Dialect::Feig => ZvtConfig { status_service: Some(0x05), mirror_receipt: false, ..spec },
        }
    }
}

impl fmt::Debug for ZvtConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZvtConfig")
            .field("currency", &self.currency)
            .field("config_byte", &format_args!("{:02X}", self.config_byte))
            .field("charset", &self.charset)
            .field("texts", &self.texts)
            .field("baud", &self.baud)
            .finish_non_exhaustive()
    }
}
