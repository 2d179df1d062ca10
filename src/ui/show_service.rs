//! The service screen: its facts become a model, its enums Slint's.

use std::sync::Arc;

use slint::{ComponentHandle, ModelRc, VecModel};

use super::generated as ui;
use super::generated::{KioskWindow, Page, Place, Shown};
use crate::kiosk::view::{PinProblem, Screen, ServiceAct, ServiceDesk, ServicePage, ServiceRow, Standing};

/// The lists behind the models, to know them again.
#[derive(Default)]
pub(super) struct ServiceLists {
    rows: Option<Arc<[ServiceRow]>>,
    acts: Option<Arc<[ServiceAct]>>,
}

/// Shows one of the two screens; any other empties both.
pub(super) fn show(window: &KioskWindow, lists: &mut ServiceLists, screen: &Screen) -> Option<Place> {
    let shown = window.global::<Shown>();
    match screen {
        Screen::ServicePin { problem, checking, wait_s } => {
            clear(&shown, lists);
            let trouble = match problem {
                None => ui::PinTrouble::None,
                Some(PinProblem::Wrong) => ui::PinTrouble::Wrong,
                Some(PinProblem::LockedOut) => ui::PinTrouble::LockedOut,
                Some(PinProblem::Unreadable) => ui::PinTrouble::Unreadable,
            };
            shown.set_pin(ui::PinData { trouble, checking: *checking, wait_s: i32::from(*wait_s) });
            Some(Place::ServicePin)
        }
        Screen::Service(desk) => {
            show_desk(&shown, lists, desk);
            Some(Place::Service)
        }
        _ => {
            clear(&shown, lists);
            None
        }
    }
}

fn clear(shown: &Shown<'_>, lists: &mut ServiceLists) {
    shown.set_pin(ui::PinData::default());
    if lists.rows.is_some() {
        *lists = ServiceLists::default();
        shown.set_desk(ui::DeskData::default());
        shown.set_facts(ModelRc::default());
        shown.set_acts(ModelRc::default());
    }
}

fn show_desk(shown: &Shown<'_>, lists: &mut ServiceLists, desk: &ServiceDesk) {
    if super::show::changed(&mut lists.rows, &desk.rows) {
        let rows = desk.rows.iter().map(|row| ui::FactRow {
            of: row.of.as_str().into(),
            fact: row.fact.as_str().into(),
            stands: match row.standing {
                Standing::Plain => ui::Stands::Plain,
                Standing::Good => ui::Stands::Good,
                Standing::Care => ui::Stands::Care,
                Standing::Bad => ui::Stands::Bad,
            },
        });
        shown.set_facts(ModelRc::new(VecModel::from(rows.collect::<Vec<_>>())));
    }
    if super::show::changed(&mut lists.acts, &desk.acts) {
        let acts: Vec<_> = desk.acts.iter().map(|known| act(Some(*known))).collect();
        shown.set_acts(ModelRc::new(VecModel::from(acts)));
    }
    shown.set_desk(ui::DeskData {
        page: match desk.page {
            ServicePage::Devices => Page::Devices,
            ServicePage::Trade => Page::Trade,
            ServicePage::Network => Page::Network,
            ServicePage::Log => Page::Log,
            ServicePage::Display => Page::Display,
            ServicePage::Machine => Page::Machine,
        },
        answered: desk.answer.is_some(),
        answer_ok: desk.answer.as_ref().is_some_and(|answer| answer.ok),
        answer: desk.answer.as_ref().map_or("", |answer| answer.text.as_str()).into(),
        working: desk.working,
        asks: act(desk.asks),
    });
}

fn act(act: Option<ServiceAct>) -> ui::Act {
    match act {
        None => ui::Act::None,
        Some(ServiceAct::PrintTest) => ui::Act::PrintTest,
        Some(ServiceAct::EndOfDay) => ui::Act::EndOfDay,
        Some(ServiceAct::AskTerminal) => ui::Act::AskTerminal,
        Some(ServiceAct::Close) => ui::Act::Close,
        Some(ServiceAct::Open) => ui::Act::Open,
        Some(ServiceAct::RefreshCatalogue) => ui::Act::RefreshCatalogue,
        Some(ServiceAct::TestNetwork) => ui::Act::TestNetwork,
        Some(ServiceAct::Brighter) => ui::Act::Brighter,
        Some(ServiceAct::Darker) => ui::Act::Darker,
        Some(ServiceAct::Restart) => ui::Act::Restart,
        Some(ServiceAct::PowerOff) => ui::Act::PowerOff,
    }
}

/// The way up: what was touched, as an order.
pub(super) fn ordered(act: ui::Act) -> Option<ServiceAct> {
    Some(match act {
        ui::Act::None => return None,
        ui::Act::PrintTest => ServiceAct::PrintTest,
        ui::Act::EndOfDay => ServiceAct::EndOfDay,
        ui::Act::AskTerminal => ServiceAct::AskTerminal,
        ui::Act::Close => ServiceAct::Close,
        ui::Act::Open => ServiceAct::Open,
        ui::Act::RefreshCatalogue => ServiceAct::RefreshCatalogue,
        ui::Act::TestNetwork => ServiceAct::TestNetwork,
        ui::Act::Brighter => ServiceAct::Brighter,
        ui::Act::Darker => ServiceAct::Darker,
        ui::Act::Restart => ServiceAct::Restart,
        ui::Act::PowerOff => ServiceAct::PowerOff,
    })
}

/// The way up: a page.
pub(super) fn opened(page: Page) -> ServicePage {
    match page {
        Page::Devices => ServicePage::Devices,
        Page::Trade => ServicePage::Trade,
        Page::Network => ServicePage::Network,
        Page::Log => ServicePage::Log,
        Page::Display => ServicePage::Display,
        Page::Machine => ServicePage::Machine,
    }
}
