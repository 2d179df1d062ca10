//! The way down: a [`View`] becomes properties. Slint compares them and draws what changed; lists keep their model
//! while the loop hands on the same list.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use slint::{ComponentHandle, ModelRc, SharedString, Timer, TimerMode, VecModel};

use super::generated as ui;
use super::generated::{Kept, KioskWindow, Place, Shown, Theme};
use super::intents::Wishes;
use super::show_service::{self, ServiceLists};
use super::{intents, map, show_sale};
use crate::kiosk::View;
use crate::kiosk::view::{DestinationRow, Destinations, Frame, LanguageRow, Look, Overlay, PlanCard, Plans, Screen};

/// How long the attract screen speaks one language of the hall.
const LANGUAGE_EVERY: Duration = Duration::from_secs(6);

/// Remembers what is shown, to change no more than what changed.
pub(super) struct Show {
    window: KioskWindow,
    wishes: Rc<Wishes>,
    session: Option<u64>,
    language: String,
    place: Option<Place>,
    query: String,
    rows_version: u64,
    lists: Lists,
    service: ServiceLists,
    cycle: Timer,
}

/// The lists behind the models, to know them again.
#[derive(Default)]
struct Lists {
    languages: Option<Arc<[LanguageRow]>>,
    popular: Option<Arc<[DestinationRow]>>,
    regions: Option<Arc<[DestinationRow]>>,
    rows: Option<Arc<[DestinationRow]>>,
    letters: Option<Arc<[(String, usize)]>>,
    plans: Option<Arc<[PlanCard]>>,
}

impl Show {
    pub(super) fn new(window: &KioskWindow, wishes: Rc<Wishes>) -> Show {
        Show {
            window: window.clone_strong(),
            wishes,
            session: None,
            language: String::new(),
            place: None,
            query: String::new(),
            rows_version: 0,
            lists: Lists::default(),
            service: ServiceLists::default(),
            cycle: Timer::default(),
        }
    }

    /// Shows a view. Repeating it is harmless.
    pub(super) fn show(&mut self, view: &View) {
        if self.session != Some(view.session) {
            self.forget();
            self.session = Some(view.session);
        }
        self.speak(&view.language);
        let window = self.window.clone_strong();
        let shown = window.global::<Shown>();
        self.look(view.look);
        shown.set_frame(frame(&view.frame));
        let place = self.screen(&view.screen);
        if self.place != Some(place) {
            self.enter(place, &view.screen);
            shown.set_place(place);
        }
        self.overlay(view.overlay.as_ref());
        self.cycle_languages(&view.screen);
    }

    /// Nothing of the traveller before: data, typed text, pages; the parts themselves are built anew.
    fn forget(&mut self) {
        let shown = self.window.global::<Shown>();
        show_sale::clear(&shown);
        shown.set_destinations(ui::DestinationsData::default());
        shown.set_plans(ui::PlansData::default());
        shown.set_popular(ModelRc::default());
        shown.set_regions(ModelRc::default());
        shown.set_rows(ModelRc::default());
        shown.set_letters(ModelRc::default());
        shown.set_plan_cards(ModelRc::default());
        shown.set_typed(SharedString::default());
        shown.set_typed_complete(false);
        self.wishes.set_typed("");
        self.lists = Lists::default();
        self.place = None;
        self.query.clear();
        let kept = self.window.global::<Kept>();
        kept.set_destinations_part(0);
        kept.set_rows_first(0);
        kept.set_plans_first(0);
        kept.set_typing(false);
        kept.set_letters_open(true);
        kept.set_facts_first(0);
        kept.set_cells_open(false);
        shown.set_session(ModelRc::new(VecModel::from(vec![0])));
    }

    /// Switches the words. Tags are reduced to what we have: `de-CH` is `de`.
    fn speak(&mut self, language: &str) {
        if self.language != language {
            language.clone_into(&mut self.language);
            select(language);
            self.window.global::<Shown>().set_language_tag(primary(language).into());
        }
    }

    fn look(&self, look: Look) {
        let theme = self.window.global::<Theme>();
        theme.set_large_text(look.large_text);
        theme.set_high_contrast(look.high_contrast);
        theme.set_low_reach_wanted(look.low_reach);
        self.window.global::<Shown>().set_look(ui::LookData {
            large_text: look.large_text,
            high_contrast: look.high_contrast,
            low_reach: look.low_reach,
        });
    }

    /// A screen comes up: what is typed belongs to one screen only.
    fn enter(&mut self, place: Place, screen: &Screen) {
        let typed = match screen {
            Screen::Destinations(destinations) => destinations.query.as_str(),
            _ => "",
        };
        self.wishes.set_typed(typed);
        let shown = self.window.global::<Shown>();
        shown.set_typed(typed.into());
        if place == Place::ClaimEntry {
            intents::show_claim(&self.window, "");
        }
        if place == Place::ServicePin {
            intents::show_pin(&self.window, "");
        }
        if place == Place::Plans {
            self.window.global::<Kept>().set_plans_first(0);
        }
        self.place = Some(place);
    }

    /// The one thing that is shown; what belongs to other screens is emptied.
    fn screen(&mut self, screen: &Screen) -> Place {
        let window = self.window.clone_strong();
        let shown = window.global::<Shown>();
        if let Some(place) = show_service::show(&window, &mut self.service, screen) {
            show_sale::clear(&shown);
            return place;
        }
        match screen {
            Screen::Language { languages } => {
                self.languages(languages);
                show_sale::clear(&shown);
                Place::Language
            }
            Screen::Destinations(destinations) => {
                show_sale::clear(&shown);
                self.destinations(destinations);
                Place::Destinations
            }
            Screen::Plans(plans) => {
                show_sale::clear(&shown);
                self.plans(plans);
                Place::Plans
            }
            other => show_sale::show(&shown, window.global::<Theme>().get_surface_mm(), other),
        }
    }

    fn languages(&mut self, languages: &Arc<[LanguageRow]>) {
        if changed(&mut self.lists.languages, languages) {
            let rows: Vec<_> = languages.iter().map(map::language_row).collect();
            self.window.global::<Shown>().set_languages(ModelRc::new(VecModel::from(rows)));
        }
    }

    fn destinations(&mut self, destinations: &Destinations) {
        let window = self.window.clone_strong();
        let (shown, kept) = (window.global::<Shown>(), window.global::<Kept>());
        shown.set_destinations(ui::DestinationsData {
            query: destinations.query.as_str().into(),
            browse_only: map::reason(destinations.browse_only),
        });
        if changed(&mut self.lists.popular, &destinations.popular) {
            shown.set_popular(rows(&destinations.popular));
        }
        if changed(&mut self.lists.regions, &destinations.regions) {
            shown.set_regions(rows(&destinations.regions));
        }
        if changed(&mut self.lists.rows, &destinations.rows) {
            shown.set_rows(rows(&destinations.rows));
        }
        if changed(&mut self.lists.letters, &destinations.letters) {
            let letters = destinations.letters.iter();
            let letters: Vec<_> = letters
                .map(|(letter, row)| ui::Letter { letter: letter.as_str().into(), row: map::count(*row) })
                .collect();
            shown.set_letters(ModelRc::new(VecModel::from(letters)));
        }
        if self.rows_version != destinations.rows_version {
            self.rows_version = destinations.rows_version;
            kept.set_rows_first(0);
        }
        // The loop took the search back.
        if destinations.query.is_empty() && !self.query.is_empty() {
            self.wishes.set_typed("");
            shown.set_typed(SharedString::default());
        }
        destinations.query.clone_into(&mut self.query);
    }

    fn plans(&mut self, plans: &Plans) {
        let window = self.window.clone_strong();
        let shown = window.global::<Shown>();
        let (flag, has_flag) = map::flag(plans.flag.as_deref());
        shown.set_plans(ui::PlansData {
            destination: plans.destination.as_str().into(),
            flag,
            has_flag,
            browse_only: map::reason(plans.browse_only),
        });
        if changed(&mut self.lists.plans, &plans.plans) {
            let cards: Vec<_> = plans.plans.iter().map(map::plan_card).collect();
            shown.set_plan_cards(ModelRc::new(VecModel::from(cards)));
        }
    }

    fn overlay(&mut self, overlay: Option<&Overlay>) {
        let window = self.window.clone_strong();
        let shown = window.global::<Shown>();
        shown.set_over(match overlay {
            None => ui::Over::None,
            Some(Overlay::StillThere { seconds_left }) => {
                shown.set_seconds_left(i32::from(*seconds_left));
                ui::Over::StillThere
            }
            Some(Overlay::Help) => ui::Over::Help,
            Some(Overlay::Settings { languages }) => {
                self.languages(languages);
                ui::Over::Settings
            }
        });
    }

    /// While nobody is here the languages of the hall take turns; the traveller's own comes back with the next view.
    fn cycle_languages(&mut self, screen: &Screen) {
        let Screen::Attract(attract) = screen else {
            if self.cycle.running() {
                self.cycle.stop();
                select(&self.language);
            }
            return;
        };
        if self.cycle.running() || attract.languages.len() < 2 {
            return;
        }
        let languages = Arc::clone(&attract.languages);
        let turn = RefCell::new(languages.iter().position(|tag| *tag == self.language).unwrap_or(0));
        self.cycle.start(TimerMode::Repeated, LANGUAGE_EVERY, move || {
            let mut turn = turn.borrow_mut();
            *turn = (*turn + 1) % languages.len();
            if let Some(language) = languages.get(*turn) {
                select(language);
            }
        });
    }
}

/// The list is another one than before; it is remembered.
pub(super) fn changed<T: PartialEq>(before: &mut Option<Arc<[T]>>, now: &Arc<[T]>) -> bool {
    if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, now) || **before == **now) {
        return false;
    }
    *before = Some(Arc::clone(now));
    true
}

/// Rows as a model that decodes a flag only when its row is looked at.
fn rows(rows: &Arc<[DestinationRow]>) -> ModelRc<ui::DestinationRow> {
    ModelRc::new(Rows(Arc::clone(rows)))
}

struct Rows(Arc<[DestinationRow]>);

impl slint::Model for Rows {
    type Data = ui::DestinationRow;

    fn row_count(&self) -> usize {
        self.0.len()
    }

    fn row_data(&self, row: usize) -> Option<ui::DestinationRow> {
        self.0.get(row).map(map::destination_row)
    }

    fn model_tracker(&self) -> &dyn slint::ModelTracker {
        &()
    }
}

fn frame(frame: &Frame) -> ui::FrameData {
    ui::FrameData {
        operator: frame.operator.as_str().into(),
        phone: frame.help_phone.as_str().into(),
        machine: frame.machine.as_str().into(),
        sale: map::text(frame.sale_number.as_deref()),
        claim_code: map::text(frame.claim_code.as_ref().map(|code| code.0.as_str())),
        can_back: frame.can_back,
        can_start_over: frame.can_start_over,
        step: frame.step.map_or(-1, i32::from),
        chosen_title: map::text(frame.chosen.as_ref().map(|chosen| chosen.title.as_str())),
        chosen_price: map::text(frame.chosen.as_ref().map(|chosen| chosen.price.as_str())),
    }
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

/// English is the source; a language that is not bundled is shown in English.
fn select(tag: &str) {
    if slint::select_bundled_translation(primary(tag)).is_err() {
        tracing::warn!(language = tag, "no translation of the screens: shown in English");
        if let Err(error) = slint::select_bundled_translation("") {
            tracing::error!(%error, "the screens cannot go back to English");
        }
    }
}
