//! Who keeps books on the recorded disk: whole sales, each step written by the product's journal. After each step it says
//! what was acknowledged, and waits until that was noted.

use std::io::{self, BufRead, Write};
use std::path::Path;

use crate::journal::Journal;
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::sim::clerk::{Clerk, Written};

use super::Control;

/// Writes so many sales, over two runs of the program.
///
/// # Errors
/// The journal's, or a closed pipe.
pub fn write(
    directory: &Path,
    sales: u32,
    control: Option<Control>,
    out: &mut dyn Write,
    noted: &mut dyn BufRead,
) -> io::Result<()> {
    let mut say = |text: &str| -> io::Result<()> {
        writeln!(out, "{text}")?;
        out.flush()?;
        noted.read_line(&mut String::new()).map(drop)
    };
    say("begin")?;
    let section = Section { head_room_mb: 0, ..Section::at(directory.join("state")) };
    let told = |error: &dyn std::error::Error| io::Error::other(crate::kiosk::chain(error));
    for half in [1..=sales / 2, sales / 2 + 1..=sales] {
        let opened = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH);
        let mut journal = opened.map_err(|error| told(&error))?.journal;
        if control == Some(Control::Normal) {
            journal.sync_less().map_err(|error| told(&error))?;
        }
        say(&format!("run {}", journal.run()))?;
        let mut lost = None;
        let mut tell = |written: &Written<'_>| {
            let early = control == Some(Control::Early);
            if written.done != early {
                let line = format!("sale {} {}", written.sale.id, written.sale.entries);
                lost = lost.take().or(say(&line).err());
            }
        };
        let mut clerk = Clerk::telling(&mut journal, &mut tell);
        for number in half {
            clerk.sell(number, (number % 3 == 0).then_some(7_200_000), false).map_err(|error| told(&error))?;
        }
        if let Some(lost) = lost {
            return Err(lost);
        }
    }
    Ok(())
}
