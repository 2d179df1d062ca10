//! The service code: compared beside the loop, slowly; after five wrong ones nobody is let in for a while, also not by
//! pulling the plug.

use tracing::{error, info, warn};

use crate::config::PinHash;
use crate::journal::upkeep::Upkeep;

use super::super::Kiosk;
use super::super::inbox::Inbox;
use super::super::view::{PinProblem, Screen, ServicePage};
use super::{CLOSED_AT_START_MS, ServiceNews};

/// Wrong codes before nobody is let in for a while.
const TRIES: u8 = 5;
/// The while, in ms.
const LOCKED_OUT_MS: u64 = 15 * 60_000;
/// Between two tries, in ms.
const BETWEEN_MS: u64 = 2_000;
/// So long the alarm stands if nobody types the right code, in ms.
const ALARM_MS: u64 = 24 * 3_600_000;

impl Kiosk {
    /// The comparison takes a quarter of a second by design: beside the loop.
    pub(super) fn compare_pin(&mut self, typed: String) {
        let now = self.clock.now();
        let Some(door) = &self.service.door else { return };
        if self.service.checking || self.service.wait_ms(&now) > 0 {
            return;
        }
        let (place, inbox, session) = (door.pin.clone(), self.inbox.clone(), self.session.number);
        self.service.checking = true;
        self.service.problem = None;
        tokio::spawn(async move {
            let compared = tokio::task::spawn_blocking(move || {
                let kept = place.read().map_err(|why| super::super::chain(&why))?;
                let hash: PinHash = kept.reveal().parse().map_err(|why| super::super::chain(&why))?;
                Ok(hash.is_of(&typed))
            });
            let right = compared.await.unwrap_or_else(|_| Err("the comparison broke: see the log".to_owned()));
            if inbox.send(Inbox::Serviced(ServiceNews::Pin { session, right })).await.is_err() {
                warn!("the kiosk ended before a service code was taken");
            }
        });
    }

    pub(super) fn pin_is(&mut self, right: Result<bool, String>) {
        self.service.checking = false;
        let now = self.clock.now();
        match right {
            Ok(true) => {
                info!("the service screen was opened");
                self.service.wrong = 0;
                // Not written: the operator gets in all the same, and the disk has its own alarm.
                self.keep_upkeep(Upkeep { locked_out: None, wrong: 0, ..self.upkeep }).ok();
                self.open_page(ServicePage::Devices);
            }
            Ok(false) => {
                self.service.wrong += 1;
                let out = self.service.wrong >= TRIES;
                warn!(tries = self.service.wrong, locked_out = out, "a wrong code at the service screen");
                self.service.problem = Some(if out { PinProblem::LockedOut } else { PinProblem::Wrong });
                self.service.shut_until = Some(now.plus_ms(if out { LOCKED_OUT_MS } else { BETWEEN_MS }));
                if out {
                    self.lock_out();
                } else {
                    // Not written: it counts in this run all the same.
                    self.keep_upkeep(Upkeep { wrong: self.service.wrong, ..self.upkeep }).ok();
                }
            }
            Err(why) => {
                warn!(why, "the service screen's code cannot be read");
                self.service.problem = Some(PinProblem::Unreadable);
            }
        }
    }

    fn lock_out(&mut self) {
        self.service.wrong = 0;
        let lockouts = self.upkeep.lockouts.saturating_add(1);
        error!(lockouts, minutes = LOCKED_OUT_MS / 60_000, "too many wrong codes: the service screen is shut");
        let upkeep = Upkeep { locked_out: Some(self.clock.now()), lockouts, wrong: 0, ..self.upkeep };
        // Not written: it is shut in this run all the same.
        self.keep_upkeep(upkeep).ok();
    }

    /// At start. An age that cannot be known counts from the start: whoever sets the clock back gains nothing.
    pub(in crate::kiosk) fn recover_lockout(&mut self) {
        self.service.wrong = self.upkeep.wrong;
        let Some(at) = self.upkeep.locked_out else { return };
        let left = LOCKED_OUT_MS.saturating_sub(self.clock.now().at_least_since(&at));
        if left > 0 {
            warn!(left_ms = left, "the service screen was shut because of wrong codes before this start");
            self.service.problem = Some(PinProblem::LockedOut);
            self.service.shut_until = Some(self.started_at.plus_ms(left.max(CLOSED_AT_START_MS)));
        }
    }

    /// When somebody was shut out, as long as an operator should be told.
    pub(in crate::kiosk) fn shut_out_since(&self) -> Option<i64> {
        let at = self.upkeep.locked_out?;
        (self.clock.now().at_least_since(&at) < ALARM_MS).then_some(at.wall_ms)
    }

    /// The picture of the door.
    pub(in crate::kiosk) fn service_pin(&self) -> Screen {
        let wait = self.service.wait_ms(&self.clock.now());
        Screen::ServicePin {
            problem: self.service.problem.filter(|problem| *problem != PinProblem::LockedOut || wait > 0),
            checking: self.service.checking,
            wait_s: u16::try_from(wait.div_ceil(1_000)).unwrap_or(u16::MAX),
        }
    }
}
