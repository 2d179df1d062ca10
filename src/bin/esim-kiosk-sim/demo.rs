//! The demo: the whole kiosk against the simulators on this machine, in a window or headless.

use std::path::{Path, PathBuf};
use std::time::Duration;

use esim_kiosk::assembly;
use esim_kiosk::config::Config;
use esim_kiosk::journal::Journal;
use esim_kiosk::kiosk::Inbox;
use esim_kiosk::kiosk::view::{Printing, Screen, Selling};
use esim_kiosk::sim::providers::Provider;
use esim_kiosk::sim::providers::fault::{Effect, Fault};
use esim_kiosk::sim::terminal::Cardholder;
use esim_kiosk::ui::Headless;
use esim_kiosk::watchdog::UiPing;

use crate::hand::Hand;
use crate::lost::{Lost, chain};
use crate::say;
use crate::scenarios::{Ending, Scenario};
use esim_kiosk::sim::stage::{Pace, Scenery, Stage, put};

/// What the demo is asked for.
pub(crate) struct Wanted {
    /// Where everything is written.
    pub(crate) out: PathBuf,
    /// What happens.
    pub(crate) scenario: Scenario,
    /// Language of the traveller.
    pub(crate) language: String,
    /// 1280 × 800 instead of 1080 × 1920.
    pub(crate) landscape: bool,
    /// Seed of everything random.
    pub(crate) seed: u64,
}

/// Walks a purchase by touching the real screen, and writes what was seen, sold and printed.
pub(crate) fn headless(wanted: &Wanted) -> Result<(), Lost> {
    let out = std::path::absolute(&wanted.out)?;
    clean(&out)?;
    let (pixels, width_mm) = if wanted.landscape { ((1280, 800), 217) } else { ((1080, 1920), 268) };
    let scenery = Scenery {
        dir: out.join("stage"),
        providers: wanted.scenario.providers(),
        plans: 3_000,
        approves_after: Duration::from_millis(800),
        seed: wanted.seed,
        pace: Pace::Walk,
        pixels,
        width_mm,
    };
    let runtime = assembly::runtime().map_err(|error| Lost::Wrong(error.to_string()))?;
    let inside = runtime.enter();
    let stage = Stage::set(&scenery)?;
    let config = Config::load(&stage.config).map_err(|error| Lost::Wrong(error.to_string()))?;
    let broken = |error: &dyn std::error::Error| Lost::Wrong(chain(error));
    let journal = assembly::journal(&config).map_err(|error| broken(&error))?;
    let running = assembly::start(&config, Box::new(journal), UiPing::default()).map_err(|error| broken(&error))?;
    drop(inside);
    let surface = assembly::surface(&config, pixels.0, pixels.1);
    let screen = Headless::new(surface, running.intents.clone()).map_err(|error| broken(&error))?;
    let mut hand = Hand::new(screen, running.views.clone(), &out);
    let walked = walk(&mut hand, &stage, wanted);
    put(&out.join("steps.txt"), hand.log().as_bytes(), 0o644)?;
    runtime.block_on(async {
        // A loop that ended by itself says so when its handle is asked.
        running.inbox.send(Inbox::Stop).await.ok();
        running.kiosk.await.ok();
    });
    walked?;
    keep_journal(&config, &out)?;
    keep_paper(&out)?;
    verify(&stage, &out, wanted.scenario)?;
    say(&format!("everything is in {}", out.display()));
    Ok(())
}

/// An earlier demo's folder is emptied; any other folder with things in it is left alone.
pub(crate) fn clean(out: &Path) -> Result<(), Lost> {
    let mark = out.join("stage");
    if out.exists() && std::fs::read_dir(out)?.next().is_some() {
        if !mark.exists() {
            return Err(Lost::Wrong(format!(
                "{} is not empty and no demo wrote it: name another --out",
                out.display()
            )));
        }
        std::fs::remove_dir_all(out)?;
    }
    std::fs::create_dir_all(&mark)?;
    Ok(())
}

/// The traveller's way.
fn walk(hand: &mut Hand, stage: &Stage, wanted: &Wanted) -> Result<(), Lost> {
    hand.see(
        "an open kiosk",
        |view| matches!(&view.screen, Screen::Attract(attract) if attract.selling == Selling::Open),
    )?;
    hand.keep("attract")?;
    hand.touch("start")?;
    hand.see("the languages", |view| matches!(view.screen, Screen::Language { .. }))?;
    hand.keep("language")?;
    hand.touch(&format!("language.{}", wanted.language))?;
    hand.see("the destinations", |view| matches!(view.screen, Screen::Destinations(_)))?;
    hand.keep("destinations")?;
    hand.touch("popular.3")?;
    hand.see("the plans", |view| matches!(view.screen, Screen::Plans(_)))?;
    hand.keep("plans")?;
    hand.touch("plan.1")?;
    hand.see("the plan", |view| matches!(view.screen, Screen::PlanDetail(_)))?;
    hand.keep("plan")?;
    hand.touch("terms")?;
    hand.see("the tick", |view| matches!(&view.screen, Screen::PlanDetail(plan) if plan.can_pay))?;
    hand.keep("plan-ticked")?;
    prepare(stage, wanted.scenario);
    hand.touch("pay")?;
    hand.see("the pay screen", |view| matches!(view.screen, Screen::Pay(_)))?;
    hand.keep("pay")?;
    during(hand, stage, wanted.scenario)?;
    match wanted.scenario.ending() {
        Ending::Esim => esim(hand, stage, wanted),
        Ending::NotCharged => {
            let view = hand.see("that nothing was charged", |view| matches!(view.screen, Screen::NotCharged { .. }))?;
            hand.keep("not-charged")?;
            hand.step(&format!("reads: {:?}", view.screen));
            Ok(())
        }
    }
}

/// What is arranged before the card is asked.
fn prepare(stage: &Stage, scenario: Scenario) {
    let terminal = stage.terminal.panel();
    match scenario {
        Scenario::Declined => terminal.next(Cardholder::declined(0x05, "Karte abgelehnt")),
        Scenario::NoCard | Scenario::Cancelled => terminal.next(Cardholder::absent()),
        Scenario::ProviderSilent => {
            stage
                .providers
                .panel()
                .fault(Provider::Mobilexy, Fault::after("plan_purchase", Effect::Hold(Duration::from_secs(90))));
        }
        Scenario::Purchase | Scenario::LineCut | Scenario::ProviderOutage => {}
    }
}

/// What happens at the pay screen.
fn during(hand: &mut Hand, stage: &Stage, scenario: Scenario) -> Result<(), Lost> {
    match scenario {
        Scenario::Cancelled => {
            hand.idle(Duration::from_millis(700))?;
            hand.touch("cancel")
        }
        Scenario::NoCard => {
            stage.terminal.panel().press_stop();
            Ok(())
        }
        Scenario::LineCut => {
            hand.see("the order on its way", |view| {
                matches!(view.screen, Screen::Preparing { .. } | Screen::YourEsim(_))
            })?;
            stage.terminal.panel().cut(Some(Duration::from_secs(3)));
            Ok(())
        }
        Scenario::ProviderOutage => {
            // Prices were read and the plan was quoted: the provider goes away before the order.
            stage.providers.panel().drop_provider(Provider::Roamify);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// From the eSIM to the end.
fn esim(hand: &mut Hand, stage: &Stage, wanted: &Wanted) -> Result<(), Lost> {
    let view = hand.see("the eSIM", |view| matches!(view.screen, Screen::YourEsim(_)))?;
    let picture = hand.keep("your-esim")?;
    let seen = crate::reader::codes_rgb(picture.width, picture.height, &picture.rgb);
    let sold: Vec<String> = stage.providers.panel().orders().into_iter().flat_map(|(_, order)| order.lpa).collect();
    let code = seen.iter().find(|text| text.starts_with("LPA:")).cloned();
    let Some(code) = code else { return Err(Lost::Wrong("no activation code can be read from the screen".into())) };
    if !sold.contains(&code) {
        return Err(Lost::Wrong("the code on the screen is not one that the provider sold".into()));
    }
    put(&wanted.out.join("activation-code-from-screen.txt"), format!("{code}\n").as_bytes(), 0o600)?;
    hand.step("reads the activation code from the screen's pixels: it is the one that was sold");
    if let Some(number) = &view.frame.sale_number {
        hand.step(&format!("reads the sale's number {number}"));
    }
    hand.touch("print")?;
    hand.see("the paper", |view| matches!(&view.screen, Screen::YourEsim(esim) if esim.printing == Printing::Done))?;
    hand.keep("printed")?;
    hand.touch("have-it")?;
    hand.see("the receipt screen", |view| matches!(view.screen, Screen::Receipt(_)))?;
    hand.keep("receipt")?;
    hand.touch("done")?;
    hand.see("thank you", |view| matches!(view.screen, Screen::ThankYou))?;
    hand.keep("thank-you")?;
    hand.see("attract again", |view| matches!(view.screen, Screen::Attract(_)))?;
    hand.keep("attract-again")?;
    Ok(())
}

/// The journal of the sale, as records without secrets.
fn keep_journal(config: &Config, out: &Path) -> Result<(), Lost> {
    let wrong = |error: &dyn std::error::Error| Lost::Wrong(chain(error));
    let mut journal = assembly::journal(config).map_err(|error| wrong(&error))?;
    let number = esim_kiosk::sale::id::SaleNumber::of(&config.machine.label, 1);
    let Some(id) = journal.find_number(&number).map_err(|error| wrong(&error))? else {
        return Err(Lost::Wrong("the sale is not in the journal".into()));
    };
    let mut text = String::new();
    for entry in journal.entries(id).map_err(|error| wrong(&error))? {
        text.push_str(&serde_json::to_string(&entry).map_err(|error| wrong(&error))?);
        text.push('\n');
    }
    put(&out.join("journal.jsonl"), text.as_bytes(), 0o644)?;
    Ok(())
}

/// The receipt as picture and text, beside the screens.
fn keep_paper(out: &Path) -> Result<(), Lost> {
    let paper = out.join("stage/paper");
    for (from, to) in [("receipt-1.png", "receipt.png"), ("receipt-1.txt", "receipt.txt")] {
        if paper.join(from).exists() {
            put(&out.join(to), &std::fs::read(paper.join(from))?, 0o644)?;
        }
    }
    Ok(())
}

/// The ledgers have the last word.
fn verify(stage: &Stage, out: &Path, scenario: Scenario) -> Result<(), Lost> {
    let paid = stage.terminal.ledger().book().paid_minor();
    let orders = stage.providers.panel().orders();
    let sold: Vec<String> = orders.iter().flat_map(|(_, order)| order.lpa.clone()).collect();
    say(&format!("the terminal's ledger: {paid} minor units paid; the providers' ledgers: {} sold", sold.len()));
    match scenario.ending() {
        Ending::NotCharged if paid != 0 => Err(Lost::Wrong(format!("{paid} minor units were charged"))),
        Ending::NotCharged => Ok(()),
        Ending::Esim if sold.len() != 1 || paid == 0 => Err(Lost::Wrong(format!(
            "{} eSIMs sold, {paid} minor units charged: one and more than nothing",
            sold.len()
        ))),
        Ending::Esim => {
            let png = std::fs::read(out.join("receipt.png"))?;
            let seen = crate::reader::codes_png(&png).map_err(Lost::Wrong)?;
            let code = seen.iter().find(|text| sold.contains(text));
            let Some(code) = code else {
                return Err(Lost::Wrong(format!("the receipt's pixels carry {} codes, none of them sold", seen.len())));
            };
            put(&out.join("activation-code-from-receipt.txt"), format!("{code}\n").as_bytes(), 0o600)?;
            say("the activation code on the receipt is the one that the provider sold");
            Ok(())
        }
    }
}
