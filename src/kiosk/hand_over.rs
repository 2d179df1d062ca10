//! The hand-over: the codes of the session's own sale, one after the other, until the traveller has them all.

use tracing::error;

use crate::sale::activation::{ActivationCode, Profile};
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;

use super::Kiosk;
use super::session::Stage;

/// A second touch so soon after the next code came was meant for the one before, in ms.
const TOO_SOON_MS: u64 = 1_000;

/// The codes that are on this session's screen, one at a time.
pub(super) struct Revealed {
    sale: SaleId,
    /// Which good each code is.
    codes: Vec<(usize, Profile)>,
    place: usize,
    since: Moment,
}

impl Revealed {
    /// The good whose code is on the screen of this sale, its code, and its place among how many.
    pub(super) fn of(&self, sale: SaleId) -> Option<(usize, &Profile, usize, usize)> {
        let (good, profile) = self.codes.get(self.place).filter(|_| self.sale == sale)?;
        Some((*good, profile, self.place, self.codes.len()))
    }

    /// Every code of this sale, for the paper.
    pub(super) fn all_of(&self, sale: SaleId) -> Vec<ActivationCode> {
        let codes = if self.sale == sale { self.codes.as_slice() } else { &[] };
        codes.iter().map(|(_, profile)| profile.code.clone()).collect()
    }
}

impl Kiosk {
    /// Unseals the codes for this session's own screen, and for nobody else.
    pub(super) fn reveal(&mut self, id: SaleId) {
        let ours = matches!(self.session.stage, Stage::Sale(seen) if seen == id);
        let (Some(sale), true) = (self.sales.get(&id), ours) else { return };
        let sealed: Vec<_> =
            sale.goods.iter().enumerate().filter_map(|(good, known)| Some((good, known.profile?))).collect();
        let mut codes = Vec::with_capacity(sealed.len());
        for (good, name) in sealed {
            match self.journal.reveal(name) {
                Ok(Some(found)) => codes.push((good, found)),
                Ok(None) => {
                    error!(sale = %id, good, "the sealed code is not in the journal any more");
                    // Else every tick would ask for it again, and the screen would never forget this traveller.
                    self.session.stage = Stage::Truth(id);
                    return;
                }
                Err(error) => return self.journal_failed(error),
            }
        }
        if !codes.is_empty() {
            self.revealed = Some(Revealed { sale: id, codes, place: 0, since: self.clock.now() });
        }
    }

    /// "I have it": on to the next code, and after the last one to the paper.
    pub(super) fn have_it(&mut self, id: SaleId) {
        let now = self.clock.now();
        if let Some(shown) = self.revealed.as_mut().filter(|shown| shown.sale == id) {
            let soon = shown.place > 0 && now.since(&shown.since).is_some_and(|age| age < TOO_SOON_MS);
            if soon {
                return;
            }
            if shown.place + 1 < shown.codes.len() {
                shown.place += 1;
                shown.since = now;
                return;
            }
        }
        self.tell(id, &Event::HaveIt);
        let acknowledged = self.sales.get(&id).is_some_and(|sale| sale.acknowledged);
        if acknowledged {
            if let Some(card) = self.session.plan.as_deref().and_then(|id| id.parse().ok()) {
                self.shelf.was_chosen(card);
            }
            self.revealed = None;
            self.session.stage = Stage::Receipt(id);
        }
    }
}
