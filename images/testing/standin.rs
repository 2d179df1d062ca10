//! Stands in for the kiosk in tests of the machine around it: says READY and feeds the watchdog as the kiosk does, knows
//! a right configuration from a wrong one, and does what a test writes into its state directory. Never shipped.
//!
//! `STANDIN_READY=no` at compile time makes the program that never gets ready: the bad update.

use std::{env, fs, os::unix::net::UnixDatagram, path::Path, process::ExitCode, thread, time::Duration};

fn notify(message: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else { return };
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.send_to(message.as_bytes(), Path::new(&path)).expect("systemd listens");
}

fn run() -> ExitCode {
    let version = option_env!("STANDIN_VERSION").unwrap_or("1");
    println!("stand-in {version} starts");
    for secret in env::var_os("CREDENTIALS_DIRECTORY").and_then(|path| fs::read_dir(path).ok()).into_iter().flatten().flatten() {
        let length = fs::read(secret.path()).map_or(0, |bytes| bytes.len());
        println!("credential {} of {length} bytes", secret.file_name().to_string_lossy());
    }
    println!("rotation {}", env::var("SLINT_KMS_ROTATION").unwrap_or_default());
    for line in ["/dev/ttyKIOSK_terminal", "/dev/ttyKIOSK_printer"] {
        println!("{line} {}", fs::read_link(line).map_or_else(|_| "missing".to_owned(), |to| to.display().to_string()));
    }
    // A counter that a power cut must not lose once it was said: the journal of this stand-in.
    let books = Path::new("books");
    let count = fs::read_to_string(books).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0) + 1;
    let file = fs::File::create("books.new").expect("the state directory can be written");
    fs::write("books.new", count.to_string()).expect("written");
    file.sync_all().expect("synced");
    fs::rename("books.new", books).expect("renamed");
    fs::File::open(".").and_then(|directory| directory.sync_all()).expect("synced");
    println!("start number {count}");
    if option_env!("STANDIN_READY") == Some("no") {
        thread::sleep(Duration::from_secs(3600));
    }
    notify(&format!("READY=1\nSTATUS=stand-in {version}, start number {count}"));
    loop {
        notify("WATCHDOG=1");
        thread::sleep(Duration::from_secs(2));
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", ..] => run(),
        ["check", "--config", file, ..] => match fs::read_to_string(file) {
            Ok(text) if text.contains("[kiosk]") => ExitCode::SUCCESS,
            _ => {
                println!("[kiosk] is missing");
                ExitCode::FAILURE
            }
        },
        ["terminal", "answers"] | ["sales", "may-restart"] | ["report", ..] => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}
