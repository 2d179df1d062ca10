//! `esim-kiosk-sim printer`: the printer by hand, beside `esim-kiosk run`.

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::sync::mpsc;

use super::{Fault, MODELS, Model, Panel, SimPrinter};

/// Where a simulated printer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A serial port with this path.
    Serial(PathBuf),
    /// Raw printing over TCP.
    Tcp(SocketAddr),
    /// A folder with two FIFOs.
    Files(PathBuf),
}

/// What `esim-kiosk-sim printer` is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// A name of [`MODELS`].
    pub model: String,
    /// Where it stands.
    pub place: Place,
    /// Where the receipts go.
    pub folder: PathBuf,
}

/// Plays a printer until Ctrl-C or `quit` on standard input. What the operator reads goes to `out`: first the section for
/// the kiosk's configuration, then each receipt and what the hand at the control panel did.
///
/// # Errors
/// An unknown model, a wire that cannot be made, or `out` closed.
pub async fn run(options: Options, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let model = Model::named(&options.model).ok_or_else(|| {
        let known: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        io::Error::other(format!("unknown model {:?}: use one of {}", options.model, known.join(", ")))
    })?;
    let mut printer = SimPrinter::start(model, Some(options.folder.clone()), 1)?;
    let connection = match &options.place {
        Place::Serial(link) => {
            printer.on_pty(link)?;
            format!("serial:{}", std::path::absolute(link)?.display())
        }
        Place::Tcp(address) => format!("tcp:{}", printer.on_tcp(*address).await?),
        Place::Files(folder) => {
            printer.on_files(folder)?;
            String::new()
        }
    };
    if !connection.is_empty() {
        write!(out, "{}", section(&connection, model.name))?;
    }
    writeln!(out, "# Receipts: {}", options.folder.display())?;
    writeln!(out, "# Type: fault NAME | repair | take | tear | quit.")?;
    let names: Vec<&str> = Fault::all().iter().map(|fault| fault.name()).collect();
    writeln!(out, "# Faults: {}", names.join(", "))?;
    out.flush()?;
    let panel = printer.panel();
    obey_lines(&panel, out).await?;
    writeln!(out, "# receipts that left the printer: {}", panel.sheets().len())
}

/// The section for the kiosk's configuration.
fn section(connection: &str, model: &str) -> String {
    // A pseudo-terminal has no modem lines, so there is nothing to control the flow by.
    format!("[printer]\nconnection = {connection:?}\nmodel = {model:?}\nflow_control = \"none\"\n\n")
}

async fn obey_lines(panel: &Panel, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let (typed, mut lines) = mpsc::channel(8);
    std::thread::Builder::new().name("control-panel".into()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                break;
            }
        }
    })?;
    let mut shown = 0;
    let mut typing = true;
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => return ended,
            line = lines.recv(), if typing => {
                let Some(line) = line else {
                    // Nobody types, as in a pipe or a service: only Ctrl-C ends it.
                    typing = false;
                    continue;
                };
                if line.trim() == "quit" {
                    return Ok(());
                }
                writeln!(out, "{}", obey(panel, line.trim()))?;
            }
            sheets = panel.wait_for_sheets(shown + 1) => {
                for sheet in sheets.iter().skip(shown) {
                    writeln!(out, "receipt {} ({:?})\n{}", sheet.number, sheet.fate, sheet.paper.transcript())?;
                }
                shown = sheets.len();
            }
        }
        out.flush()?;
    }
}

/// Does one line of the control panel; says what was done.
fn obey(panel: &Panel, line: &str) -> String {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("fault", name) => match Fault::named(name.trim()) {
            Some(fault) => {
                panel.befall(fault);
                format!("{} happened", fault.name())
            }
            None => format!("no such fault: {name}"),
        },
        ("repair", _) => {
            panel.repair();
            "everything is put right".to_owned()
        }
        ("take", _) => {
            panel.take();
            "taken".to_owned()
        }
        ("tear", _) => {
            panel.tear();
            "torn off".to_owned()
        }
        ("", _) => String::new(),
        _ => "type: fault NAME | repair | take | tear | quit".to_owned(),
    }
}
