//! Logs: to journald under systemd, else to stderr. Nothing that a traveller or a provider gave us is logged by type
//! (secrets print as dots); what is left is a panic's message, and that is cut where data could begin.

use std::error::Error;
use std::fmt::Write as _;
use std::os::linux::fs::MetadataExt;
use std::panic::PanicHookInfo;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// Why no log can be written.
#[derive(Debug, thiserror::Error)]
pub enum NoLog {
    /// `RUST_LOG` or `[log] filter` cannot be read.
    #[error("the log filter {filter:?} cannot be read: write something like \"info,esim_kiosk=debug\"")]
    Filter {
        /// The filter.
        filter: String,
        /// Why.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Another one was set up before.
    #[error("logs were set up twice")]
    Twice,
}

/// Sets up the log for the process, and the panic hook. `RUST_LOG` comes before `filter`. `also` hears the same.
///
/// # Errors
/// [`NoLog`].
pub fn start(filter: &str, also: impl Layer<Registry> + Send + Sync) -> Result<(), NoLog> {
    let filter = std::env::var("RUST_LOG").ok().filter(|own| !own.is_empty()).unwrap_or_else(|| filter.to_owned());
    let parsed = EnvFilter::try_new(&filter).map_err(|source| NoLog::Filter { filter, source })?;
    let to: Box<dyn Layer<Registry> + Send + Sync> = match journald() {
        Some(journald) => journald.boxed(),
        None => tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(true).boxed(),
    };
    tracing_subscriber::registry().with(to.and_then(also).with_filter(parsed)).try_init().map_err(|_| NoLog::Twice)?;
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(thread = std::thread::current().name().unwrap_or("?"), "panic: {}", told(panic));
    }));
    Ok(())
}

/// For tools and walks: plain lines on standard error, warnings only unless `RUST_LOG` says otherwise.
pub fn start_for_tools() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // Already started is as good as started.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init().ok();
}

/// The journal's own protocol, where our stderr is the journal's stream (systemd.exec, JOURNAL_STREAM).
fn journald() -> Option<tracing_journald::Layer> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = std::fs::metadata("/proc/self/fd/2").ok()?;
    let ours = is_stream(&stream, stderr.st_dev(), stderr.st_ino());
    ours.then(|| tracing_journald::layer().ok())
        .flatten()
        .map(|layer| layer.with_syslog_identifier("esim-kiosk".to_owned()).with_field_prefix(Some("KIOSK".to_owned())))
}

fn is_stream(named: &str, device: u64, inode: u64) -> bool {
    named == format!("{device}:{inode}")
}

/// Message and place of a panic. A message that was put together at run time may carry data after its first colon
/// (`called Result::unwrap() on an Err value: …`) or in quotation marks: it is cut there.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let message = match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(fixed), _) => (*fixed).to_owned(),
        (None, Some(made)) => without_data(made),
        (None, None) => "a panic without a message".to_owned(),
    };
    match panic.location() {
        Some(place) => format!("{message} at {place}"),
        None => message,
    }
}

fn without_data(message: &str) -> String {
    let data = [": ", "\"", "\n"].iter().filter_map(|start| message.find(start)).min();
    match data {
        Some(at) => format!("{} …", message[..at].trim_end()),
        None => message.chars().take(120).collect(),
    }
}

/// An error with all of its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        // Transparent errors repeat their cause.
        let text = next.to_string();
        if !line.ends_with(&text) {
            write!(line, ": {text}").expect("writing to a String does not fail");
        }
        cause = next.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the printer does not answer")]
    struct Outer(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Transparent(#[from] Outer);

    #[test]
    fn a_chain_tells_every_cause_once() {
        let cause = std::io::Error::new(std::io::ErrorKind::TimedOut, "no byte for 500 ms");
        let error = Transparent(Outer(cause));
        assert_eq!(chain(&error), "the printer does not answer: no byte for 500 ms");
    }

    #[test]
    fn a_panic_never_carries_data() {
        let (send, told_to) = std::sync::mpsc::channel();
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match std::thread::current().name() {
            Some("victim") => send.send(told(panic)).unwrap_or(()),
            _ => others(panic),
        }));
        let panics: [fn(); 3] = [
            || panic!("the invariant does not hold"),
            || {
                let secret: Result<(), String> = Err("LPA:1$smdp.io$TOPSECRET".into());
                #[expect(clippy::unnecessary_literal_unwrap)]
                secret.unwrap();
            },
            || assert_eq!("TOPSECRET", std::hint::black_box("other")),
        ];
        for panic in panics {
            let victim = std::thread::Builder::new().name("victim".into()).spawn(panic).unwrap();
            assert!(victim.join().is_err());
        }
        let all: Vec<String> = told_to.try_iter().collect();
        assert!(all[0].starts_with("the invariant does not hold at src/telemetry.rs:"), "{all:?}");
        assert!(all[1].starts_with("called `Result::unwrap()` on an `Err` value … at"), "{all:?}");
        assert!(all.len() == 3 && !all.concat().contains("TOPSECRET"), "{all:?}");
    }

    #[test]
    fn the_journals_stream_is_known_by_device_and_inode() {
        assert!(is_stream("9:4242", 9, 4242));
        assert!(!is_stream("9:4242", 9, 4243) && !is_stream("", 9, 4242));
    }
}
