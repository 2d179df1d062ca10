//! esim-kiosk, the program: the command line, and nothing else.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    esim_kiosk::commands::Cli::parse().carry_out()
}
