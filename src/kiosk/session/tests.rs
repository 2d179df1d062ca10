use super::*;

fn at(mono_ms: u64) -> Moment {
    Moment { run: 1, mono_ms, wall_ms: 0, synced: true }
}

#[test]
fn from_attract_to_pay_in_six_touches() {
    let mut session = Session::fresh(1, "en", at(0));
    for intent in [
        Intent::Start,
        Intent::ChooseLanguage("de".into()),
        Intent::ChooseDestination("jp".into()),
        Intent::ChoosePlan("p1".into()),
        Intent::AcceptTerms(true),
    ] {
        assert_eq!(session.on(&intent, at(1)), None);
    }
    assert_eq!(session.on(&Intent::Pay, at(2)), Some(Wish::BeginSale));
    assert_eq!(session.on(&Intent::Pay, at(3)), None, "a second touch is no second sale");
    assert_eq!(session.language, "de");
}

#[test]
fn pay_needs_the_tick_and_its_place() {
    let mut session = Session::fresh(1, "en", at(0));
    assert_eq!(session.on(&Intent::Pay, at(1)), None);
    session.stage = Stage::PlanDetail { preparing: false };
    assert_eq!(session.on(&Intent::Pay, at(1)), None);
}

#[test]
fn idle_asks_and_then_ends_and_never_in_the_middle_of_money() {
    let mut session = Session::fresh(1, "en", at(0));
    let patience = Patience::default();
    assert_eq!(idle(&session, false, &at(900_000), &patience), Idle::Fine);
    session.stage = Stage::Plans;
    assert_eq!(idle(&session, false, &at(44_999), &patience), Idle::Fine);
    assert_eq!(idle(&session, false, &at(45_000), &patience), Idle::Ask(20));
    assert_eq!(idle(&session, false, &at(64_001), &patience), Idle::Ask(1));
    assert_eq!(idle(&session, false, &at(65_000), &patience), Idle::Gone);
    assert_eq!(idle(&session, true, &at(900_000), &patience), Idle::Fine);
    session.on(&Intent::StillHere, at(50_000));
    assert_eq!(idle(&session, false, &at(65_000), &patience), Idle::Fine);
}
