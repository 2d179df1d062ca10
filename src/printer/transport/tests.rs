use super::*;

use std::io::Write;
use std::net::TcpListener;

/// A port that takes `room` bytes and then says "wait".
struct Narrow {
    room: usize,
    taken: std::sync::mpsc::Sender<Vec<u8>>,
}

impl Port for Narrow {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            thread::sleep(Duration::from_millis(1));
            return Ok(0);
        }
        self.room -= count;
        self.taken.send(bytes[..count].to_vec()).map_err(io::Error::other)?;
        Ok(count)
    }

    fn urgent(&mut self, on: bool) {
        if on {
            self.room = usize::MAX;
        }
    }
}

#[tokio::test]
async fn bytes_come_in_while_the_way_out_is_blocked_and_urgent_ones_pass() {
    let (taken, sent) = std::sync::mpsc::channel();
    let (reader, mut printer) = io::pipe().unwrap();
    let mut link = run("test", reader, Narrow { room: 2, taken }).unwrap();
    let (word, mut done) = oneshot::channel();
    link.outgoing.send(Outgoing { bytes: b"abcd".to_vec(), urgent: false, taken: word }).await.unwrap();
    printer.write_all(b"\x1a").unwrap();
    assert_eq!(link.incoming.recv().await.unwrap(), b"\x1a");
    assert_eq!(sent.recv().unwrap(), b"ab");
    assert!(done.try_recv().is_err(), "two bytes are still held up");
    // Giving up drops the rest, and so does hanging up.
    drop(done);
    drop(link);
    assert!(sent.recv().is_err(), "nothing of the rest goes out");
}

#[tokio::test]
async fn urgent_bytes_do_not_heed_the_wait() {
    let (taken, sent) = std::sync::mpsc::channel();
    let (reader, _printer) = io::pipe().unwrap();
    let link = run("test", reader, Narrow { room: 0, taken }).unwrap();
    let (word, done) = oneshot::channel();
    link.outgoing.send(Outgoing { bytes: b"\x10\x04\x01".to_vec(), urgent: true, taken: word }).await.unwrap();
    done.await.unwrap().unwrap();
    assert_eq!(sent.recv().unwrap(), b"\x10\x04\x01");
}

#[tokio::test]
async fn a_cut_wire_ends_what_comes_in() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let wire = tcp::TcpWire { place, timeout: Duration::from_secs(5) };
    let mut link = wire.connect().await.unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"\x12").unwrap();
    assert_eq!(link.incoming.recv().await.unwrap(), b"\x12");
    drop(peer);
    assert_eq!(link.incoming.recv().await, None);
}

#[tokio::test]
async fn what_is_not_there_says_what_to_do() {
    for connection in ["serial:/dev/no-such-port", "usb:/dev/usb/no-such-printer"] {
        let config = PrinterConfig { connection: connection.parse().unwrap(), ..PrinterConfig::default() };
        let error = wire(&config).connect().await.unwrap_err();
        assert!(error.to_string().contains(connection), "{error}");
        assert!(error.to_string().contains("check its cable"), "{error}");
    }
}
