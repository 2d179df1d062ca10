//! What travellers saw, on the screen and on paper, against what was sold to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use super::{Auditor, Kind, Known};
use crate::sale::Sale;
use crate::sale::id::ProfileId;
use crate::sale::offer::{OrderReference, Source};
use crate::sale::record::Record;
use crate::sim::kiosk::robot::Sight;
use crate::sim::torture::sale::shop::Sold;

impl Auditor<'_> {
    /// Who says "I have it" was shown every code.
    pub(super) fn codes_seen(&mut self) {
        let sights = self.stand.sights.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for sale in self.sales.clone().into_iter().filter(|sale| sale.acknowledged) {
            let with_code = sale.goods.iter().filter(|good| good.profile.is_some()).count();
            let seen = sights.iter().filter_map(|sight| match sight {
                Sight::Code { number, code } if *number == sale.quote.number.0 => Some(code),
                _ => None,
            });
            let seen = seen.collect::<BTreeSet<_>>().len();
            if seen < with_code {
                let number = &sale.quote.number;
                self.wrong(
                    Kind::ChargedForNothing,
                    format!("{number} was taken over after {seen} of {with_code} codes"),
                );
            }
        }
    }

    /// The codes that were shown, with the label of their sale: on the screen, and on paper.
    fn shown(&self, known: &Known) -> Vec<(String, String)> {
        let sights = self.stand.sights.lock().unwrap_or_else(PoisonError::into_inner);
        let on_screen = sights.iter().skip(known.sights).filter_map(|sight| match sight {
            Sight::Code { number, code } => Some((number.clone(), code.clone())),
            _ => None,
        });
        let receipts = self.stand.tray.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        let on_paper = receipts.iter().skip(known.receipts).flat_map(|receipt| {
            receipt.activations.iter().map(|code| (receipt.number.to_string(), code.reveal().to_owned()))
        });
        on_screen.chain(on_paper).collect()
    }

    /// What was shown to somebody is for sale to nobody.
    pub(super) fn sold_again(&mut self) {
        let shown = self.shown(&Known::default());
        let for_sale = self.stand.disk.for_sale();
        for order in self.stand.shop.sold().iter().filter(|order| for_sale.contains(&order.reference.0)) {
            if let Some((number, _)) = shown.iter().find(|(_, code)| *code == order.code) {
                self.wrong(
                    Kind::WrongCode,
                    format!("{} was shown to {number}, and is for sale again", order.reference.0),
                );
            }
        }
    }

    /// What was shown to somebody is shown to nobody else, whatever way it went in between.
    pub(super) fn shown_twice(&mut self) {
        let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (number, code) in self.shown(&Known::default()) {
            seen.entry(code).or_default().insert(number);
        }
        for (code, numbers) in seen.into_iter().filter(|(_, numbers)| numbers.len() > 1) {
            let numbers = numbers.into_iter().collect::<Vec<_>>().join(" and ");
            self.wrong(Kind::WrongCode, format!("{code} was shown to {numbers}"));
        }
    }

    /// The order that brought a profile which lay in stock: one from before the first sale, or the good of an older sale
    /// that gave up its claim on it.
    fn brought(&self, profile: ProfileId) -> Option<OrderReference> {
        let laid = self.stand.stocked.iter().find(|(_, there)| *there == profile);
        let given_up = || {
            let goods = self.sales.iter().flat_map(|sale| &sale.goods);
            let left = goods.filter(|good| good.profile == Some(profile) && good.in_stock && !good.exposed);
            left.filter_map(|good| good.reference.clone()).next()
        };
        laid.map(|(order, _)| OrderReference(order.clone())).or_else(given_up)
    }

    /// Which good of this sale the provider's order is: ordered for it, or the very item that it took from the stock.
    fn good_of(&self, sale: &Sale, order: &Sold) -> Option<usize> {
        (0..sale.goods.len()).find(|place| {
            let good = &sale.goods[*place];
            match sale.offer(*place).source {
                Source::Stock { profile } => {
                    good.profile == Some(profile) && self.brought(profile).as_ref() == Some(&order.reference)
                }
                Source::Provider => good.reference.as_ref() == Some(&order.reference) && order.key.sale == sale.id,
            }
        })
    }

    pub(super) fn sights(&mut self) {
        let sold = self.stand.shop.sold();
        for (number, code) in self.shown(&self.known) {
            let sale = self.sales.iter().find(|sale| sale.quote.number.0 == number);
            let good = sale.and_then(|sale| {
                let orders = sold.iter().filter(|order| order.code == code);
                orders.filter_map(|order| self.good_of(sale, order)).next()
            });
            let exposed = sale.is_some_and(|sale| {
                let is_it = |shown: u8| good.is_none_or(|good| good == usize::from(shown));
                self.records(sale.id).iter().any(|record| matches!(record, Record::Exposed { good } if is_it(*good)))
            });
            if good.is_none() {
                self.wrong(Kind::WrongCode, format!("{number} showed a code that is not its own"));
            }
            if !exposed {
                self.wrong(Kind::LostRecord, format!("{number} was shown, and that is not written down"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::sim::kiosk::robot::{Errand, Order, Wants};
    use crate::sim::terminal::Stranded;
    use crate::sim::terminal::torture::in_virtual_time;
    use crate::sim::torture::sale::blade::{Cut, Disk};
    use crate::sim::torture::sale::books::audit;
    use crate::sim::torture::sale::manner::{Ends, Manner};
    use crate::sim::torture::sale::play::rest;
    use crate::sim::torture::sale::scenario::Setting;
    use crate::sim::torture::sale::stand::Stand;

    const PATIENCE: Duration = Duration::from_secs(600);

    /// A stand where a basket of three was let go, what came of it lay in stock, and somebody else bought two of it.
    async fn sold_from_what_was_left() -> Stand {
        let stand = Stand::set(&Setting::plain(Stranded::Reverses));
        let open = stand.open(Cut::Never, Disk::Honest);
        stand.shop.set_goods(Some(Manner::SellsLater(Duration::from_secs(300))), Ends::Well);
        let basket = |count| Errand::Order(Order::of(Wants::Esims(count)));
        stand.traveller(&open).run(&basket(3), PATIENCE).await;
        rest(&stand, true).await;
        // What came late is there, and nothing is kept for the first traveller's code any more.
        sleep(Duration::from_secs(5 * 3_600)).await;
        stand.shop.set_goods(None, Ends::Well);
        stand.traveller(&open).run(&basket(2), PATIENCE).await;
        rest(&stand, true).await;
        open.end(&stand, Cut::Never).await;
        stand
    }

    fn says(stand: &Stand, what: &str) -> bool {
        audit(stand).iter().any(|wrong| wrong.kind == Kind::WrongCode && wrong.what == what)
    }

    fn code_of(sight: Sight) -> Option<String> {
        match sight {
            Sight::Code { code, .. } => Some(code),
            _ => None,
        }
    }

    fn shows(stand: &Stand, number: &str, code: &str) {
        let sight = Sight::Code { number: number.to_owned(), code: code.to_owned() };
        stand.sights.lock().unwrap().push(sight);
    }

    /// What an older sale left in stock is the next buyer's own; anything else that is shown there is not, and neither is
    /// that item shown to anybody else.
    #[test]
    fn a_code_from_the_stock_is_its_buyers_and_nobody_elses() {
        in_virtual_time(async {
            let stand = sold_from_what_was_left().await;
            assert_eq!(audit(&stand), []);
            let (sales, sold) = (stand.disk.sales(), stand.shop.sold());
            assert_eq!((sales.len(), sold.len()), (2, 3), "the second sale ordered nothing");
            let (first, number) = (&sales[0].quote.number.0, &sales[1].quote.number.0);
            let shown: BTreeSet<String> = stand.seen().into_iter().filter_map(code_of).collect();
            assert_eq!(shown.len(), 2, "{shown:?}");
            let other = sold.iter().find(|order| !shown.contains(&order.code)).unwrap();
            let code = shown.first().unwrap();

            let not_its_own = format!("{number} showed a code that is not its own");
            shows(&stand, number, &other.code);
            assert!(says(&stand, &not_its_own), "the third item of the stock is not this buyer's");
            stand.sights.lock().unwrap().pop();

            shows(&stand, number, "LPA:1$smdp.example$NOBODYS");
            assert!(says(&stand, &not_its_own), "nobody sold that");
            stand.sights.lock().unwrap().pop();

            shows(&stand, first, code);
            assert!(says(&stand, &format!("{code} was shown to {first} and {number}")), "{:?}", audit(&stand));
        })
        .unwrap();
    }
}
