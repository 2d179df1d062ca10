//! A sold eSIM and its life.

use super::codes::Profile;

/// How far an eSIM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EsimState {
    /// Ordered, the profile not made.
    New,
    /// Ready to be installed.
    Ready,
    /// In a phone.
    Installed,
    /// Off for a while.
    Suspended,
    /// Gone for good.
    Revoked,
    /// Taken back, the money returned.
    Cancelled,
}

/// What must happen before the profile is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Ready,
    /// So many look-ups in vain.
    LookUps(u32),
    /// Milliseconds since 1970 by the provider's clock.
    UntilMs(i64),
    /// It never comes.
    Never,
}

/// One sold eSIM.
#[derive(Debug, Clone)]
pub(super) struct Esim {
    /// The provider's id: `esimTranNo`, `esimId`, a number.
    pub(super) id: String,
    pub(super) profile: Profile,
    /// What is shown as activation code, if not the true one.
    pub(super) shown: Option<String>,
    /// The ledger's order number.
    pub(super) order: u64,
    pub(super) plan: u32,
    /// Bytes.
    pub(super) total: u64,
    /// Bytes.
    pub(super) used: u64,
    pub(super) days: u32,
    pub(super) created_s: i64,
    pub(super) expires_s: i64,
    pub(super) state: EsimState,
    pub(super) wait: Wait,
}

impl Esim {
    /// The activation code as the provider shows it.
    pub(super) fn lpa(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.profile.lpa)
    }

    /// Counts a look-up; `true` once the profile is there.
    pub(super) fn looked_at(&mut self, now_ms: i64) -> bool {
        let ready = match &mut self.wait {
            Wait::Ready => true,
            Wait::LookUps(0) => true,
            Wait::LookUps(left) => {
                *left -= 1;
                false
            }
            Wait::UntilMs(at) => *at <= now_ms,
            Wait::Never => false,
        };
        if ready {
            self.wait = Wait::Ready;
            if self.state == EsimState::New {
                self.state = EsimState::Ready;
            }
        }
        ready
    }

    pub(super) fn is_ready(&self) -> bool {
        self.wait == Wait::Ready
    }

    /// Bytes left.
    pub(super) fn left(&self) -> u64 {
        self.total.saturating_sub(self.used)
    }

    /// A top-up of so many bytes and days.
    pub(super) fn top_up(&mut self, bytes: u64, days: u32) {
        self.total += bytes;
        self.days += days;
        self.expires_s += i64::from(days) * 86_400;
    }
}
