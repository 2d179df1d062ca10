//! How soon every screen answers a finger: from the event to the finished frame in memory, for each touchable part of
//! every sample screen in both orientations, beside what drawing that whole screen anew costs.
//! `cargo bench --features sim --bench frames`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use esim_kiosk::kiosk::view::Look;
use esim_kiosk::sim::gallery::samples::Samples;
use esim_kiosk::sim::gallery::{Easel, ORIENTATIONS};

/// Presses of each part: enough for a p99 over all of a screen's parts.
const ROUNDS: usize = 8;

fn share(sorted: &[Duration], per_cent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * per_cent / 100).min(last)).copied().unwrap_or_default()
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut easel = Easel::new()?;
    let mut every: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    println!(
        "{:<10} {:<28} {:>6} {:>8} {:>8} {:>8} {:>10}",
        "surface", "screen", "parts", "p50 ms", "p99 ms", "max ms", "whole ms"
    );
    for (orientation, surface) in ORIENTATIONS {
        easel.screen.set_surface(surface);
        for sample in Samples::all("en") {
            let whole = Instant::now();
            easel.put(&sample, Look::default());
            let whole = whole.elapsed();
            let targets: Vec<_> = easel.screen.probe().targets.into_iter().filter(|target| target.enabled).collect();
            let mut spans = Vec::with_capacity(targets.len() * ROUNDS);
            for target in &targets {
                let (x, y) = target.rect.centre();
                for _ in 0..ROUNDS {
                    let start = Instant::now();
                    easel.screen.press(x, y);
                    easel.screen.draw();
                    spans.push(start.elapsed());
                    easel.screen.leave();
                }
            }
            spans.sort();
            let (p50, p99, max) = (share(&spans, 50), share(&spans, 99), share(&spans, 100));
            println!(
                "{orientation:<10} {:<28} {:>6} {:>8.2} {:>8.2} {:>8.2} {:>10.2}",
                sample.name,
                targets.len(),
                ms(p50),
                ms(p99),
                ms(max),
                ms(whole)
            );
            every.entry(orientation).or_default().extend(spans);
        }
    }
    for (orientation, mut spans) in every {
        spans.sort();
        println!(
            "{orientation}: {} presses, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            spans.len(),
            ms(share(&spans, 50)),
            ms(share(&spans, 99)),
            ms(share(&spans, 100))
        );
    }
    Ok(())
}
