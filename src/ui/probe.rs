//! Asks the screen where its touchable parts, texts and pictures stand: the walk of the demo touches what it finds, the
//! gallery and the tests measure it. Works in every build, since the parts tell it themselves.

use std::cell::RefCell;
use std::rc::Rc;

use slint::ComponentHandle;

use super::generated::{KioskWindow, Probe};

/// A rectangle in pixels of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Rect {
    /// The point in its middle.
    pub fn centre(&self) -> (f32, f32) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Lies wholly within `width` × `height`, give or take half a pixel.
    pub fn is_within(&self, width: f32, height: f32) -> bool {
        self.x >= -0.5 && self.y >= -0.5 && self.x + self.width <= width + 0.5 && self.y + self.height <= height + 0.5
    }

    /// Width and height of what two rectangles share; none if they only touch.
    pub fn overlap(&self, other: &Rect) -> Option<(f32, f32)> {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        (width > 0.0 && height > 0.0).then_some((width, height))
    }

    /// The other one lies within this one.
    pub fn holds(&self, other: &Rect) -> bool {
        other.x >= self.x - 0.5
            && other.y >= self.y - 0.5
            && other.x + other.width <= self.x + self.width + 0.5
            && other.y + other.height <= self.y + self.height + 0.5
    }
}

/// Something that can be touched.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Stable name: `popular.0`, `primary`, `over.close`.
    pub name: String,
    /// What it says, in the language shown.
    pub label: String,
    /// A touch does something.
    pub enabled: bool,
    /// Where it stands.
    pub rect: Rect,
}

/// Where lines lie in their rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Left or top.
    Start,
    /// In the middle.
    Centre,
    /// Right or bottom.
    End,
}

impl Align {
    fn of(number: i32) -> Align {
        match number {
            1 => Align::Centre,
            2 => Align::End,
            _ => Align::Start,
        }
    }
}

/// A text on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// The text.
    pub text: String,
    /// Height of its type in pixels.
    pub size: f32,
    /// Where it stands.
    pub rect: Rect,
    /// Weight of its type: 400, 600, 700.
    pub weight: i32,
    /// It may take more than one line.
    pub wraps: bool,
    /// How the lines lie in the rectangle from left to right.
    pub across: Align,
    /// And from top to bottom.
    pub down: Align,
}

/// A picture that a camera reads.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureSpot {
    /// `qr.esim`, `qr.wifi`, `qr.link`.
    pub name: String,
    /// Where it stands, with its quiet zone.
    pub rect: Rect,
}

/// What was told in one round.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) targets: Vec<Target>,
    pub(super) words: Vec<Words>,
    pub(super) pictures: Vec<PictureSpot>,
}

/// Collects what the parts tell.
pub(super) struct Collector(Rc<RefCell<Told>>);

impl Collector {
    pub(super) fn connect(window: &KioskWindow) -> Collector {
        let told = Rc::new(RefCell::new(Told::default()));
        let probe = window.global::<Probe>();
        probe.on_target({
            let told = Rc::clone(&told);
            move |name, label, enabled, x, y, width, height| {
                let rect = Rect { x, y, width, height };
                told.borrow_mut().targets.push(Target { name: name.into(), label: label.into(), enabled, rect });
            }
        });
        probe.on_label({
            let told = Rc::clone(&told);
            move |words| {
                if words.text.is_empty() {
                    return;
                }
                told.borrow_mut().words.push(Words {
                    text: words.text.into(),
                    size: words.size,
                    rect: Rect { x: words.x, y: words.y, width: words.w, height: words.h },
                    weight: words.weight,
                    wraps: words.wraps,
                    across: Align::of(words.across),
                    down: Align::of(words.down),
                });
            }
        });
        probe.on_picture({
            let told = Rc::clone(&told);
            move |name, x, y, width, height| {
                let rect = Rect { x, y, width, height };
                told.borrow_mut().pictures.push(PictureSpot { name: name.into(), rect });
            }
        });
        Collector(told)
    }

    /// One round. Parts of an overlay (`over.`) cover those of the screen below.
    pub(super) fn ask(&self, window: &KioskWindow) -> Told {
        self.0.take();
        let probe = window.global::<Probe>();
        probe.set_round(probe.get_round().wrapping_add(1));
        slint::platform::update_timers_and_animations();
        let mut told = self.0.take();
        if told.targets.iter().any(|target| target.name.starts_with("over.")) {
            told.targets.retain(|target| target.name.starts_with("over."));
        }
        told
    }
}
