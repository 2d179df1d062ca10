//! What is touched becomes an [`Intent`] in the loop's bounded inbox.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use slint::{ComponentHandle, SharedString};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::generated::{KioskWindow, Shown, Wish};
use super::{map, show_service};
use crate::kiosk::Intent;
use crate::kiosk::view::SecretText;

/// A finger that rests or drums says that somebody is there; once per interval is enough.
const TOUCHED_EVERY: Duration = Duration::from_millis(500);
/// Letters that a search takes.
const SEARCH_LETTERS_MAX: usize = 24;
/// Letters of a claim code.
const CLAIM_LETTERS: usize = 9;
/// Fewest and most figures of the service screen's PIN.
const PIN_FIGURES: (usize, usize) = (6, 12);
/// The key that takes a letter back.
const ERASE: &str = "\u{8}";

/// The way up.
pub(super) struct Wishes {
    sender: mpsc::Sender<Intent>,
    touched: Cell<Option<Instant>>,
    typed: RefCell<String>,
}

impl Wishes {
    pub(super) fn new(sender: mpsc::Sender<Intent>) -> Rc<Wishes> {
        Rc::new(Wishes { sender, touched: Cell::new(None), typed: RefCell::new(String::new()) })
    }

    /// A full inbox means a stuck core: the wish is dropped, the watchdog sees that nothing is drawn any more.
    pub(super) fn send(&self, intent: Intent) {
        match self.sender.try_send(intent) {
            Ok(()) => {}
            Err(TrySendError::Full(intent)) => {
                tracing::warn!(intent = intent.name(), "the loop's inbox is full: a touch was dropped");
            }
            Err(TrySendError::Closed(intent)) => {
                tracing::debug!(intent = intent.name(), "the loop has ended: a touch was dropped");
            }
        }
    }

    /// Any touch, no more often than [`TOUCHED_EVERY`].
    pub(super) fn touched(&self) {
        let now = Instant::now();
        if self.touched.get().is_none_or(|last| now.duration_since(last) >= TOUCHED_EVERY) {
            self.touched.set(Some(now));
            self.send(Intent::Touched);
        }
    }

    pub(super) fn set_typed(&self, text: &str) {
        text.clone_into(&mut self.typed.borrow_mut());
    }

    /// The text after a key of our keyboard.
    fn type_key(&self, key: &str, letters_max: usize) -> String {
        let mut typed = self.typed.borrow_mut();
        match key {
            ERASE => {
                typed.pop();
            }
            "" => typed.clear(),
            " " if typed.is_empty() || typed.ends_with(' ') => {}
            key if typed.chars().count() < letters_max => typed.push_str(key),
            _ => {}
        }
        typed.clone()
    }

    /// Connects every wish of the screen.
    pub(super) fn connect(self: &Rc<Self>, window: &KioskWindow) {
        let wish = window.global::<Wish>();
        macro_rules! plain {
            ($($on:ident => $intent:ident),* $(,)?) => {
                $(wish.$on({
                    let wishes = Rc::clone(self);
                    move || wishes.send(Intent::$intent)
                });)*
            };
        }
        plain!(
            on_start => Start, on_pay => Pay, on_cancel => Cancel, on_retry => Retry, on_back => Back,
            on_start_over => StartOver, on_have_it => HaveIt, on_print_activation => PrintActivation,
            on_print_receipt => PrintReceipt, on_done => Done, on_open_claim => OpenClaim,
            on_show_claimed => ShowClaimed, on_buy_kept => BuyKept, on_still_here => StillHere, on_help => Help,
            on_settings => Settings, on_close_overlay => CloseOverlay, on_knock => Knock,
        );
        macro_rules! with_id {
            ($($on:ident => $intent:ident),* $(,)?) => {
                $(wish.$on({
                    let wishes = Rc::clone(self);
                    move |id: SharedString| wishes.send(Intent::$intent(id.into()))
                });)*
            };
        }
        with_id!(
            on_choose_language => ChooseLanguage, on_choose_destination => ChooseDestination,
            on_choose_plan => ChoosePlan,
        );
        wish.on_touched({
            let wishes = Rc::clone(self);
            move || wishes.touched()
        });
        wish.on_phone_takes_esim({
            let wishes = Rc::clone(self);
            move |yes| wishes.send(Intent::PhoneTakesEsim(yes))
        });
        wish.on_accept_terms({
            let wishes = Rc::clone(self);
            move |yes| wishes.send(Intent::AcceptTerms(yes))
        });
        wish.on_choose_look({
            let wishes = Rc::clone(self);
            move |look| wishes.send(Intent::ChooseLook(map::look_up(&look)))
        });
        self.connect_typing(window);
        self.connect_service(window);
    }

    fn connect_service(self: &Rc<Self>, window: &KioskWindow) {
        let wish = window.global::<Wish>();
        wish.on_type_pin({
            let (wishes, window) = (Rc::clone(self), window.as_weak());
            move |key| {
                let text = wishes.type_key(&key, PIN_FIGURES.1);
                if let Some(window) = window.upgrade() {
                    show_pin(&window, &text);
                }
            }
        });
        wish.on_submit_pin({
            let (wishes, window) = (Rc::clone(self), window.as_weak());
            move || {
                let pin = std::mem::take(&mut *wishes.typed.borrow_mut());
                if let Some(window) = window.upgrade() {
                    show_pin(&window, "");
                }
                wishes.send(Intent::SubmitPin(SecretText(pin)));
            }
        });
        wish.on_open_page({
            let wishes = Rc::clone(self);
            move |page| wishes.send(Intent::OpenServicePage(show_service::opened(page)))
        });
        wish.on_order({
            let wishes = Rc::clone(self);
            move |act| {
                if let Some(act) = show_service::ordered(act) {
                    wishes.send(Intent::OrderService(act));
                }
            }
        });
        wish.on_confirm({
            let wishes = Rc::clone(self);
            move |meant| wishes.send(Intent::ConfirmService(meant))
        });
    }

    fn connect_typing(self: &Rc<Self>, window: &KioskWindow) {
        let wish = window.global::<Wish>();
        wish.on_type_search({
            let (wishes, window) = (Rc::clone(self), window.as_weak());
            move |key| {
                let text = wishes.type_key(&key, SEARCH_LETTERS_MAX);
                if let Some(window) = window.upgrade() {
                    window.global::<Shown>().set_typed(text.as_str().into());
                }
                wishes.send(Intent::Search(text));
            }
        });
        wish.on_type_claim({
            let (wishes, window) = (Rc::clone(self), window.as_weak());
            move |key| {
                let text = wishes.type_key(&key, CLAIM_LETTERS);
                if let Some(window) = window.upgrade() {
                    show_claim(&window, &text);
                }
            }
        });
        wish.on_submit_claim({
            let wishes = Rc::clone(self);
            move || {
                let code = wishes.typed.borrow().clone();
                wishes.send(Intent::SubmitClaim(SecretText(code)));
            }
        });
    }
}

/// The claim code as it is typed, in three groups, with a mark for what is missing.
pub(super) fn show_claim(window: &KioskWindow, typed: &str) {
    let mut letters: Vec<char> = typed.chars().collect();
    let complete = letters.len() == CLAIM_LETTERS;
    letters.resize(CLAIM_LETTERS, '_');
    let groups: Vec<String> = letters.chunks(3).map(|group| group.iter().collect()).collect();
    let shown = window.global::<Shown>();
    shown.set_typed(groups.join(" - ").into());
    shown.set_typed_complete(complete);
}

/// The PIN as it is typed: a dot for each figure.
pub(super) fn show_pin(window: &KioskWindow, typed: &str) {
    let figures = typed.chars().count();
    let shown = window.global::<Shown>();
    shown.set_typed("• ".repeat(figures).trim_end().into());
    shown.set_typed_complete(figures >= PIN_FIGURES.0);
}
