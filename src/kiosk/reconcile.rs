//! The equation of sale.md 14, and journal, terminal and providers side by side: pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::journal::stock::StockState;
use crate::journal::{UnreadableSale, word};
use crate::money::Exact;
use crate::sale::id::ProfileId;
use crate::sale::offer::Source;
use crate::sale::record::CaseDecision;
use crate::sale::transaction::Totals;
use crate::sale::{Closing, Goods, Money, Sale};

/// What is compared.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The sales.
    pub sales: &'a [Sale],
    /// Those that cannot be read any more.
    pub unreadable: &'a [UnreadableSale],
    /// Cases that nobody has decided, of any sale.
    pub open_cases: u32,
    /// Every item of the stock by its profile, also the sold and the retired ones: state and cost.
    pub stock: &'a BTreeMap<ProfileId, (StockState, Exact)>,
    /// What was bought for the stock in the same time: account and cost.
    pub purchases: &'a [(String, ProfileId, Exact)],
    /// The terminal's totals, where it told them.
    pub terminal: Option<Totals>,
    /// The wallets then and now, by account.
    pub wallets: &'a BTreeMap<String, (Option<Exact>, Option<Exact>)>,
    /// The last end of day before these sales.
    pub day: u64,
    /// Now, milliseconds since 1970.
    pub made_ms: i64,
}

/// Where a bought good went. Every one goes to exactly one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Went {
    /// Delivered and acknowledged.
    Delivered,
    /// Shown, not acknowledged.
    Shown,
    /// In stock: free, reserved or being cancelled.
    Stock,
    /// Sold from stock by a later sale.
    SoldFromStock,
    /// Taken out of the stock.
    Retired,
    /// Shown and not paid.
    GivenAway,
    /// Bought and never got.
    Lost,
    /// Bought, code not here yet.
    Owed,
    /// Paid or being decided: here, not handed over yet.
    Open,
    /// Nobody can say: a case, or a fault.
    Nowhere,
}

/// Sums of one currency: how many and how much, in the exact units of [`Exact`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u32,
    /// How much, by currency, as decimal text.
    pub cost: BTreeMap<String, String>,
    #[serde(skip)]
    units: BTreeMap<String, i128>,
}

impl Sum {
    fn add(&mut self, cost: Exact) {
        self.count += 1;
        let currency = cost.currency.to_string();
        let units = self.units.entry(currency.clone()).or_default();
        *units += cost.units;
        self.cost.insert(currency, Exact { units: *units, ..cost }.decimal());
    }
}

/// Cards: by the journal, and by the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cards {
    /// Payments that were taken.
    pub paid: u32,
    /// Their sum in minor units.
    pub paid_minor: i64,
    /// Of these, given back at the terminal.
    pub back: u32,
    /// Their sum.
    pub back_minor: i64,
    /// Of those that are back, by the word of a person: the terminal may still count them as taken.
    #[serde(default)]
    pub back_stated: u32,
    /// Their sum.
    #[serde(default)]
    pub back_stated_minor: i64,
    /// Of these, to be given back by the acquirer.
    pub refund_due: u32,
    /// Payments of which nobody knows.
    pub unknown: u32,
    /// Their sum.
    pub unknown_minor: i64,
    /// The terminal's totals.
    pub terminal: Option<Totals>,
}

/// One account: by the journal, and by its wallet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Orders that were surely bought.
    pub bought: Sum,
    /// Orders of which nobody knows.
    pub unknown: u32,
    /// The wallet at the last reckoning.
    pub wallet_before: Option<String>,
    /// The wallet now.
    pub wallet_now: Option<String>,
    /// What left the wallet, where both are known; below zero where it was filled.
    pub left: Option<String>,
}

/// A reckoning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reckoning {
    /// The last end of day before it.
    pub day: u64,
    /// When it was made, milliseconds since 1970, UTC.
    pub made_ms: i64,
    /// Sales by how they ended: `delivered`, `open`, …
    pub sales: BTreeMap<String, u32>,
    /// Money in.
    pub cards: Cards,
    /// Money out, by where each bought good went.
    pub goods: BTreeMap<Went, Sum>,
    /// Money out, by account.
    pub accounts: BTreeMap<String, Account>,
    /// Cases that nobody has decided, of any sale.
    pub open_cases: u32,
    /// What does not agree; nothing where the books balance.
    pub differences: Vec<String>,
    /// What could not be compared, because one side was not known.
    #[serde(default)]
    pub not_compared: Vec<String>,
    /// What an operator found out about the differences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

/// What an operator found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Why the books did not balance.
    pub reason: String,
    /// When it was written down, milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl Reckoning {
    /// Everything agrees.
    pub fn balances(&self) -> bool {
        self.differences.is_empty()
    }

    /// The last word: nobody is told that books balance of which one side is not known.
    pub fn verdict(&self) -> String {
        match (self.balances(), self.not_compared.is_empty()) {
            (true, true) => "the books balance".to_owned(),
            (true, false) => "what was compared agrees; not everything was compared".to_owned(),
            (false, _) => "the books do not balance".to_owned(),
        }
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("day {}: {} open cases", self.day, self.open_cases)];
        lines.extend(self.sales.iter().map(|(how, count)| format!("  {count} sales {how}")));
        let cards = &self.cards;
        lines.push(format!(
            "cards: {} paid {} minor units, {} back {}, {} refunds due, {} unknown {}",
            cards.paid,
            cards.paid_minor,
            cards.back,
            cards.back_minor,
            cards.refund_due,
            cards.unknown,
            cards.unknown_minor
        ));
        lines.push(match cards.terminal {
            Some(totals) => format!("  terminal: {} payments, {} minor units", totals.count, totals.sum_minor),
            None => "  the terminal's totals are not known".to_owned(),
        });
        let costs = |sum: &Sum| {
            let sums: Vec<String> = sum.cost.iter().map(|(currency, cost)| format!("{cost} {currency}")).collect();
            sums.join(" + ")
        };
        for (went, sum) in &self.goods {
            lines.push(format!("goods {}: {} for {}", word(went), sum.count, costs(sum)));
        }
        for (name, account) in &self.accounts {
            let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "?".to_owned());
            lines.push(format!(
                "{name}: {} bought for {}, {} unknown; wallet {} → {}",
                account.bought.count,
                costs(&account.bought),
                account.unknown,
                text(&account.wallet_before),
                text(&account.wallet_now)
            ));
        }
        lines.extend(self.not_compared.iter().map(|what| format!("not compared: {what}")));
        lines.extend(self.differences.iter().map(|difference| format!("DIFFERENCE: {difference}")));
        match &self.settled {
            Some(settled) => lines.push(format!("settled: {}", settled.reason)),
            None if self.balances() => lines.push(self.verdict()),
            None => {}
        }
        lines
    }
}

/// Compares.
pub fn reckon(facts: &Facts<'_>) -> Reckoning {
    let mut made = Reckoning {
        day: facts.day,
        made_ms: facts.made_ms,
        sales: BTreeMap::new(),
        cards: Cards { terminal: facts.terminal, ..Cards::default() },
        goods: BTreeMap::new(),
        accounts: BTreeMap::new(),
        open_cases: facts.open_cases,
        differences: Vec::new(),
        not_compared: Vec::new(),
        settled: None,
    };
    for sale in facts.sales {
        let how = sale.closed.as_ref().map_or_else(|| "open".to_owned(), word);
        *made.sales.entry(how).or_default() += 1;
        if sale.quote.day >= facts.day {
            count_card(&mut made.cards, sale);
        }
        count_goods(&mut made, facts, sale);
    }
    for sale in facts.unreadable {
        *made.sales.entry("unreadable".to_owned()).or_default() += 1;
        made.cards.unknown += 1;
        made.cards.unknown_minor += sale.amount_minor;
        made.differences.push(format!("sale {} cannot be read, and counts nowhere: {}", sale.number, sale.why));
    }
    for (account, profile, cost) in facts.purchases {
        made.accounts.entry(account.clone()).or_default().bought.add(*cost);
        let went = facts.stock.get(profile).map_or(Went::Nowhere, |(state, _)| in_stock(*state));
        place(&mut made, went, *cost, || format!("profile {profile} was bought for the stock"));
    }
    compare_cards(&mut made);
    compare_wallets(&mut made, facts);
    made
}

fn count_card(cards: &mut Cards, sale: &Sale) {
    let minor = sale.quote.amount.minor;
    match sale.payment.money {
        Money::Unknown => {
            cards.unknown += 1;
            cards.unknown_minor += minor;
        }
        _ if sale.payment.paid_as.is_none() => {}
        money => {
            cards.paid += 1;
            cards.paid_minor += minor;
            match money {
                Money::Back => {
                    cards.back += 1;
                    cards.back_minor += minor;
                    // By the acquirer, mostly: the terminal's store knows nothing of that.
                    if sale.cases.iter().any(|case| case.decided == Some(CaseDecision::Back)) {
                        cards.back_stated += 1;
                        cards.back_stated_minor += minor;
                    }
                }
                Money::RefundDue => cards.refund_due += 1,
                _ => {}
            }
        }
    }
}

fn count_goods(made: &mut Reckoning, facts: &Facts<'_>, sale: &Sale) {
    for (index, good) in sale.goods.iter().enumerate() {
        let offer = sale.offer(index);
        if matches!(offer.source, Source::Stock { .. }) {
            continue;
        }
        let account = made.accounts.entry(offer.provider.to_string()).or_default();
        if matches!(good.state, Goods::Unknown | Goods::Asked) {
            account.unknown += 1;
            continue;
        }
        if !sale.was_bought(index) {
            continue;
        }
        // What the provider says it took, where it says so in its own currency.
        let cost = good.charged.filter(|charged| charged.currency == offer.cost.currency).unwrap_or(offer.cost);
        account.bought.add(cost);
        let kept = good.profile.filter(|_| good.in_stock).and_then(|profile| facts.stock.get(&profile));
        let went = match (good.in_stock, kept, sale.closed) {
            (true, Some((state, _)), _) => in_stock(*state),
            (true, None, _) => Went::Nowhere,
            (false, _, _) if good.state == Goods::Absent => Went::Lost,
            (false, _, _) if good.state == Goods::Accepted => Went::Owed,
            (false, _, Some(Closing::Delivered)) => Went::Delivered,
            (false, _, Some(Closing::Shown)) => Went::Shown,
            (false, _, Some(Closing::Lost)) => Went::Lost,
            (false, _, Some(_)) if good.exposed => Went::GivenAway,
            (false, _, Some(_)) => Went::Nowhere,
            (false, _, None) => Went::Open,
        };
        let number = sale.quote.number.clone();
        place(made, went, cost, || format!("good {index} of sale {number} was bought"));
    }
}

fn in_stock(state: StockState) -> Went {
    match state {
        StockState::Free | StockState::Reserved | StockState::Cancelling => Went::Stock,
        StockState::Sold => Went::SoldFromStock,
        StockState::Retired => Went::Retired,
    }
}

fn place(made: &mut Reckoning, went: Went, cost: Exact, what: impl FnOnce() -> String) {
    made.goods.entry(went).or_default().add(cost);
    if went == Went::Nowhere {
        made.differences.push(format!("{} and is nowhere: neither handed over nor in stock", what()));
    }
}

/// Money in by the journal, against the terminal: unknown payments may explain a difference, and money that somebody
/// else gave back; nothing else.
fn compare_cards(made: &mut Reckoning) {
    let cards = &made.cards;
    let Some(totals) = cards.terminal else {
        made.not_compared.push("the terminal's totals: it is asked for them at the end of day only".to_owned());
        return;
    };
    let told = i64::try_from(totals.sum_minor).unwrap_or(i64::MAX);
    let booked = cards.paid_minor - cards.back_minor;
    let most = booked + cards.unknown_minor + cards.back_stated_minor;
    if told < booked || told > most {
        made.differences.push(format!(
            "the terminal has {told} minor units in {} payments, the journal {booked} in {} (and {} unknown in {}, {} \
             back by a person's word in {})",
            totals.count,
            cards.paid - cards.back,
            cards.unknown_minor,
            cards.unknown,
            cards.back_stated_minor,
            cards.back_stated
        ));
    }
}

/// What left each wallet, against the orders. Less than the orders: it was filled. More: something was bought that the
/// journal does not know.
fn compare_wallets(made: &mut Reckoning, facts: &Facts<'_>) {
    for (name, (before, now)) in facts.wallets {
        let account = made.accounts.entry(name.clone()).or_default();
        account.wallet_before = before.map(|exact| format!("{} {}", exact.decimal(), exact.currency));
        account.wallet_now = now.map(|exact| format!("{} {}", exact.decimal(), exact.currency));
        let (Some(before), Some(now)) = (before, now) else { continue };
        if before.currency != now.currency {
            continue;
        }
        let left = before.units - now.units;
        account.left = Some(Exact { units: left, ..*now }.decimal());
        let known = account.bought.units.get(&now.currency.to_string()).copied().unwrap_or(0);
        if left > known && account.unknown == 0 {
            let more = Exact { units: left - known, ..*now }.decimal();
            made.differences.push(format!("{more} {} left the wallet at {name} for no order of ours", now.currency));
        }
    }
    let unknown = made.accounts.iter().filter(|(_, account)| account.left.is_none());
    let unknown =
        unknown.map(|(name, _)| format!("the wallet at {name}: not known both at the last end of day and now"));
    made.not_compared.extend(unknown);
}
