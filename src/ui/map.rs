//! The view's enums and small structs in Slint's words, one exhaustive match each.

use slint::{Image, SharedString};

use super::flags;
use super::generated as ui;
use crate::kiosk::view;

/// A flag with whether there is one.
pub(super) fn flag(code: Option<&str>) -> (Image, bool) {
    code.and_then(flags::flag).map_or_else(|| (Image::default(), false), |image| (image, true))
}

pub(super) fn text(option: Option<&str>) -> SharedString {
    option.unwrap_or_default().into()
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn reason(reason: Option<view::OutOfService>) -> ui::Reason {
    use view::OutOfService as From;
    match reason {
        None => ui::Reason::None,
        Some(From::Terminal) => ui::Reason::Terminal,
        Some(From::TerminalBusy) => ui::Reason::TerminalBusy,
        Some(From::Network) => ui::Reason::Network,
        Some(From::Printer) => ui::Reason::Printer,
        Some(From::Journal) => ui::Reason::Journal,
        Some(From::EarlierPayment) => ui::Reason::EarlierPayment,
        Some(From::Catalogue) => ui::Reason::Catalogue,
        Some(From::Operator) => ui::Reason::Operator,
        Some(From::Configuration) => ui::Reason::Configuration,
    }
}

pub(super) fn selling(selling: view::Selling) -> (ui::Selling, ui::Reason) {
    match selling {
        view::Selling::Open => (ui::Selling::Open, ui::Reason::None),
        view::Selling::WithoutPaper => (ui::Selling::WithoutPaper, ui::Reason::None),
        view::Selling::StockOnly => (ui::Selling::StockOnly, ui::Reason::None),
        view::Selling::Paused(why) => (ui::Selling::Paused, reason(Some(why))),
    }
}

pub(super) fn prompt(prompt: view::Prompt) -> ui::Prompt {
    use view::Prompt as From;
    match prompt {
        From::Starting => ui::Prompt::Starting,
        From::PresentCard => ui::Prompt::PresentCard,
        From::WatchTerminal => ui::Prompt::WatchTerminal,
        From::PleaseWait => ui::Prompt::PleaseWait,
        From::AskingBank => ui::Prompt::AskingBank,
        From::WrongPin => ui::Prompt::WrongPin,
        From::RemoveCard => ui::Prompt::RemoveCard,
        From::CardNotAccepted => ui::Prompt::CardNotAccepted,
        From::Declined => ui::Prompt::Declined,
        From::Reversing => ui::Prompt::Reversing,
        From::Busy => ui::Prompt::Busy,
    }
}

pub(super) fn side(side: view::Side) -> ui::Side {
    match side {
        view::Side::Left => ui::Side::Left,
        view::Side::Right => ui::Side::Right,
        view::Side::Below => ui::Side::Below,
    }
}

pub(super) fn printing(printing: view::Printing) -> (ui::Printing, ui::PaperFault) {
    use view::PrinterFault as Fault;
    match printing {
        view::Printing::Idle => (ui::Printing::Idle, ui::PaperFault::None),
        view::Printing::Working => (ui::Printing::Working, ui::PaperFault::None),
        view::Printing::Done => (ui::Printing::Done, ui::PaperFault::None),
        view::Printing::Unsure => (ui::Printing::Unsure, ui::PaperFault::None),
        view::Printing::Failed(fault) => {
            let fault = match fault {
                Fault::PaperOut => ui::PaperFault::PaperOut,
                Fault::CoverOpen => ui::PaperFault::CoverOpen,
                Fault::Cutter => ui::PaperFault::Cutter,
                Fault::Absent
                | Fault::Overheated
                | Fault::Unrecoverable
                | Fault::Offline
                | Fault::Garbage
                | Fault::Stuck => ui::PaperFault::Other,
            };
            (ui::Printing::Failed, fault)
        }
    }
}

pub(super) fn not_charged(why: view::NotCharged) -> ui::NotChargedWhy {
    use view::NotCharged as From;
    match why {
        From::Declined => ui::NotChargedWhy::Declined,
        From::Cancelled => ui::NotChargedWhy::Cancelled,
        From::NoCard => ui::NotChargedWhy::NoCard,
        From::NoEsim => ui::NotChargedWhy::NoEsim,
        From::TooSlow => ui::NotChargedWhy::TooSlow,
        From::TerminalFault => ui::NotChargedWhy::TerminalFault,
    }
}

pub(super) fn checking(what: view::Checking) -> ui::CheckingWhat {
    match what {
        view::Checking::Payment => ui::CheckingWhat::Payment,
        view::Checking::Esim => ui::CheckingWhat::Esim,
        view::Checking::MoneyBack => ui::CheckingWhat::MoneyBack,
    }
}

pub(super) fn money(money: view::MoneyTruth) -> ui::MoneyIs {
    match money {
        view::MoneyTruth::NotCharged => ui::MoneyIs::NotCharged,
        view::MoneyTruth::Paid => ui::MoneyIs::Paid,
        view::MoneyTruth::Back => ui::MoneyIs::Back,
        view::MoneyTruth::RefundDue => ui::MoneyIs::RefundDue,
        view::MoneyTruth::Unknown => ui::MoneyIs::Unknown,
    }
}

pub(super) fn goods(goods: view::GoodsTruth) -> ui::GoodsAre {
    match goods {
        view::GoodsTruth::None => ui::GoodsAre::None,
        view::GoodsTruth::Coming => ui::GoodsAre::Coming,
        view::GoodsTruth::Ready => ui::GoodsAre::Ready,
        view::GoodsTruth::Shown => ui::GoodsAre::Shown,
        view::GoodsTruth::Booked => ui::GoodsAre::Booked,
    }
}

pub(super) fn look_up(look: &ui::LookData) -> view::Look {
    view::Look { large_text: look.large_text, high_contrast: look.high_contrast, low_reach: look.low_reach }
}

pub(super) fn language_row(row: &view::LanguageRow) -> ui::LanguageRow {
    ui::LanguageRow {
        tag: row.tag.as_str().into(),
        own_name: row.own_name.as_str().into(),
        english_name: row.english_name.as_str().into(),
    }
}

pub(super) fn destination_row(row: &view::DestinationRow) -> ui::DestinationRow {
    let (flag, has_flag) = flag(row.flag.as_deref());
    ui::DestinationRow {
        id: row.id.as_str().into(),
        name: row.name.as_str().into(),
        flag,
        has_flag,
        from_price: row.from_price.as_str().into(),
        countries: count(row.countries.unwrap_or(0)),
    }
}

pub(super) fn plan_card(plan: &view::PlanCard) -> ui::PlanCard {
    let (kind, data) = match &plan.data {
        view::PlanData::Amount(data) => (ui::DataKind::Amount, data.as_str()),
        view::PlanData::PerDay(data) => (ui::DataKind::PerDay, data.as_str()),
        view::PlanData::Unlimited => (ui::DataKind::Unlimited, ""),
    };
    ui::PlanCard {
        id: plan.id.as_str().into(),
        kind,
        data: data.into(),
        days: plan.days.into(),
        price: plan.price.as_str().into(),
        networks: plan.networks.as_str().into(),
        speed: text(plan.speed.as_deref()),
        popular: plan.popular,
        availability: match plan.unavailable {
            None => ui::Availability::Now,
            Some(view::PlanUnavailable::BackInMinutes) => ui::Availability::BackInMinutes,
            Some(view::PlanUnavailable::NotNow) => ui::Availability::NotNow,
        },
    }
}
