//! What is done to an order, and when: the matrix of providers.md 3.6.

use std::time::Duration;

use crate::sim::providers::Provider;
use crate::sim::providers::fault::{Effect, LineFault, Stage, Trick};

/// When it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// Before the connection stands.
    Connect,
    /// After the connection, before a byte of the request.
    Handshake,
    /// The request is read, nothing is done.
    Before,
    /// The work is done, no true answer leaves.
    After,
    /// In the middle of the answer.
    During,
    /// In the shop itself.
    Shop,
    /// While the accepted order is fetched.
    Fetch,
    /// While an unknown order is looked up.
    LookUp,
    /// The answer came, and the kiosk died before it wrote it down.
    Forgotten,
    /// The answer was written down, and the kiosk started anew.
    Restarted,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum Strike {
    /// The provider's port is closed.
    Down,
    /// To the connection.
    Line(LineFault),
    /// To the order's own call.
    Order(Stage, Effect),
    /// In the shop, at the order's call.
    Trick(Trick),
    /// To the call that fetches an accepted order.
    Fetch(Stage, Effect),
    /// The order's answer is lost after the work, and so is the first look-up's.
    LostTwice(Effect),
    /// The kiosk forgets the answer.
    Forget,
    /// The kiosk starts anew with what it wrote down.
    Restart,
    /// The provider's clock runs ahead of ours.
    Clock(Duration),
    /// Nothing at all: the way when all is well.
    Nothing,
}

/// One of the matrix.
#[derive(Debug, Clone)]
pub struct Blow {
    /// When.
    pub point: Point,
    /// What.
    pub strike: Strike,
}

fn blow(point: Point, strike: Strike) -> Blow {
    Blow { point, strike }
}

/// A provider's calls for an order: its own, and the one that fetches it afterwards.
pub fn endpoints(provider: Provider, top_up: bool) -> (&'static str, &'static str) {
    match (provider, top_up) {
        (Provider::Mobilexy, false) => ("plan_purchase", "balance"),
        (Provider::Mobilexy, true) => ("profile_topup", "balance"),
        (Provider::Roamify, false) => ("esim_order", "esim_apply"),
        (Provider::Roamify, true) => ("esim_order_topup", "esim_order_get"),
        (Provider::Esimfly, false) => ("esims_order", "esims_order_get"),
        (Provider::Esimfly, true) => ("topup_order", "esims_order_get"),
        (Provider::Reseller, false) => ("order_create", "order"),
        (Provider::Reseller, true) => ("profile_topup", "profile_usage"),
    }
}

/// Longer than the client waits.
const TOO_LONG: Duration = Duration::from_millis(1400);

/// Effects that strike before the work as well as after it.
fn both_sides() -> Vec<Effect> {
    let redirect = |code| Effect::Redirect { code, to: None };
    let status = |code, html| Effect::Status { code, html };
    vec![
        Effect::Hold(TOO_LONG),
        Effect::Reset,
        Effect::Close,
        status(500, false),
        status(500, true),
        status(502, true),
        status(503, true),
        redirect(301),
        redirect(302),
        redirect(307),
        redirect(308),
        Effect::Html,
        Effect::Empty,
        Effect::NoContent,
    ]
}

/// Effects on the way of a true answer.
fn on_the_way() -> Vec<Effect> {
    let mut effects = vec![
        Effect::CutBody,
        Effect::CutBodyReset,
        Effect::CutChunk,
        Effect::CutJson,
        Effect::WrongLength(100),
        Effect::WrongLength(-40),
        Effect::Drip { bytes: 1, every: Duration::from_millis(20) },
        Effect::Delay(Duration::from_millis(100)),
        Effect::Huge(2 << 20),
        Effect::BrokenSample,
        Effect::WrongTypes,
        Effect::ExtraFields,
        Effect::ArrayForObject,
        Effect::DuplicateKeys,
        Effect::InvalidUtf8,
        Effect::WrongDate(86_400),
    ];
    for name in ["id", "order_number", "orderReference", "qr_code", "esims", "data", "order", "status", "transactionId"]
    {
        effects.push(Effect::MissingField(name.to_owned()));
        effects.push(Effect::NullField(name.to_owned()));
    }
    effects
}

fn in_the_shop() -> Vec<Trick> {
    vec![
        Trick::PendingLookUps(2),
        Trick::MissingLpa,
        Trick::Lpa("LPA:1$...".to_owned()),
        Trick::Lpa("LPA:1$smdp.example.com/endpoint$MATCH".to_owned()),
        Trick::PriceRises(20),
        Trick::NoFunds,
        Trick::PlanGone,
        Trick::RepeatsEarlierOrder,
        Trick::InFlight,
        Trick::ChargedAndRefused,
    ]
}

/// The whole matrix.
pub fn matrix() -> Vec<Blow> {
    let mut blows = vec![
        blow(Point::Connect, Strike::Nothing),
        blow(Point::Connect, Strike::Down),
        blow(Point::Handshake, Strike::Line(LineFault::ResetAtOnce)),
        blow(Point::Handshake, Strike::Line(LineFault::NotTls)),
        blow(Point::Handshake, Strike::Line(LineFault::CutHandshake)),
        blow(Point::Handshake, Strike::Line(LineFault::Mute(TOO_LONG))),
        blow(Point::Before, Strike::Order(Stage::Before, Effect::TooMany { retry_after: Some(1) })),
        blow(Point::Before, Strike::Clock(Duration::from_secs(600))),
        blow(Point::Forgotten, Strike::Forget),
        blow(Point::Restarted, Strike::Restart),
    ];
    for effect in both_sides() {
        blows.push(blow(Point::Before, Strike::Order(Stage::Before, effect.clone())));
        blows.push(blow(Point::After, Strike::Order(Stage::After, effect.clone())));
        blows.push(blow(Point::Fetch, Strike::Fetch(Stage::After, effect.clone())));
        blows.push(blow(Point::LookUp, Strike::LostTwice(effect)));
    }
    blows.extend(on_the_way().into_iter().map(|effect| blow(Point::During, Strike::Order(Stage::After, effect))));
    blows.extend(in_the_shop().into_iter().map(|trick| blow(Point::Shop, Strike::Trick(trick))));
    blows
}
