//! Asks other programs, none of which may hold a bundle up: each has its own time and all of them one end, after which
//! nobody is asked any more.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Most bytes of one program's answer.
const MOST: usize = 16 << 20;
/// So long may a program take; its facts are in the kernel or a daemon away.
const PATIENCE: Duration = Duration::from_secs(10);
/// Logs lie on a slow medium.
const PATIENCE_LOGS: Duration = Duration::from_secs(25);
/// So long may the end of an answer come after the program's end, or a killed program's end after the blow.
const SETTLE: Duration = Duration::from_secs(1);

/// The programs of one bundle.
#[derive(Debug)]
pub(super) struct Programs {
    until: Instant,
    mute: Mutex<BTreeSet<String>>,
}

impl Programs {
    /// To be asked until then.
    pub(super) fn until(until: Instant) -> Self {
        Programs { until, mute: Mutex::default() }
    }

    /// Asks a program. One that gave no answer in time is not asked a second time.
    ///
    /// # Errors
    /// That it is not here, took too long, or what it said on standard error.
    pub(super) fn ask(&self, program: &str, words: &[&str]) -> Result<String, String> {
        let mute = || self.mute.lock().unwrap_or_else(PoisonError::into_inner);
        if mute().contains(program) {
            return Err(format!("{program} is not asked again: it gave no answer before"));
        }
        let patience = if program == "journalctl" { PATIENCE_LOGS } else { PATIENCE };
        let patience = patience.min(self.until.saturating_duration_since(Instant::now()));
        if patience.is_zero() {
            return Err(format!("{program} was not asked: no time was left"));
        }
        let asked = Asked::start(program, words)?;
        match asked.answer(patience) {
            (None, out, _) => {
                mute().insert(program.to_owned());
                Err(format!("{program} took longer than {} s; until then it said:\n{out}", patience.as_secs()))
            }
            (Some(status), out, errors) if status.success() || !out.is_empty() => match errors.trim() {
                "" => Ok(out),
                // That it may not see everything, as often as not.
                errors => Ok(format!("{out}({program} also said: {errors})\n")),
            },
            (Some(status), _, errors) => Err(format!("{program} {}: {status}: {}", words.join(" "), errors.trim())),
        }
    }
}

/// A program that runs, in a process group of its own.
struct Asked {
    child: Child,
    out: Heard,
    errors: Heard,
}

impl Asked {
    fn start(program: &str, words: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(words)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("SYSTEMD_COLORS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        Ok(Asked { out: Heard::of(out), errors: Heard::of(errors), child })
    }

    /// How it ended (none: not in time) and what was heard of it: standard output and standard error.
    fn answer(mut self, patience: Duration) -> (Option<ExitStatus>, String, String) {
        let status = self.ended(patience);
        let settled = status.is_some() && self.out.ended() && self.errors.ended();
        if !settled {
            // Whoever it left behind holds the pipe and would hold us.
            self.kill();
        }
        if status.is_none() && self.ended(SETTLE).is_none() {
            // It stands in the kernel: whenever it comes out, somebody takes its end.
            let mut child = self.child;
            std::thread::spawn(move || child.wait());
        }
        (status, self.out.text(), self.errors.text())
    }

    fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
                _ => return None,
            }
        }
    }

    fn kill(&self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // A group that is empty by now needs no blow.
        group.and_then(|group| kill_process_group(group, Signal::KILL).ok());
    }
}

/// What comes out of a pipe, taken by a thread that nobody waits for.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Heard {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (ended, end) = channel();
        if let Some(mut pipe) = pipe {
            let kept = bytes.clone();
            std::thread::spawn(move || {
                let mut chunk = [0; 16 * 1024];
                while let Ok(read @ 1..) = pipe.read(&mut chunk) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    // The rest is read all the same, so that the program can end.
                    let room = MOST.saturating_sub(kept.len()).min(read);
                    kept.extend_from_slice(&chunk[..room]);
                }
                // Where nobody asks any more, nobody needs to know.
                ended.send(()).ok();
            });
        }
        Heard { bytes, end }
    }

    fn ended(&self) -> bool {
        self.end.recv_timeout(SETTLE).is_ok()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        Programs::until(Instant::now() + Duration::from_secs(600))
    }

    #[test]
    fn an_answer_is_its_words_and_a_fault_is_told() {
        assert_eq!(
            programs().ask("sh", &["-c", "echo here; echo there >&2; exit 3"]),
            Ok("here\n(sh also said: there)\n".to_owned())
        );
        let told = programs().ask("sh", &["-c", "echo broken >&2; exit 3"]).unwrap_err();
        assert!(told.contains("exit status: 3: broken"), "{told}");
        let told = programs().ask("no-such-program", &[]).unwrap_err();
        assert!(told.contains("no-such-program cannot be started"), "{told}");
        let long = programs().ask("head", &["-c", "20000000", "/dev/zero"]).unwrap();
        assert_eq!(long.len(), MOST, "more is not kept, and the program still ends");
    }

    /// Waiting for the pipe's end would take ten minutes here.
    #[test]
    fn a_program_that_leaves_another_one_behind_holds_nobody_up() {
        let left: i32 = programs().ask("sh", &["-c", "sleep 600 & echo $!"]).unwrap().trim().parse().unwrap();
        // Dead, and at most not yet buried by whoever inherits orphans here.
        let state = || std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
        while !(state().is_empty() || state().contains(") Z ")) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_program_that_hangs_is_cut_with_its_children_and_not_asked_again() {
        let programs = Programs::until(Instant::now() + Duration::from_secs(2));
        let told = programs.ask("sh", &["-c", "echo begun; sleep 600 & wait"]).unwrap_err();
        assert!(told.contains("took longer") && told.contains("begun"), "{told}");
        assert!(programs.ask("sh", &["-c", "true"]).unwrap_err().contains("not asked again"));
        let over = Programs::until(Instant::now());
        assert!(over.ask("true", &[]).unwrap_err().contains("no time was left"));
    }
}
