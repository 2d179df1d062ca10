//! What a full catalogue costs: 28 000 plans of four providers merged, and each keystroke of the search, beside what a
//! plain look through all plans would cost. `cargo bench --bench catalogue` prints one line a figure.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use esim_kiosk::catalogue::{Offering, Pricing, RateLine, Setting, Snapshot};
use esim_kiosk::locale;
use esim_kiosk::money::{Currency, Exact};
use esim_kiosk::sale::offer::{DataVolume, PlanKey, ProviderId};
use esim_kiosk::sale::plan::{Coverage, ProviderPlan};

const TYPED: &[&str] = &["t", "tu", "tur", "turk", "türk", "united s", "swtizer", "japan", "zzzz"];

fn plans(provider: usize, count: usize) -> Vec<ProviderPlan> {
    let countries: Vec<&str> = locale::countries("en").map(|(_, name)| name).take(240).collect();
    let plan = |n: usize| {
        let step = n / countries.len();
        ProviderPlan {
            key: PlanKey(format!("{provider}-{n}")),
            package_code: Some(format!("PKG{n}")),
            name: format!("{} {} GB", countries[n % countries.len()], step + 1),
            coverage: Coverage::Country { iso: None, name: countries[n % countries.len()].into() },
            data: DataVolume::Bytes((u64::try_from(step % 30).unwrap_or(0) + 1) << 30),
            days: u16::try_from(step + 1).unwrap_or(1),
            cost: Exact { units: 272_000_000 + i128::try_from(n).unwrap_or(0), currency: Currency::USD },
            networks: vec!["Network One".into(), "Network Two".into()],
            speed: Some("4G/5G".into()),
            fair_use: String::new(),
            install_at_destination: false,
            slow: false,
            can_top_up: true,
        }
    };
    (0..count).map(plan).collect()
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn timed(rounds: u32, mut work: impl FnMut()) -> Duration {
    work();
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    start.elapsed() / rounds
}

#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn main() {
    let lists = [("esimfly", 7_000), ("mobilexy", 2_000), ("roamify", 18_000), ("reseller", 1_000)];
    let plans: BTreeMap<ProviderId, Vec<ProviderPlan>> =
        lists.iter().enumerate().map(|(n, (name, count))| (ProviderId((*name).into()), plans(n, *count))).collect();
    let snapshot = Snapshot { version: 1, plans };
    let (offering, languages) = (Offering::default(), ["en".to_owned(), "de".to_owned()]);
    let today = jiff::civil::date(2026, 11, 22);
    let rate = RateLine { from: Currency::USD, rate: "0.92".into(), date: today, max_age_days: 7 };
    let pricing = Pricing { rates: vec![rate], ..Pricing::default() };
    let setting =
        Setting { pricing: &pricing, offering: &offering, currency: Currency::EUR, today, languages: &languages };
    let before = resident_kb();
    let catalogue = snapshot.build(&setting).expect("the rate is a decimal number");
    let memory = resident_kb().saturating_sub(before);
    let merge = timed(5, || drop(black_box(snapshot.build(&setting))));
    let keystrokes = u32::try_from(TYPED.len()).unwrap_or(1);
    let search =
        timed(200, || TYPED.iter().for_each(|typed| drop(black_box(catalogue.search(typed, "de"))))) / keystrokes;
    let naive = timed(5, || {
        for typed in TYPED {
            let typed = locale::folded(typed);
            let all = snapshot.plans.values().flatten();
            black_box(all.filter(|plan| locale::folded(&plan.name).contains(&typed)).count());
        }
    }) / keystrokes;
    let json = timed(3, || drop(black_box(serde_json::to_vec(&snapshot))));
    let report = catalogue.report();
    println!("plans                          {:>10}", report.plans);
    println!("cards                          {:>10}", report.cards);
    println!("merge, price, name, index      {merge:>10.2?}");
    println!("memory of the catalogue        {:>8} kB", memory);
    println!("search, a keystroke            {search:>10.2?}");
    println!("looking through every plan     {naive:>10.2?}");
    println!("ratio                          {:>9.0}x", naive.as_secs_f64() / search.as_secs_f64().max(1e-9));
    println!("snapshot to JSON               {json:>10.2?}");
}
