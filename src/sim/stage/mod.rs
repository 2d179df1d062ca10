//! The stage: terminal, printer and providers, simulated on real interfaces, and the configuration of a kiosk that
//! meets them.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sim::printer::{Model, SimPrinter};
use crate::sim::providers::{Options, Provider, Simulation};
use crate::sim::terminal::{Cardholder, Pacing, TerminalOptions, TerminalSim};

/// How long things take on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// For people: as in a hall.
    People,
    /// Shorter waits, for walks without a person.
    Walk,
    /// Every limit of rules and terminal as short as it can be, for thousands of kills.
    Kills,
}

/// How the stage is set.
#[derive(Debug, Clone)]
pub struct Scenery {
    /// Everything that lies on disk.
    pub dir: PathBuf,
    /// Which providers, cheapest last wins by price alone.
    pub providers: Vec<Provider>,
    /// Plans per provider.
    pub plans: usize,
    /// How long after the pay screen the simulated card is approved.
    pub approves_after: Duration,
    /// Seed of everything random.
    pub seed: u64,
    /// For whom it is set.
    pub pace: Pace,
    /// Width and height of the picture.
    pub pixels: (u32, u32),
    /// Width of the picture in millimetres.
    pub width_mm: u32,
}

impl Scenery {
    /// For travellers made of code: one provider, few plans, cards approved at once, an upright screen.
    #[must_use]
    pub fn of_code(dir: PathBuf) -> Scenery {
        Scenery {
            dir,
            providers: vec![Provider::Mobilexy],
            plans: 60,
            approves_after: Duration::from_millis(400),
            seed: 1,
            pace: Pace::Kills,
            pixels: (1080, 1920),
            width_mm: 268,
        }
    }
}

/// The stage, set. Dropped, everything on it is gone.
pub struct Stage {
    /// The card terminal on a pty.
    pub terminal: TerminalSim,
    /// The receipt printer on a pty.
    pub printer: SimPrinter,
    /// The providers behind TLS.
    pub providers: Simulation,
    /// The kiosk's configuration.
    pub config: PathBuf,
}

impl Stage {
    /// Sets the stage. Must be called inside a runtime.
    pub fn set(scenery: &Scenery) -> io::Result<Stage> {
        let dir = std::path::absolute(&scenery.dir)?;
        std::fs::create_dir_all(&dir)?;
        let ca = dir.join("providers-ca.pem");
        let providers = Simulation::start(Options {
            providers: scenery.providers.iter().map(|provider| (*provider, 0)).collect(),
            seed: scenery.seed,
            plans: scenery.plans,
            ca_file: Some(ca.clone()),
            ledger_file: Some(dir.join("providers-ledger.json")),
            ..Options::default()
        })?;
        let cardholder = Cardholder::approved_after(scenery.approves_after);
        let mut options = TerminalOptions {
            cardholder,
            pacing: Pacing::Fast,
            ledger_file: Some(dir.join("terminal-ledger.json")),
            clock: jiff::Zoned::now().datetime(),
            ..TerminalOptions::default()
        };
        if scenery.pace == Pace::Kills {
            options.registration_takes = Duration::from_millis(20);
            options.completion_takes = Duration::from_millis(40);
            options.asks_again = Duration::from_millis(200);
            options.card_wait = Duration::from_secs(2);
            // A new terminal cannot tell an empty day from a closed one, and each kill would leave a case.
            options.sold_before = Some(700);
        }
        let (terminal, terminal_path) = TerminalSim::on_pty(options, Some(&dir.join("terminal")))?;
        let model = Model::named("epson-tm-t20iii").ok_or_else(|| io::Error::other("the printer's model is gone"))?;
        let mut printer = SimPrinter::start(model, Some(dir.join("paper")), scenery.seed)?;
        let printer_path = dir.join("printer");
        printer.on_pty(&printer_path)?;
        let key = dir.join("mobilexy.key");
        let keys = &providers.options().credentials;
        secret_file(&key, &keys.mobilexy_key)?;
        secret_file(&dir.join("roamify.key"), &keys.roamify_token)?;
        secret_file(&dir.join("service-pin"), SERVICE_PIN_HASH)?;
        let text = configuration(scenery, &dir, &terminal_path, &printer_path, &providers);
        let config = dir.join("kiosk.toml");
        put(&config, text.as_bytes(), 0o644)?;
        Ok(Stage { terminal, printer, providers, config })
    }
}

fn secret_file(path: &Path, text: &str) -> io::Result<()> {
    put(path, text.as_bytes(), 0o600)
}

/// Writes a file anew with these rights.
pub fn put(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    use std::io::Write;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(content)
}

#[expect(clippy::too_many_lines, reason = "a configuration file, line by line")]
fn configuration(scenery: &Scenery, dir: &Path, terminal: &Path, printer: &Path, providers: &Simulation) -> String {
    let today = jiff::Zoned::now().date();
    let (width_px, height_px) = scenery.pixels;
    let dir_text = dir.display();
    let mut text = format!(
        r##"# A kiosk against the simulators. Written by esim-kiosk-sim.
[machine]
label = "K07"
currency = "EUR"
languages = ["en", "de"]
time_zone = "Europe/Vienna"

[operator]
name = "Sky Data GmbH"
address = ["Terminal 3, Level 1", "1300 Wien-Flughafen"]
tax_number = "ATU12345678"
tax_percent = "20"
help_phone = "+43 1 234 5678"

[operator.legal.en]
terms = {{ version = "2026-11", text = """{TERMS_EN}""" }}
privacy = {{ version = "2026-11", text = """{PRIVACY_EN}""" }}
[operator.legal.de]
terms = {{ version = "2026-11", text = """{TERMS_DE}""" }}
privacy = {{ version = "2026-11", text = """{PRIVACY_DE}""" }}
[operator.wifi.en]
ssid = "Airport Free WiFi"
hint = "Join the network, open any page and accept the terms."
[operator.wifi.de]
ssid = "Airport Free WiFi"
hint = "Netz wählen, eine Seite öffnen und die Bedingungen annehmen."

[screen]
width_mm = {width_mm}
width_px = {width_px}
height_px = {height_px}

[terminal]
address = "serial:{terminal}"
password = "123456"
dialect = "spec"
{hold}

[printer]
connection = "serial:{printer}"
model = "epson-tm-t20iii"
flow_control = "none"

[pricing]
mark_up = {{ per_ten_thousand = 4500, fixed_minor = 0, ending = "ninety" }}

[[pricing.rates]]
from = "USD"
rate = "0.9234"
date = "{today}"
max_age_days = 14

[journal]
directory = "{dir_text}/state"

[service]
pin = "file:{dir_text}/service-pin"
"##,
        width_mm = scenery.width_mm,
        terminal = terminal.display(),
        printer = printer.display(),
        hold = if scenery.pace == Pace::Kills { HOLD_OF_KILLS } else { "hold_ms = 60000" },
    );
    text.push_str(match scenery.pace {
        Pace::People => "",
        Pace::Walk => WAITS_OF_WALKS,
        Pace::Kills => WAITS_OF_KILLS,
    });
    let panel = providers.panel();
    for provider in &scenery.providers {
        let base = panel.base_url(*provider);
        let specific = match provider {
            Provider::Mobilexy => {
                format!("key = \"file:{dir_text}/mobilexy.key\"\ncurrency = \"USD\"\naccount_exclusive = true\n")
            }
            Provider::Roamify => format!("key = \"file:{dir_text}/roamify.key\"\ncurrency = \"USD\"\n"),
            Provider::Esimfly | Provider::Reseller => continue,
        };
        // A String takes every write.
        write!(
            text,
            "\n[[providers]]\napi = \"{0}\"\nname = \"{0}\"\nbase = \"{base}\"\n{specific}[providers.connection]\nextra_ca = \"{dir_text}/providers-ca.pem\"\n",
            provider.name(),
        )
        .ok();
    }
    text
}

/// Of [`SERVICE_PIN`]; made by `esim-kiosk hash-pin`.
const SERVICE_PIN_HASH: &str = "pbkdf2-sha256$200000$6b696f736b2d64656d6f2d73616c7421$81a25b7e485f7e2f7d4399afff70f8301626375239d8a3717d7c35f416453cc4\n";
/// The simulated kiosk's service code: seven quick touches on the operator's name ask for it.
pub const SERVICE_PIN: &str = "480215";

const HOLD_OF_KILLS: &str = "hold_ms = 9000\nhold_seconds = 3";

const WAITS_OF_WALKS: &str = r#"
[terminal.timers]
listen_ms = 300
poll_ms = 1000

[timing]
tick_ms = 100
printer_poll_ms = 1000
farewell_ms = 2500
"#;

/// A terminal whose longest hold is 3 s, and rules that know it.
const WAITS_OF_KILLS: &str = r#"
[terminal.timers]
listen_ms = 100
poll_ms = 300
poll_busy_ms = 150
longest_hold_ms = 4000
line_grace_ms = 2000
completion_ms = 3000
abort_ms = 3000

[timing]
tick_ms = 40
margin_ms = 1000
not_yet_ms = 300
completion_ms = 3000
query_ms = 20000
goods_ms = 15000
look_up_ms = [300, 700, 1000]
fetch_ms = [300, 700, 1000]
absent_spacing_ms = 1000
absent_after_ms = 2000
printer_poll_ms = 300
farewell_ms = 200
esim_ms = 1000
ask_ms = 500
"#;

const TERMS_EN: &str = "You buy a digital data plan (eSIM) from Sky Data GmbH. The price includes tax. The plan starts when your phone first uses a network at the destination.\\n\\nYou ask us to deliver at once. With the code on the screen the delivery is complete, and the right of withdrawal ends.\\n\\nIf the eSIM cannot be delivered, your card is not charged, or the money goes back.";
const TERMS_DE: &str = "Sie kaufen einen digitalen Datentarif (eSIM) von der Sky Data GmbH. Der Preis enthält die Steuer. Der Tarif beginnt, wenn Ihr Telefon am Ziel zum ersten Mal ein Netz nutzt.\\n\\nSie verlangen die sofortige Lieferung. Mit dem Code auf dem Bildschirm ist geliefert, und das Widerrufsrecht erlischt.\\n\\nKann die eSIM nicht geliefert werden, wird Ihre Karte nicht belastet, oder das Geld geht zurück.";
const PRIVACY_EN: &str = "We ask for no name, no e-mail address and no telephone number. We keep the time, the plan, the price and the receipt number of your card payment, as the law demands. Your activation code is stored encrypted and deleted three days after the sale.";
const PRIVACY_DE: &str = "Wir fragen nach keinem Namen, keiner E-Mail-Adresse und keiner Telefonnummer. Wir bewahren Zeit, Tarif, Preis und Belegnummer Ihrer Kartenzahlung auf, wie das Gesetz es verlangt. Ihr Aktivierungscode liegt verschlüsselt und wird drei Tage nach dem Kauf gelöscht.";
