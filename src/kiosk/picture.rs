//! The picture: what the screen must show, computed from session, sale, health and shelf.

use crate::locale;
use crate::sale::{Closing, Decision, Goods, Money, Phase, Sale};

use super::Kiosk;
use super::session::{Idle, Over, Stage, idle, not_charged_reason};
use super::view::{
    Attract, Checking, ChosenLine, Destinations, Frame, GoodsTruth, MoneyTruth, NotCharged, Overlay, Pay, PlanDetail,
    Plans, ReceiptScreen, Screen, SecretText, Selling, Truth, View, YourEsim,
};

/// After so long, preparing says that it can take longer.
const SLOW_MS: u64 = 10_000;

impl Kiosk {
    /// The whole picture; the version is the caller's.
    pub(super) fn picture(&mut self) -> View {
        let now = self.clock.now();
        let screen = self.screen();
        let overlay = match (self.session.over, idle(&self.session, self.is_protected(), &now, &self.settings.patience))
        {
            (_, Idle::Ask(seconds_left)) if self.session.stage != Stage::ThankYou => {
                Some(Overlay::StillThere { seconds_left })
            }
            (Some(Over::Help), _) => Some(Overlay::Help),
            (Some(Over::Settings), _) => Some(Overlay::Settings { languages: self.settings.languages.clone() }),
            (None, _) => None,
        };
        View {
            version: 0,
            session: self.session.number,
            language: self.session.language.clone(),
            look: self.session.look,
            frame: self.frame(&screen),
            screen,
            overlay,
        }
    }

    fn session_sale(&self) -> Option<&Sale> {
        match self.session.stage {
            Stage::Sale(id) | Stage::Receipt(id) | Stage::Truth(id) => self.sales.get(&id),
            _ => None,
        }
    }

    fn frame(&self, screen: &Screen) -> Frame {
        let sale = self.session_sale();
        let step = match screen {
            Screen::Destinations(_) => Some(0),
            Screen::Plans(_) => Some(1),
            Screen::PlanDetail(_) => Some(2),
            Screen::Pay(_) | Screen::Releasing | Screen::Checking { .. } | Screen::NotCharged { .. } => Some(3),
            Screen::Preparing { .. } | Screen::YourEsim(_) | Screen::Receipt(_) => Some(4),
            _ => None,
        };
        let claim = self.claim.as_ref().filter(|(owner, _)| sale.is_some_and(|sale| sale.id == *owner));
        let chosen = match (&self.session.stage, sale) {
            (Stage::PlanDetail { .. }, _) => self.offered().ok().map(|offer| ChosenLine {
                title: offer.title.clone(),
                price: locale::money(&offer.retail, &self.session.language),
            }),
            (Stage::Sale(_), Some(sale)) => Some(ChosenLine {
                title: title_of(sale),
                price: locale::money(&sale.quote.amount, &self.session.language),
            }),
            _ => None,
        };
        Frame {
            operator: self.settings.operator.name.clone(),
            help_phone: self.settings.operator.help_phone.clone(),
            machine: self.settings.machine.clone(),
            sale_number: sale.map(|sale| sale.quote.number.to_string()),
            claim_code: claim.map(|(_, code)| SecretText(code.grouped())),
            can_back: self.session.can_back(),
            can_start_over: self.may_leave(),
            step,
            chosen,
        }
    }

    fn screen(&mut self) -> Screen {
        if let Some(reason) = self.health.out_of_service()
            && !matches!(
                self.session.stage,
                Stage::Sale(_)
                    | Stage::Receipt(_)
                    | Stage::Truth(_)
                    | Stage::ClaimEntry
                    | Stage::ServicePin
                    | Stage::Service(_)
            )
        {
            let since = self.health.closed.as_ref().unwrap_or(&self.health.since);
            let since = locale::time_of_day(self.clock.local(since).time());
            return Screen::OutOfService { reason, since, can_browse: false, can_claim: self.health.journal };
        }
        match self.session.stage {
            Stage::Attract => self.attract(),
            Stage::Language => Screen::Language { languages: self.settings.languages.clone() },
            Stage::Destinations => self.destinations(),
            Stage::Plans => self.plans(),
            Stage::PlanDetail { preparing } => self.plan_detail(preparing),
            // What was chosen stays on the screen while it is read again.
            Stage::Gathering if self.session.destination.is_none() => self.destinations(),
            Stage::Gathering => self.plans(),
            Stage::Sale(id) => match self.sales.get(&id) {
                Some(sale) => self.sale_screen(sale),
                None => Screen::ThankYou,
            },
            Stage::Receipt(id) => self.sales.get(&id).map_or(Screen::ThankYou, |sale| {
                Screen::Receipt(ReceiptScreen {
                    can_print: self.health.can_print(),
                    receipt: self.session.printing,
                    amount: locale::money(&sale.quote.amount, &self.session.language),
                    waits_under_claim_code: true,
                })
            }),
            Stage::ThankYou => Screen::ThankYou,
            Stage::ClaimEntry => {
                let wait = self.throttle.wait_ms(&self.clock.now());
                Screen::ClaimEntry {
                    problem: self.session.claim_problem,
                    wait_s: u16::try_from(wait.div_ceil(1_000)).unwrap_or(u16::MAX),
                }
            }
            Stage::Truth(id) => self.sales.get(&id).map_or(Screen::ThankYou, |sale| Screen::Truth(self.truth(sale))),
            Stage::ServicePin => self.service_pin(),
            Stage::Service(page) => Screen::Service(self.desk(page)),
        }
    }

    fn attract(&self) -> Screen {
        let interrupted_at = self.interrupted.as_ref().map(|(_, at)| locale::time_of_day(self.clock.local(at).time()));
        Screen::Attract(Attract {
            selling: self.health.selling(),
            interrupted_at,
            languages: self.settings.languages.iter().map(|row| row.tag.clone()).collect(),
        })
    }

    fn browse_only(&self) -> Option<super::view::OutOfService> {
        match self.health.selling() {
            Selling::Paused(reason) => Some(reason),
            Selling::Open | Selling::WithoutPaper | Selling::StockOnly => None,
        }
    }

    fn destinations(&mut self) -> Screen {
        let browse_only = self.browse_only();
        let query = self.session.query.clone();
        let language = self.session.language.clone();
        let rows = self.shelf.rows(&language, &query).clone();
        Screen::Destinations(Destinations {
            query,
            popular: rows.popular,
            regions: rows.regions,
            rows: rows.rows,
            letters: rows.letters,
            rows_version: rows.version,
            browse_only,
        })
    }

    fn plans(&mut self) -> Screen {
        let language = self.session.language.clone();
        let catalogue = self.shelf.catalogue().clone();
        let found = self.session.destination.as_deref().and_then(|id| catalogue.destination(id));
        let Some(destination) = found else { return self.destinations() };
        let standing = |provider: &_, plan: &_, cost| self.standing(provider, plan, cost);
        Screen::Plans(Plans {
            destination: destination.name(&language).to_owned(),
            flag: destination.flag().map(str::to_ascii_lowercase),
            plans: self.sellable(self.shelf.plans(destination, &language, &standing)).into(),
            browse_only: self.browse_only(),
        })
    }

    fn plan_detail(&mut self, preparing: bool) -> Screen {
        let language = self.session.language.clone();
        let catalogue = self.shelf.catalogue().clone();
        let card = self.session.plan.as_deref().and_then(|id| id.parse().ok()).and_then(|id| catalogue.card(id));
        let standing = |provider: &_, plan: &_, cost| self.standing(provider, plan, cost);
        // What was found to be gone while the traveller looked at it stays on the screen, with the reason.
        let found_gone = self.session.problem == Some(super::view::PayProblem::PlanGone);
        let shown = card.and_then(|card| {
            let plan = self.shelf.plan(card, &language, &standing);
            let plan = plan.or_else(|| found_gone.then(|| self.shelf.gone(card, &language)).flatten())?;
            Some((card, self.sellable(vec![plan]).pop()?))
        });
        let Some((card, plan)) = shown else {
            return self.plans();
        };
        let destination = catalogue.destination_of(card);
        let source = catalogue.source(card, standing).ok().or(card.sources.first());
        let mut countries: Vec<String> = card.countries.iter().map(|iso| iso.name(&language).to_owned()).collect();
        countries.sort_by_cached_key(|name| locale::folded(name));
        let browse_only = self.browse_only();
        let can_pay = self.session.terms_accepted && !preparing && browse_only.is_none() && plan.unavailable.is_none();
        Screen::PlanDetail(PlanDetail {
            plan,
            destination: destination.name(&language).to_owned(),
            flag: destination.flag().map(str::to_ascii_lowercase),
            countries: countries.into(),
            fair_use: source.map(|source| source.fair_use.to_string()).filter(|text| !text.is_empty()),
            install_at_destination: source.is_some_and(|source| source.install_at_destination),
            phone_takes_esim: self.session.phone_takes_esim,
            terms_accepted: self.session.terms_accepted,
            terms: self.settings.legal(&language),
            without_paper: !self.health.can_print(),
            can_pay,
            preparing,
            problem: self.session.problem.clone().or_else(|| browse_only.map(super::view::PayProblem::NoCards)),
            come_back_before: self.would_be_promised(card.id),
        })
    }

    /// The screen of the session's own sale, computed from its facts.
    fn sale_screen(&self, sale: &Sale) -> Screen {
        let now = self.clock.now();
        let slow = self.preparing_since.as_ref().is_some_and(|since| now.since(since).is_some_and(|age| age > SLOW_MS));
        match sale.phase() {
            Phase::Chosen | Phase::Authorising => Screen::Pay(Pay {
                amount: locale::money(&sale.quote.amount, &self.session.language),
                prompt: self.says.prompt,
                terminal_text: self.says.text.clone(),
                can_cancel: !sale.payment.cancel_wished,
                cancelling: sale.payment.cancel_wished,
                terminal_side: self.settings.terminal_side,
            }),
            Phase::Ordering | Phase::Fetching => Screen::Preparing { step: 1, slow },
            Phase::Committing => Screen::Preparing { step: 2, slow },
            Phase::HandingOver => self.your_esim(sale).unwrap_or(Screen::Preparing { step: 2, slow }),
            Phase::Queued if sale.quote.promised_ms.is_some() => Screen::Truth(self.truth(sale)),
            Phase::Queued => Screen::Checking { what: Checking::Esim },
            Phase::Releasing if sale.payment.paid_as.is_some() => Screen::Checking { what: Checking::MoneyBack },
            Phase::Releasing => Screen::Releasing,
            Phase::Doubtful if sale.payment.evidence_in_case => Screen::Truth(self.truth(sale)),
            Phase::Doubtful => Screen::Checking { what: Checking::Payment },
            Phase::Closed => self.closed(sale),
        }
    }

    fn closed(&self, sale: &Sale) -> Screen {
        match (sale.closed, sale.payment.money) {
            (Some(Closing::Delivered | Closing::Shown), _) => {
                self.your_esim(sale).unwrap_or_else(|| Screen::Truth(self.truth(sale)))
            }
            // What came of a basket is offered at once (sale.md 9).
            (_, Money::None) if sale.goods.len() > 1 && self.can_buy_kept(sale) => Screen::Truth(self.truth(sale)),
            (_, Money::None) => {
                let reason = not_charged_reason(sale);
                let terminal_text = match (&sale.payment.ending, reason) {
                    (_, NotCharged::Declined) => self.says.text.clone(),
                    _ => None,
                };
                Screen::NotCharged { reason, terminal_text, can_retry: self.browse_only().is_none() }
            }
            _ => Screen::Truth(self.truth(sale)),
        }
    }

    fn your_esim(&self, sale: &Sale) -> Option<Screen> {
        let (good, profile, place, count) = self.revealed.as_ref()?.of(sale.id)?;
        let code = &profile.code;
        let title = &sale.offer(good).title;
        Some(Screen::YourEsim(YourEsim {
            title: if count > 1 { format!("{title} ({} / {count})", place + 1) } else { title.clone() },
            qr: SecretText(code.reveal().to_owned()),
            install_link: SecretText(install_link(code.reveal())),
            sm_dp_address: SecretText(code.sm_dp_address().to_owned()),
            matching_id: SecretText(code.matching_id().to_owned()),
            confirmation_code: profile.confirmation_code.clone().map(SecretText),
            iccid: profile.iccid.as_ref().map(|iccid| iccid.as_str().to_owned()),
            wifi: self.settings.wifi(&self.session.language),
            apn: profile.apn.clone(),
            can_print: self.health.can_print(),
            printing: self.session.printing,
            seconds_left: None,
        }))
    }

    fn truth(&self, sale: &Sale) -> Truth {
        let released = matches!(sale.payment.decision, Some(Decision::Release(_)));
        let money = match sale.payment.money {
            Money::None if sale.payment.ended || sale.payment.asked_at.is_none() => MoneyTruth::NotCharged,
            Money::Paid => MoneyTruth::Paid,
            Money::Back => MoneyTruth::Back,
            Money::RefundDue => MoneyTruth::RefundDue,
            _ => MoneyTruth::Unknown,
        };
        let exposed = sale.goods.iter().any(|good| good.exposed);
        let coming = sale.waits_in_queue()
            || sale.goods.iter().any(|good| matches!(good.state, Goods::Asked | Goods::Accepted | Goods::Unknown));
        let goods = if exposed && !sale.has_codes() {
            GoodsTruth::Booked
        } else if exposed {
            GoodsTruth::Shown
        } else if sale.all_stored() && money == MoneyTruth::Paid && !released {
            GoodsTruth::Ready
        } else if coming && money == MoneyTruth::Paid {
            GoodsTruth::Coming
        } else {
            GoodsTruth::None
        };
        let local = self.clock.local(&sale.chosen_at);
        Truth {
            number: sale.quote.number.to_string(),
            local_time: format!(
                "{} {}",
                locale::date(local.date(), &self.session.language),
                locale::time_of_day(local.time())
            ),
            title: title_of(sale),
            amount: locale::money(&sale.quote.amount, &self.session.language),
            money,
            goods,
            can_show_esim: sale.may_claim() && !self.is_estranged(),
            can_buy_kept: self.can_buy_kept(sale),
            can_print: self.health.can_print(),
            printing: self.session.printing,
            come_back_before: (goods == GoodsTruth::Coming).then(|| self.promised_time(sale)).flatten(),
        }
    }
}

/// What was bought, in a line: each title once, with how many.
fn title_of(sale: &Sale) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for good in 0..sale.goods.len() {
        let title = sale.offer(good).title.as_str();
        match counted.iter_mut().find(|(known, _)| *known == title) {
            Some((_, count)) => *count += 1,
            None => counted.push((title, 1)),
        }
    }
    let lines: Vec<String> = counted
        .into_iter()
        .map(|(title, count)| if count > 1 { format!("{count} × {title}") } else { title.to_owned() })
        .collect();
    lines.join(" + ")
}

/// Apple's universal link, which opens the installation on the phone that scans it.
fn install_link(code: &str) -> String {
    let mut link = String::from("https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=");
    for byte in code.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            link.push(char::from(byte));
        } else {
            link.push_str(&format!("%{byte:02X}"));
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::install_link;

    #[test]
    fn the_link_carries_the_code_escaped() {
        assert_eq!(
            install_link("LPA:1$smdp.io$AB-1"),
            "https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA%3A1%24smdp.io%24AB-1"
        );
    }
}
