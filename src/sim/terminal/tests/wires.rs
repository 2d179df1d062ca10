//! Real wires: a pseudo-terminal, TCP, and an adapter that is pulled.

use std::io::{Read, Write};
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::till::bytes;
use super::*;
use crate::sim::terminal::frame::{ACK, wrap};

/// `05 01` and its answers, byte for byte, as a program with blocking reads sees them.
fn ask_status(port: &Path, two_stop_bits: bool) {
    let mut slave = std::fs::OpenOptions::new().read(true).write(true).open(port).unwrap();
    let mut settings = rustix::termios::tcgetattr(&slave).unwrap();
    settings.make_raw();
    settings.control_modes.set(rustix::termios::ControlModes::CSTOPB, two_stop_bits);
    rustix::termios::tcsetattr(&slave, rustix::termios::OptionalActions::Now, &settings).unwrap();
    let expect = |slave: &mut std::fs::File, wanted: &[u8]| {
        let mut heard = vec![0; wanted.len()];
        slave.read_exact(&mut heard).unwrap();
        assert_eq!(heard, wanted);
    };
    slave.write_all(&wrap(&bytes("050100"))).unwrap();
    expect(&mut slave, &[ACK]);
    expect(&mut slave, &bytes("10028000001003f51f"));
    slave.write_all(&[ACK]).unwrap();
    expect(&mut slave, &wrap(&bytes("060f0100")));
    slave.write_all(&[ACK]).unwrap();
    slave.write_all(&wrap(&bytes("800000"))).unwrap();
    expect(&mut slave, &[ACK]);
}

#[tokio::test]
async fn on_a_pseudo_terminal_the_public_frames_pass_and_wrong_settings_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("terminal");
    let (sim, port) = TerminalSim::on_pty(TerminalOptions::default(), Some(&link)).unwrap();
    assert_eq!(port, link);
    for (two_stop_bits, counted) in [(true, false), (false, true)] {
        let port = port.clone();
        tokio::task::spawn_blocking(move || ask_status(&port, two_stop_bits)).await.unwrap();
        let counts = sim.panel().strictness().counts();
        assert_eq!(counts.contains_key(&Violation::LineSettings), counted, "{counts:?}");
    }
}

#[tokio::test]
async fn over_tcp_messages_are_bare_and_may_come_in_pieces() {
    let (_sim, address) = TerminalSim::on_tcp(TerminalOptions::default(), "127.0.0.1:0").await.unwrap();
    let mut wire = tokio::net::TcpStream::connect(address).await.unwrap();
    for piece in ["0501", "00"] {
        wire.write_all(&bytes(piece)).await.unwrap();
        wire.flush().await.unwrap();
    }
    let mut heard = [0; 7];
    wire.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard.to_vec(), bytes("800000 060f0100"));
}

#[tokio::test(start_paused = true)]
async fn a_pulled_adapter_ends_the_wire_and_cannot_be_opened_until_it_is_back() {
    let (sim, dialler) = TerminalSim::in_memory(TerminalOptions::default());
    let mut till = Till::new(dialler.dial().unwrap());
    till.register().await;
    sim.panel().unplug(Some(seconds(10)));
    assert!(dialler.dial().is_err());
    assert_eq!(till.wire.read(&mut [0; 8]).await.unwrap(), 0, "end of file");
    tokio::time::sleep(seconds(11)).await;
    let mut again = Till::new(dialler.dial().unwrap());
    assert_eq!(again.run("05 01 00").await, "060f0100");
}

#[tokio::test(start_paused = true)]
async fn real_pacing_takes_the_time_of_9600_baud() {
    let options = TerminalOptions { pacing: Pacing::Real, ..TerminalOptions::default() };
    let (_sim, dialler) = TerminalSim::in_memory(options);
    let mut till = Till::new(dialler.dial().unwrap());
    let began = tokio::time::Instant::now();
    till.run("05 01 00").await;
    // Ten bytes in, ten and nine and one out, three ACKs each way: some fifty bytes of 1.15 ms.
    let took = began.elapsed().as_millis();
    assert!((30..90).contains(&took), "{took} ms");
}
