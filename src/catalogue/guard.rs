//! Whether a fresh list of plans is believed. A list that lost much, or whose prices moved much, is more often an
//! accident (half a sync, public prices for an expired token) than the truth.

use std::collections::HashMap;

use super::section::Offering;
use crate::money::Exact;
use crate::sale::plan::ProviderPlan;

/// Why a fresh list is refused; the last good one stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No plan at all.
    #[error("the provider listed no plan")]
    Empty,
    /// Too many plans are gone.
    #[error("{lost} of {of} plans are gone: raise catalogue.most_lost_percent for one sync if that is true")]
    Lost {
        /// Gone.
        lost: usize,
        /// Before.
        of: usize,
    },
    /// Too many prices moved.
    #[error("{changed} of {of} prices moved: raise catalogue.most_changed_percent for one sync if that is true")]
    Changed {
        /// Moved beyond the step.
        changed: usize,
        /// Plans in both lists.
        of: usize,
    },
}

/// Compares a provider's fresh list with its last good one.
///
/// # Errors
/// [`Refused`] says what is wrong with the fresh one.
pub fn believe(last: &[ProviderPlan], fresh: &[ProviderPlan], offering: &Offering) -> Result<(), Refused> {
    if fresh.is_empty() {
        return Err(Refused::Empty);
    }
    let costs: HashMap<&str, Exact> = fresh.iter().map(|plan| (plan.key.0.as_str(), plan.cost)).collect();
    let kept: Vec<(Exact, Exact)> =
        last.iter().filter_map(|plan| Some((plan.cost, *costs.get(plan.key.0.as_str())?))).collect();
    let lost = last.len() - kept.len();
    if exceeds(lost, last.len(), offering.most_lost_percent) {
        return Err(Refused::Lost { lost, of: last.len() });
    }
    let step = i128::from(offering.price_step_percent);
    let moved = |(before, now): &&(Exact, Exact)| {
        before.currency != now.currency || (now.units - before.units).abs() * 100 > before.units.abs() * step
    };
    let changed = kept.iter().filter(moved).count();
    if exceeds(changed, kept.len(), offering.most_changed_percent) {
        return Err(Refused::Changed { changed, of: kept.len() });
    }
    Ok(())
}

fn exceeds(part: usize, whole: usize, percent: u32) -> bool {
    part * 100 > whole * usize::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn a_list_that_lost_or_moved_too_much_is_refused() {
        let offering = Offering::default();
        let last: Vec<_> = (0..10).map(|n| plan(&n.to_string(), "Japan", 1, 7, "2.00")).collect();
        assert_eq!(believe(&[], &last, &offering), Ok(()));
        assert_eq!(believe(&last, &last, &offering), Ok(()));
        assert_eq!(believe(&last, &[], &offering), Err(Refused::Empty));
        assert_eq!(believe(&last, &last[..7], &offering), Ok(()), "30 % may go");
        assert_eq!(believe(&last, &last[..6], &offering), Err(Refused::Lost { lost: 4, of: 10 }));
        let mut fresh = last.clone();
        for plan in &mut fresh[..3] {
            plan.cost.units = plan.cost.units * 5 / 4;
        }
        assert_eq!(believe(&last, &fresh, &offering), Ok(()), "25 % is no step");
        for plan in &mut fresh[..3] {
            plan.cost.units += 1;
        }
        assert_eq!(believe(&last, &fresh, &offering), Err(Refused::Changed { changed: 3, of: 10 }));
        fresh[2] = last[2].clone();
        assert_eq!(believe(&last, &fresh, &offering), Ok(()), "20 % may move");
    }
}
