//! What can go wrong with a printer, and when.

use std::time::Duration;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The roll is nearly used up.
    NearEnd,
    /// No paper.
    PaperOut,
    /// The cover is open.
    CoverOpen,
    /// The cutter is stuck.
    Cutter,
    /// The head is too hot, for this time.
    Hot(Duration),
    /// An error that needs a technician.
    Unrecoverable,
    /// Off for this time, and then as new.
    PowerCycle(Duration),
    /// The cable is pulled.
    CableOut,
    /// It takes bytes and prints nothing, for ever.
    Busy,
    /// It answers nothing any more, and prints.
    Mute,
    /// What it answers is noise.
    Garbage,
    /// It prints at an eighth of its speed.
    Slow,
    /// So many bytes are lost on the way.
    BytesLost(u32),
}

impl Fault {
    /// A name for tables and the control panel.
    pub fn name(self) -> &'static str {
        match self {
            Fault::NearEnd => "near-end",
            Fault::PaperOut => "paper-out",
            Fault::CoverOpen => "cover-open",
            Fault::Cutter => "cutter",
            Fault::Hot(_) => "hot",
            Fault::Unrecoverable => "unrecoverable",
            Fault::PowerCycle(_) => "power-cycle",
            Fault::CableOut => "cable-out",
            Fault::Busy => "busy",
            Fault::Mute => "mute",
            Fault::Garbage => "garbage",
            Fault::Slow => "slow",
            Fault::BytesLost(_) => "bytes-lost",
        }
    }

    /// Every fault once, in a usual strength.
    pub fn all() -> [Fault; 13] {
        [
            Fault::NearEnd,
            Fault::PaperOut,
            Fault::CoverOpen,
            Fault::Cutter,
            Fault::Hot(Duration::from_secs(2)),
            Fault::Unrecoverable,
            Fault::PowerCycle(Duration::from_secs(2)),
            Fault::CableOut,
            Fault::Busy,
            Fault::Mute,
            Fault::Garbage,
            Fault::Slow,
            Fault::BytesLost(3),
        ]
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Fault> {
        Fault::all().into_iter().find(|fault| fault.name() == name)
    }
}

/// A fault at a byte of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The byte, counted from 0 since the plan was given.
    pub at: u64,
    /// What happens there.
    pub fault: Fault,
}

impl Planned {
    /// Whether it happens on the wire, when the byte comes in; else in the mechanism, when the byte is printed.
    pub(super) fn on_wire(self) -> bool {
        matches!(
            self.fault,
            Fault::CableOut | Fault::Mute | Fault::Garbage | Fault::BytesLost(_) | Fault::PowerCycle(_)
        )
    }
}
