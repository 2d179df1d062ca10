//! Names of the codes: commands, results, states, what the terminal is doing (payment-terminal.md 2.5, 2.6).

use crate::payment::Prompt;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The kiosk to the terminal.
    ToTerminal,
    /// The terminal to the kiosk.
    FromTerminal,
    /// Both say it.
    Both,
}

/// Name of a command and who says it; `None` for one that the specification does not know.
#[must_use]
pub fn command(class: u8, instruction: u8) -> Option<(&'static str, Direction)> {
    use Direction::{Both, FromTerminal, ToTerminal};
    Some(match (class, instruction) {
        (0x80, 0x00) => ("Positive acknowledgement", Both),
        (0x84, 0x00) => ("Positive acknowledgement", Both),
        (0x84, 0x9c) => ("Negative acknowledgement", Both),
        (0x84, _) => ("Negative acknowledgement", Both),
        (0x04, 0x01) => ("Set Date and Time", FromTerminal),
        (0x04, 0x0d) => ("Input Request", FromTerminal),
        (0x04, 0x0e) => ("Menu Request", FromTerminal),
        (0x04, 0x0f) => ("Status-Information", FromTerminal),
        (0x04, 0xff) => ("Intermediate Status-Information", FromTerminal),
        (0x05, 0x01) => ("Status-Enquiry", ToTerminal),
        (0x06, instruction) => return payment_command(instruction),
        (0x08, instruction) => return service_command(instruction),
        (0x0f, _) => return None,
        _ => return None,
    })
}

fn payment_command(instruction: u8) -> Option<(&'static str, Direction)> {
    use Direction::{Both, FromTerminal, ToTerminal};
    Some(match instruction {
        0x00 => ("Registration", ToTerminal),
        0x01 => ("Authorisation", ToTerminal),
        0x02 => ("Log-Off", ToTerminal),
        0x03 => ("Account Balance Request", ToTerminal),
        0x04 => ("Activate Card", ToTerminal),
        0x05 => ("Procurement", ToTerminal),
        0x09 => ("Top-Up Prepaid-Cards", ToTerminal),
        0x0a => ("Tax Free", ToTerminal),
        0x0b => ("RESERVED", ToTerminal),
        0x0c => ("Book Tip", ToTerminal),
        0x0f => ("Completion", FromTerminal),
        0x10 => ("Send Turnover Totals", ToTerminal),
        0x12 => ("Print Turnover Receipts", ToTerminal),
        0x18 => ("Reset Terminal", ToTerminal),
        0x1a => ("Print System Configuration", ToTerminal),
        0x1b => ("Set/Reset Terminal-ID", ToTerminal),
        0x1e => ("Abort", FromTerminal),
        0x20 => ("Repeat Receipt", ToTerminal),
        0x21 => ("Telephonic Authorisation", ToTerminal),
        0x22 => ("Pre-Authorisation", ToTerminal),
        0x23 => ("Partial Reversal", ToTerminal),
        0x24 => ("Book Total", ToTerminal),
        0x25 => ("Pre-Authorisation Reversal", ToTerminal),
        0x26 => ("Reversal of External Reservation", ToTerminal),
        0x30 => ("Reversal", ToTerminal),
        0x31 => ("Refund", ToTerminal),
        0x50 => ("End-of-Day", ToTerminal),
        0x51 => ("Send Offline Transactions", ToTerminal),
        0x70 => ("Diagnosis", ToTerminal),
        0x79 => ("Selftest", ToTerminal),
        0x82 => ("Display Text with Input (old)", ToTerminal),
        0x85 => ("Display Text (old)", ToTerminal),
        0x86 => ("Display Text with Numerical Input (old)", ToTerminal),
        0x87 => ("PIN-Verification for Customer-Card (old)", ToTerminal),
        0x88 => ("Display Text with Function-Key Input (old)", ToTerminal),
        0x91 => ("Set Date and Time in PT", ToTerminal),
        0x93 => ("Initialisation", ToTerminal),
        0x95 => ("Change Password", ToTerminal),
        0xb0 => ("Abort (ECR)", ToTerminal),
        0xc0 => ("Read Card", ToTerminal),
        0xc5 => ("Close Card Session", ToTerminal),
        0xc6 => ("Send APDUs", ToTerminal),
        0xce => ("Other", ToTerminal),
        0xd0 => ("Menu", FromTerminal),
        0xd1 => ("Print Line", Both),
        0xd3 => ("Print Text-Block", Both),
        0xd8 => ("Dial-Up", FromTerminal),
        0xd9 => ("Transmit Data via Dial-Up", FromTerminal),
        0xda => ("Receive Data via Dial-Up", FromTerminal),
        0xdb => ("Hang-Up", FromTerminal),
        0xdd => ("Transparent-Mode", FromTerminal),
        0xe0 => ("Display Text", ToTerminal),
        0xe1 => ("Display Text with Function-Key Input", ToTerminal),
        0xe2 => ("Display Text with Numerical Input", ToTerminal),
        0xe3 => ("PIN-Verification for Customer-Card", ToTerminal),
        0xe4 => ("Blocked-List Query", FromTerminal),
        0xe5 => ("MAC Calculation", ToTerminal),
        0xe6 => ("Card Poll with Authorisation", ToTerminal),
        0xe7 => ("Display Image", ToTerminal),
        _ => return None,
    })
}

fn service_command(instruction: u8) -> Option<(&'static str, Direction)> {
    Some(match instruction {
        0x01 => ("Activate Service-Mode", Direction::ToTerminal),
        0x02 => ("Switch Protocol", Direction::ToTerminal),
        0x10 => ("Software-Update", Direction::ToTerminal),
        0x11 => ("Read File", Direction::ToTerminal),
        0x12 => ("Delete File", Direction::ToTerminal),
        0x13 => ("Change Configuration", Direction::ToTerminal),
        0x14 => ("Write File", Direction::ToTerminal),
        0x20 => ("Start OPT Action", Direction::ToTerminal),
        0x21 => ("Set OPT Point-in-Time", Direction::ToTerminal),
        0x22 => ("Start OPT-Pre-Initialisation", Direction::ToTerminal),
        0x23 => ("Output OPT-Data", Direction::ToTerminal),
        0x24 => ("OPT Out-of-Order", Direction::ToTerminal),
        0x30 => ("Select Language", Direction::ToTerminal),
        0x40 => ("Change Baudrate", Direction::ToTerminal),
        0x50 => ("Activate Card-Reader", Direction::ToTerminal),
        _ => return None,
    })
}

/// A result code in plain words, for logs and technicians.
#[must_use]
pub fn result(code: u8) -> &'static str {
    match code {
        0x00 => "ok",
        0x05 | 0x33 => "declined by the bank",
        0x0d => "amount not allowed",
        0x0e => "card not valid",
        0x36 => "card expired",
        0x37 | 0x38 => "wrong PIN",
        0x5b => "the bank's system is out of order",
        0x01..=0x63 => "refused by the bank",
        0x64 => "card not readable",
        0x65 => "no card data",
        0x66 => "processing error",
        0x67 | 0x68 => "function not for this card",
        0x6a => "turnover file full",
        0x6b => "not registered",
        0x6c => "aborted by key or time-out",
        0x6e => "card blocked",
        0x6f => "wrong currency",
        0x71 => "credit too low",
        0x72 | 0x73 => "card data wrong",
        0x77 => "end of day not possible",
        0x78 => "card expired",
        0x7a => "card unknown",
        0x83 => "function not possible",
        0x85 => "key missing",
        0x89 => "PIN pad faulty",
        0x9a => "protocol error",
        0x9b => "no connection to the bank",
        0x9c => "busy, please wait",
        0xb1 | 0xb2 => "memory full",
        0xb4 => "already reversed",
        0xb5 => "reversal not possible",
        0xb8 => "pre-authorisation",
        0xc2 => "diagnosis required",
        0xc3 | 0xc8 | 0xc9 => "amount outside the limits",
        0xcc => "printer not ready",
        0xe0 => "remote maintenance",
        0xf0 => "end of day is open",
        0xff => "system error",
        _ => "see the terminal's manual",
    }
}

/// A terminal status of `05 01` in plain words.
#[must_use]
pub fn status(code: u8) -> &'static str {
    match code {
        0x00 => "ready",
        0x51 => "initialisation required",
        0x62 => "clock to be set",
        0x9c => "busy",
        0xb1 | 0xb2 => "memory full",
        0xc2 => "diagnosis required",
        0xcc => "printer not ready",
        0xdc => "card inserted",
        0xdf => "out of order",
        0xe0 => "remote maintenance",
        0xe1 => "card not removed",
        0xe2 => "card reader faulty",
        0xe3 => "shutter faulty",
        0xe4 => "terminal activation required",
        0xf0 => "end of day required",
        _ => "needs a technician",
    }
}

/// What an intermediate status means for the traveller. Never a word about goods, never a wish for a PIN.
#[must_use]
pub fn prompt(status: u8) -> Prompt {
    match status {
        0x0a | 0x2a => Prompt::PresentCard,
        0x00..=0x02 | 0x11 | 0x1a | 0x1b | 0x26..=0x29 | 0x2c | 0x69 | 0xcc | 0xe0 | 0xe1 | 0xff => {
            Prompt::WatchTerminal
        }
        0x03 | 0x07..=0x09 | 0x0c | 0x10 | 0x19 => Prompt::CardNotAccepted,
        0x04 | 0xd2 | 0xd3 | 0xf1..=0xf3 | 0x2b => Prompt::AskingBank,
        0x05 => Prompt::Reversing,
        0x06 | 0x0f | 0xc9..=0xcb | 0xe2 => Prompt::Busy,
        0x0b | 0x40..=0x5d => Prompt::RemoveCard,
        0x15 => Prompt::WrongPin,
        0x0d | 0x12..=0x14 | 0x16 | 0x18 | 0x1d => Prompt::Declined,
        _ => Prompt::PleaseWait,
    }
}
