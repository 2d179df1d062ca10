use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc};

use super::super::transport::NoWire;
use super::*;

/// A printer that still has an old receipt to print: it answers real-time questions at once, everything else in its
/// turn, and forgets nothing.
struct Laggard {
    /// Marks of the old receipt, and the time that the paper needs before each.
    old: u32,
    each: Duration,
    /// Of them still to come.
    left: Arc<AtomicU32>,
}

#[async_trait]
impl Wire for Laggard {
    async fn connect(&self) -> Result<Link, NoWire> {
        let (outgoing, mut sent) = mpsc::channel::<Outgoing>(4);
        let (received, incoming) = mpsc::channel(64);
        let (old, each, left) = (self.old, self.each, self.left.clone());
        let marks = Arc::new(AtomicU32::new(0));
        let asked = Arc::new(Notify::new());
        let (at_once, in_turn) = (received.clone(), received);
        let (counted, told) = (marks.clone(), asked.clone());
        tokio::spawn(async move {
            while let Some(job) = sent.recv().await {
                let ends = |end: &[u8]| job.bytes.windows(end.len()).filter(|part| *part == end).count();
                for _ in 0..ends(b"\x10\x04") {
                    at_once.send(vec![0x12]).await.ok();
                }
                counted.fetch_add(u32::try_from(ends(b"\x1Dr\x01")).unwrap(), Ordering::SeqCst);
                told.notify_one();
                job.taken.send(Ok(())).ok();
            }
        });
        tokio::spawn(async move {
            for _ in 0..old {
                tokio::time::sleep(each).await;
                left.fetch_sub(1, Ordering::SeqCst);
                in_turn.send(vec![0]).await.ok();
            }
            loop {
                while marks.load(Ordering::SeqCst) > 0 {
                    marks.fetch_sub(1, Ordering::SeqCst);
                    in_turn.send(vec![0]).await.ok();
                }
                asked.notified().await;
            }
        });
        Ok(Link { outgoing, incoming })
    }
}

fn desk(old: u32, each: Duration) -> (Desk, Arc<AtomicU32>) {
    let left = Arc::new(AtomicU32::new(old));
    let profile = Profile::named("generic-58").unwrap();
    let config = PrinterConfig {
        connection: "serial:/in/memory".parse().unwrap(),
        finish_ms: 120_000,
        ..PrinterConfig::default()
    };
    (Desk::new(config, profile, Box::new(Laggard { old, each, left: left.clone() })), left)
}

/// Marks look all the same: with a slow mechanism there is more silence between two of an old receipt than a wait for
/// silence would last.
#[tokio::test(start_paused = true)]
async fn a_sweep_is_not_over_before_the_old_receipt_is() {
    for (old, pause) in [(0, 0), (1, 30), (5, 3), (40, 1)] {
        let (mut desk, left) = desk(old, Duration::from_secs(pause));
        desk.sweep().await.unwrap();
        assert_eq!(left.load(Ordering::SeqCst), 0, "{old} old marks, {pause} s apart");
        assert_eq!((desk.old_marks, desk.milestones, desk.stale), (0, (0, 0), None));
    }
}

/// What was asked for and not answered is carried over to the next sweep.
#[tokio::test(start_paused = true)]
async fn marks_without_an_answer_are_not_forgotten() {
    let (mut desk, left) = desk(3, Duration::from_secs(200));
    assert_eq!(desk.sweep().await, Err(Stuck), "two minutes are not enough");
    assert!(desk.stale.is_some());
    while desk.sweep().await.is_err() {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(left.load(Ordering::SeqCst), 0);
}
