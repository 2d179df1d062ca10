//! The providers' moves.

use crate::sale::event::{Cancellation, Event, GoodsNews};
use crate::sale::offer::OrderReference;

use super::moves::{Edges, Move};
use super::scene::{Scene, WALLET, Ware, profile};
use super::step::Next;
use super::world::{Broken, World};

/// What a provider did or said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Delivered,
    Accepted,
    Refused,
    NoAnswer { bought: bool },
    Doubled,
    ArrivesLate,
    NeverArrives,
    Found,
    FoundAccepted,
    NotThere,
    LookUpUnanswered,
    Undecidable,
    Lost,
    Fetched,
    FetchUnanswered,
    FetchRefused,
    WalletRead { answered: bool },
    Ends { told: bool, does: bool },
    EndRefused,
}

type Moved = Result<(), (Move, Broken)>;

/// What the providers may do next.
pub(super) fn edges(world: &World, edges: &mut Edges<'_>) -> Moved {
    for seat in 0..world.seats.len() {
        for good in 0..world.seats[seat].parcels.len() {
            let parcel = world.seats[seat].parcels[good];
            if parcel.limbo {
                for word in [Word::ArrivesLate, Word::NeverArrives] {
                    let mut next = world.clone();
                    let parcel = &mut next.seats[seat].parcels[good];
                    parcel.limbo = false;
                    parcel.bought += u8::from(word == Word::ArrivesLate);
                    edges.add(Move::Provider(seat, good, word), true, Ok(vec![next]))?;
                }
            }
            if !world.booting.is_empty() {
                continue;
            }
            if parcel.wallet {
                wallet_read(world, edges, seat, good)?;
            }
            if parcel.ending {
                number_ends(world, edges, seat, good)?;
            }
            if parcel.flight {
                ordered(world, edges, seat, good)?;
            }
            if parcel.look_up {
                looked_up(world, edges, seat, good)?;
            }
            if parcel.fetch {
                fetched(world, edges, seat, good)?;
            }
        }
    }
    Ok(())
}

fn say(world: &World, edges: &mut Edges<'_>, at: (usize, usize), word: Word, news: GoodsNews) -> Moved {
    let (seat, good) = at;
    let calm = matches!(word, Word::Delivered | Word::Found | Word::NotThere | Word::Fetched);
    let event = Event::Goods { good: u8::try_from(good).unwrap_or(u8::MAX), news };
    let next = world.clone().tell(edges.scene, seat, &event);
    edges.add(Move::Provider(seat, good, word), calm, next)
}

fn reference(seat: usize, good: usize) -> OrderReference {
    OrderReference(format!("{seat}{good}"))
}

fn delivered(world: &World, edges: &Edges<'_>, seat: usize, good: usize) -> GoodsNews {
    let bought = world.seats[seat].parcels[good].bought;
    let used_up = matches!(edges.scene.sales[seat][good], Ware::TopUp | Ware::Number);
    GoodsNews::Delivered {
        reference: reference(seat, good),
        profile: (!used_up).then(|| profile(seat, good, bought)),
        iccid: None,
        charged: None,
    }
}

/// A person has fetched the code of a good by hand.
pub(super) fn brought(mut world: World, scene: &Scene, seat: usize, good: usize) -> Next {
    let news = GoodsNews::Delivered {
        reference: reference(seat, good),
        profile: Some(profile(seat, good, world.seats[seat].parcels[good].bought)),
        iccid: None,
        charged: None,
    };
    world.seats[seat].parcels[good].look_up = false;
    world.seats[seat].parcels[good].fetch = false;
    world.tell(scene, seat, &Event::Goods { good: u8::try_from(good).unwrap_or(u8::MAX), news })
}

fn wallet_read(world: &World, edges: &mut Edges<'_>, seat: usize, good: usize) -> Moved {
    let mut next = world.clone();
    next.seats[seat].parcels[good].wallet = false;
    for answered in [true, false] {
        if !answered && !edges.scene.provider_faults {
            continue;
        }
        let index = u8::try_from(good).unwrap_or(u8::MAX);
        let event = Event::WalletRead { good: index, balance: answered.then_some(WALLET) };
        let told = next.clone().tell(edges.scene, seat, &event);
        edges.add(Move::Provider(seat, good, Word::WalletRead { answered }), answered, told)?;
    }
    Ok(())
}

fn number_ends(world: &World, edges: &mut Edges<'_>, seat: usize, good: usize) -> Moved {
    let index = u8::try_from(good).unwrap_or(u8::MAX);
    let mut next = world.clone();
    next.seats[seat].parcels[good].ending = false;
    let mut ended = next.clone();
    ended.seats[seat].parcels[good].ended = true;
    let mut say = |from: &World, word: Word, answer: Cancellation| {
        let told = from.clone().tell(edges.scene, seat, &Event::Cancelled { good: index, answer });
        edges.add(Move::Provider(seat, good, word), matches!(word, Word::Ends { told: true, .. }), told)
    };
    say(&ended, Word::Ends { told: true, does: true }, Cancellation::Accepted)?;
    let unanswered = || Cancellation::NoAnswer(String::new());
    say(&ended, Word::Ends { told: false, does: true }, unanswered())?;
    say(&next, Word::Ends { told: false, does: false }, unanswered())?;
    say(&next, Word::EndRefused, Cancellation::Refused(String::new()))
}

fn ordered(world: &World, edges: &mut Edges<'_>, seat: usize, good: usize) -> Moved {
    let mut sold = world.clone();
    sold.seats[seat].parcels[good].flight = false;
    let not_sold = sold.clone();
    sold.seats[seat].parcels[good].bought += 1;
    let at = (seat, good);
    let news = delivered(&sold, edges, seat, good);
    say(&sold, edges, at, Word::Delivered, news)?;
    if edges.scene.provider_faults {
        let unknown = || GoodsNews::Unknown(String::new());
        say(&sold, edges, at, Word::Accepted, GoodsNews::Accepted(reference(seat, good)))?;
        say(&not_sold, edges, at, Word::Refused, GoodsNews::Refused(String::new()))?;
        say(&sold, edges, at, Word::NoAnswer { bought: true }, unknown())?;
        say(&not_sold, edges, at, Word::NoAnswer { bought: false }, unknown())?;
        say(&sold, edges, at, Word::Doubled, GoodsNews::Doubled(String::new()))?;
    }
    Ok(())
}

fn looked_up(world: &World, edges: &mut Edges<'_>, seat: usize, good: usize) -> Moved {
    let mut next = world.clone();
    next.seats[seat].parcels[good].look_up = false;
    let at = (seat, good);
    if next.seats[seat].parcels[good].bought > 0 {
        let news = delivered(&next, edges, seat, good);
        say(&next, edges, at, Word::Found, news)?;
        if edges.scene.provider_faults {
            say(&next, edges, at, Word::FoundAccepted, GoodsNews::Accepted(reference(seat, good)))?;
            say(&next, edges, at, Word::Lost, GoodsNews::Lost(String::new()))?;
        }
    } else {
        say(&next, edges, at, Word::NotThere, GoodsNews::NotThere)?;
    }
    if edges.scene.provider_faults {
        say(&next, edges, at, Word::LookUpUnanswered, GoodsNews::NoAnswer)?;
        say(&next, edges, at, Word::Undecidable, GoodsNews::Undecidable(String::new()))?;
    }
    Ok(())
}

fn fetched(world: &World, edges: &mut Edges<'_>, seat: usize, good: usize) -> Moved {
    let mut next = world.clone();
    next.seats[seat].parcels[good].fetch = false;
    let at = (seat, good);
    let news = delivered(&next, edges, seat, good);
    say(&next, edges, at, Word::Fetched, news)?;
    if edges.scene.provider_faults {
        say(&next, edges, at, Word::FetchUnanswered, GoodsNews::NoAnswer)?;
        say(&next, edges, at, Word::FetchRefused, GoodsNews::Refused(String::new()))?;
    }
    Ok(())
}
