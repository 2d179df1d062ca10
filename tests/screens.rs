//! Every screen in both languages and orientations, drawn in memory: measured, read and scanned like a traveller would.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]
#![cfg(feature = "screen")]

use esim_kiosk::kiosk::Intent;
use esim_kiosk::kiosk::view::{Look, Screen, SecretText};
use esim_kiosk::sim::gallery::faults::{Judge, TOUCH_MM};
use esim_kiosk::sim::gallery::samples::{Sample, Samples};
use esim_kiosk::sim::gallery::samples_sale::{ADDRESS, CLAIM_CODE, MATCHING_ID};
use esim_kiosk::sim::gallery::{Easel, LANGUAGES, ORIENTATIONS, THEMES, translations};
use esim_kiosk::ui::{Headless, Picture, Rect, Surface};

fn sample(language: &'static str, name: &str) -> Sample {
    Samples::all(language).into_iter().find(|sample| sample.name == name).unwrap()
}

/// Red, green and blue of a pixel.
fn pixel(picture: &Picture, x: u32, y: u32) -> &[u8] {
    let at = (y as usize * picture.width as usize + x as usize) * 3;
    &picture.rgb[at..at + 3]
}

/// Every state × language of one orientation, in one theme.
fn faults_of(easel: &mut Easel, orientation: &str, look: Look) -> Vec<String> {
    let (_, surface) = ORIENTATIONS.into_iter().find(|(name, _)| *name == orientation).unwrap();
    easel.screen.set_surface(surface);
    let mut faults = Vec::new();
    for language in LANGUAGES {
        let judge = Judge::new(language, surface);
        for sample in Samples::all(language) {
            let missed = easel.put(&sample, look);
            assert!(missed.is_empty(), "{orientation} {language} {}: {missed:?} cannot be touched", sample.name);
            let probed = easel.screen.probe();
            assert!(!probed.words.is_empty(), "{} shows no word", sample.name);
            let found = judge.faults(&probed);
            faults.extend(found.into_iter().map(|fault| format!("{orientation} {language} {}: {fault}", sample.name)));
        }
    }
    faults
}

#[test]
fn every_portrait_screen_is_without_fault() {
    let faults = faults_of(&mut Easel::new().unwrap(), "portrait", Look::default());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_landscape_screen_is_without_fault() {
    let faults = faults_of(&mut Easel::new().unwrap(), "landscape", Look::default());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What a traveller may wish instead: larger text in both shapes, and everything low (a wide screen is low as it is).
#[test]
fn large_text_and_low_reach_are_without_fault() {
    let large = Look { large_text: true, ..Look::default() };
    let low = Look { low_reach: true, ..Look::default() };
    let wished = [("portrait", large), ("landscape", large), ("portrait", low)];
    let mut easel = Easel::new().unwrap();
    let faults: Vec<String> =
        wished.into_iter().flat_map(|(orientation, look)| faults_of(&mut easel, orientation, look)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The judge can see: a screen that is shrunk has targets that are too small.
#[test]
fn a_smaller_touch_target_is_a_fault() {
    let mut easel = Easel::new().unwrap();
    easel.put(&sample("en", "plans"), Look::default());
    let probed = easel.screen.probe();
    let wide = Surface { width_mm: 200.0, ..Surface::PORTRAIT };
    assert!(Judge::new("en", Surface::PORTRAIT).faults(&probed).is_empty());
    assert!(Judge::new("en", wide).faults(&probed).iter().any(|fault| fault.contains("mm to touch")));
    // English words on a German screen are seen too.
    assert!(Judge::new("de", Surface::PORTRAIT).faults(&probed).iter().any(|fault| fault.contains("not translated")));
}

/// The rectangle of what differs between two pictures.
fn changed(before: &Picture, after: &Picture) -> Option<Rect> {
    let width = before.width as usize * 3;
    let mut rows = before.rgb.chunks(width).zip(after.rgb.chunks(width)).enumerate().filter(|(_, (a, b))| a != b);
    let (top, first) = rows.next()?;
    let (mut bottom, mut left, mut right) = (top, usize::MAX, 0);
    for (row, (a, b)) in std::iter::once((top, first)).chain(rows) {
        bottom = row;
        let mut differing = a.chunks(3).zip(b.chunks(3)).enumerate().filter(|(_, (a, b))| a != b).map(|(x, _)| x);
        if let Some(x) = differing.next() {
            left = left.min(x);
            right = right.max(differing.next_back().unwrap_or(x));
        }
    }
    let (x, y) = (left as f32, top as f32);
    Some(Rect { x, y, width: (right - left + 1) as f32, height: (bottom - top + 1) as f32 })
}

/// The line round a part need not change.
const EDGE_PX: f32 = 5.0;

/// What answers a finger in the picture is as large as it is touched: press each part, compare the pixels.
#[test]
fn pressed_parts_answer_in_the_next_frame_over_20_mm() {
    let mut easel = Easel::new().unwrap();
    for (_, surface) in ORIENTATIONS {
        easel.screen.set_surface(surface);
        for name in ["destinations", "search-found", "plans", "detail-ready", "esim", "claim"] {
            easel.put(&sample("en", name), Look::default());
            for target in
                easel.screen.probe().targets.into_iter().filter(|target| target.enabled && target.name != "search")
            {
                let before = easel.screen.picture();
                let (x, y) = target.rect.centre();
                easel.screen.press(x, y);
                let after = easel.screen.picture();
                easel.screen.leave();
                let seen =
                    changed(&before, &after).unwrap_or_else(|| panic!("{name}: {} does not answer", target.name));
                let least = TOUCH_MM * surface.px_per_mm() - 2.0 * EDGE_PX;
                assert!(seen.width >= least && seen.height >= least, "{name}: {} shows {seen:?}", target.name);
            }
        }
    }
}

/// The dark symbol inside a tile, in the rendered picture.
fn symbol(picture: &Picture, tile: &Rect) -> Rect {
    let dark = |x: u32, y: u32| pixel(picture, x, y) == [0, 0, 0];
    let (x0, y0) = (tile.x.round() as u32, tile.y.round() as u32);
    let (x1, y1) = (x0 + tile.width.round() as u32, y0 + tile.height.round() as u32);
    let columns: Vec<u32> = (x0..x1).filter(|x| (y0..y1).any(|y| dark(*x, y))).collect();
    let rows: Vec<u32> = (y0..y1).filter(|y| (x0..x1).any(|x| dark(x, *y))).collect();
    let (left, right, top, bottom) = (columns[0], columns[columns.len() - 1], rows[0], rows[rows.len() - 1]);
    Rect { x: left as f32, y: top as f32, width: (right - left + 1) as f32, height: (bottom - top + 1) as f32 }
}

fn decoded(picture: &Picture) -> Vec<String> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let at = (y * width + x) * 3;
        picture.rgb[at]
    });
    image.detect_grids().into_iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect()
}

#[test]
fn the_code_is_at_least_60_mm_and_reads_from_the_pixels_in_every_theme() {
    let mut easel = Easel::new().unwrap();
    for (orientation, surface) in ORIENTATIONS {
        easel.screen.set_surface(surface);
        for (theme, look) in THEMES {
            easel.put(&sample("en", "esim"), look);
            let (picture, probed) = easel.look();
            let spot = probed.pictures.iter().find(|spot| spot.name == "qr.esim").unwrap();
            let symbol = symbol(&picture, &spot.rect);
            let mm = symbol.width / surface.px_per_mm();
            assert!((60.0..=75.0).contains(&mm), "{orientation} {theme}: the symbol is {mm:.1} mm");
            assert_eq!(symbol.width, symbol.height);
            // Its timing pattern: every module as wide as the next.
            let modules = (0..40).map(|version| 21 + 4 * version).find(|modules| {
                (symbol.width as u32).is_multiple_of(*modules) && decoded_width(&picture, &symbol) == *modules
            });
            let modules = modules.unwrap_or_else(|| panic!("{orientation} {theme}: modules are of unequal width"));
            let quiet = 4.0 * symbol.width / modules as f32;
            let room = [symbol.x - spot.rect.x, symbol.y - spot.rect.y];
            assert!(room.iter().all(|room| *room >= quiet - 0.5), "{orientation} {theme}: the quiet zone is {room:?}");
            assert_eq!(decoded(&picture), [format!("LPA:1${ADDRESS}${MATCHING_ID}")], "{orientation} {theme}");
        }
    }
}

/// Modules of a symbol, counted along the timing pattern in its seventh row.
fn decoded_width(picture: &Picture, symbol: &Rect) -> u32 {
    // The finder pattern's upper edge is seven modules of black.
    let (x0, y0) = (symbol.x as u32, symbol.y as u32);
    let run = (0..symbol.width as u32).take_while(|x| pixel(picture, x0 + x, y0 + 1) == [0, 0, 0]).count() as u32;
    if run.is_multiple_of(7) { symbol.width as u32 * 7 / run } else { 0 }
}

#[test]
fn wifi_and_link_have_codes_of_their_own_one_at_a_time() {
    let mut easel = Easel::new().unwrap();
    for (_, surface) in ORIENTATIONS {
        easel.screen.set_surface(surface);
        easel.put(&sample("de", "esim-wifi"), Look::default());
        assert!(decoded(&easel.screen.picture()).contains(&"WIFI:T:nopass;S:Airport-Free-WiFi;;".to_owned()));
        easel.put(&sample("de", "esim-link"), Look::default());
        let link =
            format!("https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA:1${ADDRESS}${MATCHING_ID}");
        assert!(decoded(&easel.screen.picture()).contains(&link));
    }
}

#[test]
fn every_sentence_is_translated_with_the_same_holes() {
    let mut sources = Vec::new();
    for folder in ["ui", "ui/parts", "ui/screens"] {
        for entry in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "slint") {
                sources.extend(translations::marked(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 150, "{} sentences are marked", sources.len());
    for language in LANGUAGES.into_iter().filter(|language| *language != "en") {
        let entries = translations::entries(translations::file(language).unwrap());
        for source in &sources {
            let entry = entries.iter().find(|entry| entry.sources.contains(source));
            let entry = entry.unwrap_or_else(|| panic!("{language}: “{source}” is missing"));
            let holes = |text: &str| text.matches('{').count();
            for translation in &entry.translations {
                assert!(!translation.is_empty(), "{language}: “{source}” is empty");
                assert_eq!(holes(translation), holes(source), "{language}: “{source}” has other holes");
            }
        }
        // The receipt's words are asked for by the printer.
        for entry in entries.iter().filter(|entry| entry.context.as_deref() != Some("Paper")) {
            assert!(sources.contains(&entry.sources[0]), "{language}: “{}” is not used any more", entry.sources[0]);
        }
    }
}

fn headless() -> (Headless, tokio::sync::mpsc::Receiver<Intent>) {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    (Headless::new(Surface::PORTRAIT, sender).unwrap(), receiver)
}

/// What was wished, without the pings of a finger.
fn wishes(receiver: &mut tokio::sync::mpsc::Receiver<Intent>) -> Vec<Intent> {
    std::iter::from_fn(|| receiver.try_recv().ok()).filter(|intent| *intent != Intent::Touched).collect()
}

#[test]
fn nothing_of_the_last_traveller_remains() {
    let (mut screen, mut receiver) = headless();
    screen.show(&sample("en", "esim").view);
    assert!(screen.touch_part("by-hand"));
    let words =
        |screen: &mut Headless| -> Vec<String> { screen.probe().words.into_iter().map(|words| words.text).collect() };
    assert!(words(&mut screen).iter().any(|text| text.contains(MATCHING_ID)));
    assert!(words(&mut screen).iter().any(|text| text.contains(CLAIM_CODE)));
    let esim = screen.picture();
    let mut next = sample("en", "esim").view;
    next.session += 1;
    // The same place without its secrets: what was open over the code is closed.
    if let Screen::YourEsim(esim) = &mut next.screen {
        esim.matching_id.0.clear();
        esim.sm_dp_address.0.clear();
        esim.qr.0 = "LPA:1$other$other".into();
    }
    next.frame.claim_code = None;
    screen.show(&next);
    assert_ne!(screen.picture(), esim);
    assert!(words(&mut screen).iter().all(|text| !text.contains(MATCHING_ID) && !text.contains(CLAIM_CODE)));
    assert!(screen.probe().targets.iter().all(|target| !target.name.starts_with("over.")));

    // What was typed, the list that was open, the page that was turned to.
    let mut search = sample("en", "destinations").view;
    search.session = 7;
    screen.show(&search);
    for part in ["search", "key.J", "key.A"] {
        assert!(screen.touch_part(part), "{part}");
    }
    assert_eq!(wishes(&mut receiver), [Intent::Search("J".into()), Intent::Search("JA".into())]);
    assert!(words(&mut screen).contains(&"JA".to_owned()));
    search.session = 8;
    screen.show(&search);
    assert!(!words(&mut screen).contains(&"JA".to_owned()));
    assert!(screen.touch_part("popular.0"));
    for part in ["search", "key.P"] {
        assert!(screen.touch_part(part), "{part}");
    }
    assert_eq!(wishes(&mut receiver), [Intent::ChooseDestination("us".into()), Intent::Search("P".into())]);
}

#[test]
fn from_the_attract_screen_to_the_card_it_takes_seven_touches() {
    let (mut screen, mut receiver) = headless();
    let mut touches = 0;
    for (name, part, wish) in [
        ("attract", "start.button", Intent::Start),
        ("language", "language.en", Intent::ChooseLanguage("en".into())),
        ("destinations", "popular.0", Intent::ChooseDestination("us".into())),
        ("plans", "plan.2", Intent::ChoosePlan("p3".into())),
        ("detail", "phone.yes", Intent::PhoneTakesEsim(true)),
        ("detail", "terms", Intent::AcceptTerms(true)),
        ("detail-ready", "pay", Intent::Pay),
    ] {
        screen.show(&sample("en", name).view);
        assert!(screen.touch_part(part), "{part} on {name}");
        assert_eq!(wishes(&mut receiver), [wish]);
        touches += 1;
    }
    assert!(touches <= 8);
}

#[test]
fn the_language_switches_live_and_everything_else_can_be_wished() {
    let (mut screen, mut receiver) = headless();
    for (name, part, wish) in [
        ("attract", "claim", Intent::OpenClaim),
        ("attract-interrupted", "interrupted", Intent::OpenClaim),
        ("destinations", "back", Intent::Back),
        ("destinations", "help", Intent::Help),
        ("destinations", "language", Intent::Settings),
        ("detail", "phone.no", Intent::PhoneTakesEsim(false)),
        ("pay-present-card", "cancel", Intent::Cancel),
        ("esim", "have-it", Intent::HaveIt),
        ("esim", "print", Intent::PrintActivation),
        ("receipt", "print", Intent::PrintReceipt),
        ("receipt", "done", Intent::Done),
        ("thank-you", "done", Intent::Done),
        ("not-charged-declined", "retry", Intent::Retry),
        ("not-charged-declined", "back", Intent::Back),
        ("truth-ready", "show", Intent::ShowClaimed),
        ("truth-kept", "buy", Intent::BuyKept),
        ("out-of-service-network", "start", Intent::Start),
        ("out-of-service-network", "claim", Intent::OpenClaim),
        ("over-still-there", "over.still-here", Intent::StillHere),
        ("over-still-there", "over.start-over", Intent::StartOver),
        ("over-help", "over.close", Intent::CloseOverlay),
        ("over-settings", "over.language.de", Intent::ChooseLanguage("de".into())),
        ("over-settings", "over.high-contrast", Intent::ChooseLook(Look { high_contrast: true, ..Look::default() })),
    ] {
        for language in LANGUAGES {
            screen.show(&sample(language, name).view);
            assert!(screen.touch_part(part), "{part} on {name} in {language}");
            assert_eq!(wishes(&mut receiver), std::slice::from_ref(&wish), "{part} on {name} in {language}");
        }
    }
    let mut claim = sample("en", "claim");
    claim.view.session = 99;
    screen.show(&claim.view);
    assert!(!screen.touch_part("primary"), "an incomplete code cannot be sent");
    for part in CLAIM_CODE.chars().filter(|letter| *letter != '-').map(|letter| format!("key.{letter}")) {
        assert!(screen.touch_part(&part), "{part}");
    }
    assert!(screen.touch_part("primary"));
    let sent = wishes(&mut receiver);
    assert!(matches!(sent.as_slice(), [Intent::SubmitClaim(code)] if code.0 == CLAIM_CODE.replace('-', "")));
}

/// The operator's knock is hidden in the operator's name, in both shapes; the code is seen as dots alone and leaves the
/// glass with the touch that sends it.
#[test]
fn the_service_screen_hides_its_door_and_its_code() {
    let (mut screen, mut receiver) = headless();
    for (_, surface) in ORIENTATIONS {
        screen.set_surface(surface);
        screen.show(&sample("en", "language").view);
        let probed = screen.probe();
        assert!(!probed.targets.iter().any(|target| target.name.contains("knock")));
        let name = probed.words.iter().find(|words| words.text == "Skyline Travel").unwrap().rect;
        let (x, y) = name.centre();
        wishes(&mut receiver);
        screen.touch(x.min(name.x + 60.0), y);
        assert_eq!(wishes(&mut receiver), [Intent::Knock]);
    }
    screen.show(&sample("en", "service-devices").view);
    screen.show(&Sample { touches: Vec::new(), ..sample("en", "service-door") }.view);
    let words = |screen: &mut Headless| -> String {
        screen.probe().words.into_iter().map(|words| words.text + "\n").collect::<String>()
    };
    assert!(!screen.touch_part("primary"), "nothing is typed yet");
    for key in ["pin.4", "pin.8", "pin.0", "pin.2", "pin.1", "pin.7", "pin.erase", "pin.5"] {
        assert!(screen.touch_part(key), "{key}");
    }
    let seen = words(&mut screen);
    assert!(seen.contains("• • • • • •") && !seen.contains("48"), "{seen}");
    wishes(&mut receiver);
    assert!(screen.touch_part("primary"));
    assert_eq!(wishes(&mut receiver), [Intent::SubmitPin(SecretText("480215".into()))]);
    assert!(!words(&mut screen).contains('•'), "the code is still on the glass");
}
