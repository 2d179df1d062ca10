//! The screens from the plan detail on, where a traveller's secrets are shown: all of them are emptied whenever
//! another screen comes up.

use slint::Image;

use super::generated as ui;
use super::generated::{Place, Shown};
use super::{map, qr};
use crate::kiosk::view::{self, PayProblem, PlanDetail, Screen, YourEsim};

/// Widths of the symbols: a camera at arm's length reads 60 mm at once; the others are scanned from nearer.
const ESIM_MM: f32 = 60.5;
const LINK_MM: f32 = 50.0;
const WIFI_MM: f32 = 40.0;

/// Nothing of a sale stays in the window.
pub(super) fn clear(shown: &Shown<'_>) {
    set(shown, Sale::default());
}

/// What these screens carry, one of them filled.
#[derive(Default)]
struct Sale {
    attract: ui::AttractData,
    detail: ui::DetailData,
    pay: ui::PayData,
    preparing: ui::PreparingData,
    esim: Option<ui::EsimData>,
    receipt: ui::ReceiptData,
    not_charged: ui::NotChargedData,
    checking: ui::CheckingWhat,
    truth: ui::TruthData,
    claim: ui::ClaimData,
    out: ui::OutData,
}

fn set(shown: &Shown<'_>, sale: Sale) {
    shown.set_attract(sale.attract);
    shown.set_detail(sale.detail);
    shown.set_pay(sale.pay);
    shown.set_preparing(sale.preparing);
    shown.set_esim(sale.esim.unwrap_or_else(|| ui::EsimData { seconds_left: -1, ..Default::default() }));
    shown.set_receipt(sale.receipt);
    shown.set_not_charged(sale.not_charged);
    shown.set_checking(sale.checking);
    shown.set_truth(sale.truth);
    shown.set_claim(sale.claim);
    shown.set_out(sale.out);
}

/// Shows one of these screens.
#[expect(clippy::too_many_lines, reason = "one arm for each screen, and nothing else")]
pub(super) fn show(shown: &Shown<'_>, px_per_mm: f32, screen: &Screen) -> Place {
    let mut sale = Sale::default();
    let place = match screen {
        Screen::Attract(attract) => {
            let (selling, reason) = map::selling(attract.selling);
            let interrupted_at = map::text(attract.interrupted_at.as_deref());
            sale.attract = ui::AttractData { selling, reason, interrupted_at };
            Place::Attract
        }
        Screen::PlanDetail(plan) => {
            sale.detail = detail(plan);
            Place::PlanDetail
        }
        Screen::Pay(pay) => {
            sale.pay = ui::PayData {
                amount: pay.amount.as_str().into(),
                prompt: map::prompt(pay.prompt),
                terminal_text: map::text(pay.terminal_text.as_deref()),
                can_cancel: pay.can_cancel,
                cancelling: pay.cancelling,
                side: map::side(pay.terminal_side),
            };
            Place::Pay
        }
        Screen::Preparing { step, slow } => {
            sale.preparing = ui::PreparingData { step: i32::from(*step), slow: *slow };
            Place::Preparing
        }
        Screen::YourEsim(esim) => {
            sale.esim = Some(your_esim(shown, px_per_mm, esim));
            Place::YourEsim
        }
        Screen::Receipt(receipt) => {
            let (printing, fault) = map::printing(receipt.receipt);
            sale.receipt = ui::ReceiptData {
                can_print: receipt.can_print,
                printing,
                fault,
                amount: receipt.amount.as_str().into(),
                waits_under_code: receipt.waits_under_claim_code,
            };
            Place::Receipt
        }
        Screen::NotCharged { reason, terminal_text, can_retry } => {
            sale.not_charged = ui::NotChargedData {
                why: map::not_charged(*reason),
                terminal_text: map::text(terminal_text.as_deref()),
                can_retry: *can_retry,
            };
            Place::NotCharged
        }
        Screen::Checking { what } => {
            sale.checking = map::checking(*what);
            Place::Checking
        }
        Screen::Truth(truth) => {
            sale.truth = truth_of(truth);
            Place::Truth
        }
        Screen::ClaimEntry { problem, wait_s } => {
            let trouble = match problem {
                None => ui::ClaimTrouble::None,
                Some(view::ClaimProblem::Mistyped) => ui::ClaimTrouble::Mistyped,
                Some(view::ClaimProblem::NotFound) => ui::ClaimTrouble::NotFound,
            };
            sale.claim = ui::ClaimData { trouble, wait_s: i32::from(*wait_s) };
            Place::ClaimEntry
        }
        Screen::OutOfService { reason, since, can_browse, can_claim } => {
            sale.out = ui::OutData {
                reason: map::reason(Some(*reason)),
                since: since.as_str().into(),
                can_browse: *can_browse,
                can_claim: *can_claim,
            };
            Place::OutOfService
        }
        Screen::ThankYou => Place::ThankYou,
        Screen::Releasing => Place::Releasing,
        Screen::Language { .. } => Place::Language,
        Screen::Destinations(_) => Place::Destinations,
        Screen::Plans(_) => Place::Plans,
        Screen::ServicePin { .. } => Place::ServicePin,
        Screen::Service(_) => Place::Service,
    };
    set(shown, sale);
    place
}

fn detail(plan: &PlanDetail) -> ui::DetailData {
    let (flag, has_flag) = map::flag(plan.flag.as_deref());
    let (trouble, old_price, reason) = match &plan.problem {
        None => (ui::PayTrouble::None, "", None),
        Some(PayProblem::PriceChanged { was }) => (ui::PayTrouble::PriceChanged, was.as_str(), None),
        Some(PayProblem::PlanGone) => (ui::PayTrouble::PlanGone, "", None),
        Some(PayProblem::NoCards(reason)) => (ui::PayTrouble::NoCards, "", Some(*reason)),
    };
    ui::DetailData {
        plan: map::plan_card(&plan.plan),
        destination: plan.destination.as_str().into(),
        flag,
        has_flag,
        countries: if plan.countries.len() > 1 { plan.countries.join(", ").into() } else { Default::default() },
        country_count: map::count(plan.countries.len()),
        fair_use: map::text(plan.fair_use.as_deref()),
        install_at_destination: plan.install_at_destination,
        phone: match plan.phone_takes_esim {
            None => ui::Answer::Open,
            Some(true) => ui::Answer::Yes,
            Some(false) => ui::Answer::No,
        },
        terms_accepted: plan.terms_accepted,
        terms: plan.terms.terms.as_str().into(),
        privacy: plan.terms.privacy.as_str().into(),
        without_paper: plan.without_paper,
        before: plan.come_back_before.as_deref().unwrap_or_default().into(),
        can_pay: plan.can_pay,
        preparing: plan.preparing,
        trouble,
        old_price: old_price.into(),
        reason: map::reason(reason),
    }
}

/// The pictures are drawn once per code: a picture that is shown already is taken again.
fn your_esim(shown: &Shown<'_>, px_per_mm: f32, esim: &YourEsim) -> ui::EsimData {
    let before = shown.get_esim();
    let same = before.title == esim.title.as_str()
        && before.sm_dp_address == esim.sm_dp_address.0.as_str()
        && before.matching_id == esim.matching_id.0.as_str();
    let picture = |text: &str, mm: f32, old: &Image| if same { old.clone() } else { qr::picture(text, mm * px_per_mm) };
    let (printing, fault) = map::printing(esim.printing);
    let wifi = esim.wifi.as_ref();
    ui::EsimData {
        title: esim.title.as_str().into(),
        qr: picture(&esim.qr.0, ESIM_MM, &before.qr),
        link: picture(&esim.install_link.0, LINK_MM, &before.link),
        sm_dp_address: esim.sm_dp_address.0.as_str().into(),
        matching_id: esim.matching_id.0.as_str().into(),
        confirmation_code: map::text(esim.confirmation_code.as_ref().map(|code| code.0.as_str())),
        iccid: map::text(esim.iccid.as_deref()),
        has_wifi: wifi.is_some(),
        wifi_name: map::text(wifi.map(|wifi| wifi.ssid.as_str())),
        wifi_hint: map::text(wifi.map(|wifi| wifi.hint.as_str())),
        wifi_qr: picture(wifi.map_or("", |wifi| wifi.qr.as_str()), WIFI_MM, &before.wifi_qr),
        apn: map::text(esim.apn.as_deref()),
        can_print: esim.can_print,
        printing,
        fault,
        seconds_left: esim.seconds_left.map_or(-1, i32::from),
    }
}

fn truth_of(truth: &view::Truth) -> ui::TruthData {
    let (printing, fault) = map::printing(truth.printing);
    ui::TruthData {
        number: truth.number.as_str().into(),
        local_time: truth.local_time.as_str().into(),
        title: truth.title.as_str().into(),
        amount: truth.amount.as_str().into(),
        money: map::money(truth.money),
        goods: map::goods(truth.goods),
        can_show: truth.can_show_esim,
        can_buy: truth.can_buy_kept,
        can_print: truth.can_print,
        before: truth.come_back_before.as_deref().unwrap_or_default().into(),
        printing,
        fault,
    }
}
