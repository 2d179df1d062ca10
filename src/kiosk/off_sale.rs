//! Plans that the operator took off sale: kept in the journal, so that a restart does not offer them again.

use crate::catalogue::CannotSell;
use crate::journal::OffSale;
use crate::sale::offer::{PlanKey, ProviderId};

use super::Kiosk;
use super::operator::OperatorAnswer;

/// More than an operator takes off sale by hand: an account that sells nothing is taken out of the configuration.
const MOST: usize = 1_000;

impl Kiosk {
    /// At start.
    pub(super) fn recover_off_sale(&mut self) {
        match self.journal.off_sale() {
            Ok(plans) => self.off_sale = plans,
            Err(error) => self.journal_failed(error),
        }
    }

    /// Whether the operator has anything against selling this plan.
    pub(super) fn for_sale(&self, provider: &ProviderId, plan: &PlanKey) -> Result<(), CannotSell> {
        match self.off_sale.iter().any(|off| off.provider == *provider && off.plan == *plan) {
            true => Err(CannotSell::Withdrawn),
            false => Ok(()),
        }
    }

    /// Takes a plan off sale for a reason, or puts it on sale again. Sales that are begun go on.
    pub(super) fn set_sale(&mut self, provider: &ProviderId, plan: &str, reason: Option<&str>) -> OperatorAnswer {
        let key = PlanKey(plan.to_owned());
        let mut plans = self.off_sale.clone();
        plans.retain(|off| off.provider != *provider || off.plan != key);
        let was_off = plans.len() < self.off_sale.len();
        match reason.map(str::trim) {
            Some("") => return OperatorAnswer::refused("a reason is missing"),
            Some(_) if plans.len() >= MOST => return OperatorAnswer::refused("too many plans are off sale"),
            Some(reason) => {
                let since_ms = self.clock.now().wall_ms;
                plans.push(OffSale { provider: provider.clone(), plan: key, reason: reason.to_owned(), since_ms });
            }
            None if !was_off => return OperatorAnswer::refused(format!("{provider} {plan:?} is on sale")),
            None => {}
        }
        if let Err(error) = self.journal.keep_off_sale(&plans) {
            let text = super::chain(&error);
            self.journal_failed(error);
            return OperatorAnswer::refused(text);
        }
        self.off_sale = plans;
        let named: Vec<String> =
            self.off_sale.iter().map(|off| format!("{} {:?} ({})", off.provider, off.plan.0, off.reason)).collect();
        let text = match named.as_slice() {
            [] => "every plan is on sale".to_owned(),
            named => format!("off sale: {}", named.join(", ")),
        };
        let value = serde_json::to_value(&self.off_sale).unwrap_or_default();
        OperatorAnswer { value, ..OperatorAnswer::done(text) }
    }
}
