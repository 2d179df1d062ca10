//! The states from the plan detail on.

use std::sync::Arc;

use super::samples::Samples;
use crate::kiosk::View;
use crate::kiosk::view::*;
use crate::locale;

/// What stands for every secret in the samples; a test looks for it after the session has ended.
pub const MATCHING_ID: &str = "K2-1PGNZT-1K8O2NU";
/// The address in the samples.
pub const ADDRESS: &str = "consumer.rsp.world";
/// The claim code in the samples.
pub const CLAIM_CODE: &str = "7QK-3M9-X2H";

impl Samples {
    fn title(&self) -> String {
        let country = locale::country_name("us", self.language()).unwrap_or_default();
        let data = locale::data_volume(5_000_000_000, self.language());
        let days = if self.language() == "de" { "30 Tage" } else { "30 days" };
        format!("{country} {data}, {days}")
    }

    /// A screen of a sale under way.
    fn sale(&self, screen: Screen, step: u8) -> View {
        let mut view = self.view(screen);
        view.frame.step = Some(step);
        view.frame.sale_number = Some("K07-000123".into());
        view.frame.claim_code = Some(SecretText(CLAIM_CODE.into()));
        view.frame.chosen = Some(ChosenLine { title: self.title(), price: self.price(990) });
        view
    }

    #[expect(clippy::too_many_lines, reason = "a table of screens")]
    pub(super) fn checks(&mut self) {
        let plan = self.plan(3, PlanData::Amount(locale::data_volume(5_000_000_000, self.language())), 30, 990);
        let (terms, privacy) = if self.language() == "de" {
            (
                "Wir verkaufen einen eSIM-Tarif, den Ihr Telefon herunterlädt. Der Preis enthält die Steuer. ",
                "Wir fragen nach keinem Namen und keiner Adresse. Die Karte liest allein das Terminal. ",
            )
        } else {
            (
                "We sell an eSIM plan that your phone downloads. The price includes tax. ",
                "We ask for no name and no address. The card is read by the terminal alone. ",
            )
        };
        let legal = LegalTexts {
            terms: terms.repeat(30),
            terms_version: "2026-10".into(),
            privacy: privacy.repeat(20),
            privacy_version: "2026-10".into(),
        };
        let blank = PlanDetail {
            plan,
            destination: locale::country_name("us", self.language()).unwrap_or_default().into(),
            flag: Some("us".into()),
            countries: [locale::country_name("us", self.language()).unwrap_or_default().to_owned()].into(),
            fair_use: None,
            install_at_destination: false,
            phone_takes_esim: None,
            terms_accepted: false,
            terms: Arc::new(legal),
            without_paper: false,
            can_pay: false,
            preparing: false,
            problem: None,
            come_back_before: None,
        };
        let detail = |plan: &PlanDetail| {
            let mut view = self.view(Screen::PlanDetail(plan.clone()));
            view.frame.step = Some(2);
            view.frame.can_back = true;
            view.frame.can_start_over = true;
            view.frame.chosen = Some(ChosenLine { title: self.title(), price: self.price(990) });
            view
        };
        let ready = PlanDetail { phone_takes_esim: Some(true), terms_accepted: true, can_pay: true, ..blank.clone() };
        let region = PlanDetail {
            destination: "Europe".into(),
            flag: None,
            countries: [
                "at", "be", "bg", "hr", "cy", "cz", "dk", "ee", "fi", "fr", "de", "gr", "hu", "is", "ie", "it", "lv",
                "li", "lt", "lu", "mt", "nl", "no", "pl", "pt", "ro", "sk", "si", "es", "se", "ch", "tr", "gb",
            ]
            .iter()
            .filter_map(|code| locale::country_name(code, self.language()).map(str::to_owned))
            .collect(),
            fair_use: Some("After 2 GB in a day the speed falls to 1 Mbit/s until midnight UTC.".into()),
            install_at_destination: true,
            plan: self.plan(4, PlanData::PerDay(locale::data_volume(2_000_000_000, self.language())), 7, 2490),
            ..blank.clone()
        };
        let made = [
            ("detail", detail(&blank), &[][..]),
            ("detail-ready", detail(&ready), &[]),
            ("detail-phone-help", detail(&blank), &["phone.help"]),
            ("detail-terms", detail(&blank), &["terms.read"]),
            ("detail-region", detail(&region), &[]),
            (
                "detail-no-esim",
                detail(&PlanDetail { phone_takes_esim: Some(false), terms_accepted: true, ..blank.clone() }),
                &[],
            ),
            ("detail-for-later", detail(&PlanDetail { come_back_before: Some("16:30".into()), ..ready.clone() }), &[]),
            ("detail-preparing", detail(&PlanDetail { preparing: true, ..ready.clone() }), &[]),
            (
                "detail-price-changed",
                detail(&PlanDetail {
                    problem: Some(PayProblem::PriceChanged { was: self.price(890) }),
                    ..ready.clone()
                }),
                &[],
            ),
            (
                "detail-plan-gone",
                detail(&PlanDetail { problem: Some(PayProblem::PlanGone), can_pay: false, ..ready.clone() }),
                &[],
            ),
            (
                "detail-no-cards",
                detail(&PlanDetail {
                    problem: Some(PayProblem::NoCards(OutOfService::TerminalBusy)),
                    can_pay: false,
                    without_paper: true,
                    ..ready.clone()
                }),
                &[],
            ),
        ];
        for (name, view, touches) in made {
            self.add(name, view, touches);
        }
    }

    pub(super) fn payments(&mut self) {
        for (name, prompt, text, side) in [
            ("starting", Prompt::Starting, None, Side::Right),
            ("present-card", Prompt::PresentCard, None, Side::Right),
            ("present-card-left", Prompt::PresentCard, None, Side::Left),
            ("present-card-below", Prompt::PresentCard, None, Side::Below),
            ("watch-terminal", Prompt::WatchTerminal, None, Side::Right),
            ("please-wait", Prompt::PleaseWait, None, Side::Right),
            ("asking-bank", Prompt::AskingBank, Some("Bitte warten, Autorisierung läuft"), Side::Right),
            ("wrong-pin", Prompt::WrongPin, None, Side::Right),
            ("remove-card", Prompt::RemoveCard, None, Side::Right),
            ("card-not-accepted", Prompt::CardNotAccepted, None, Side::Right),
            ("declined", Prompt::Declined, None, Side::Right),
            ("reversing", Prompt::Reversing, None, Side::Right),
            ("busy", Prompt::Busy, None, Side::Right),
        ] {
            let can_cancel =
                !matches!(prompt, Prompt::PleaseWait | Prompt::AskingBank | Prompt::Declined | Prompt::Reversing);
            let pay = Pay {
                amount: self.price(990),
                prompt,
                terminal_text: text.map(Into::into),
                can_cancel,
                cancelling: false,
                terminal_side: side,
            };
            self.add(&format!("pay-{name}"), self.sale(Screen::Pay(pay.clone()), 3), &[]);
            if name == "present-card" {
                self.add("pay-cancelling", self.sale(Screen::Pay(Pay { cancelling: true, ..pay }), 3), &[]);
            }
        }
        for (step, slow) in [(0, false), (1, false), (1, true), (2, false)] {
            let name = format!("preparing-{step}{}", if slow { "-slow" } else { "" });
            self.add(&name, self.sale(Screen::Preparing { step, slow }, 3), &[]);
        }
    }

    pub(super) fn hand_over(&mut self) {
        let lpa = format!("LPA:1${ADDRESS}${MATCHING_ID}");
        let esim = YourEsim {
            title: self.title(),
            install_link: SecretText(format!("https://esimsetup.apple.com/esim_qrcode_provisioning?carddata={lpa}")),
            qr: SecretText(lpa),
            sm_dp_address: SecretText(ADDRESS.into()),
            matching_id: SecretText(MATCHING_ID.into()),
            confirmation_code: None,
            iccid: Some("8949 0123 4567 8901 234".into()),
            wifi: Some(Wifi {
                ssid: "Airport-Free-WiFi".into(),
                hint: if self.language() == "de" {
                    "Kostenlos, ohne Kennwort. Danach im Browser „Verbinden“ berühren."
                } else {
                    "Free, no password. Then touch “Connect” in the browser."
                }
                .into(),
                qr: "WIFI:T:nopass;S:Airport-Free-WiFi;;".into(),
            }),
            apn: None,
            can_print: true,
            printing: Printing::Idle,
            seconds_left: None,
        };
        let view = |esim: &YourEsim| self.sale(Screen::YourEsim(esim.clone()), 4);
        let failed = Printing::Failed(PrinterFault::PaperOut);
        let made = [
            ("esim", view(&esim), &[][..]),
            ("esim-samsung", view(&esim), &["phone.1"]),
            ("esim-pixel", view(&esim), &["phone.2"]),
            ("esim-other", view(&esim), &["phone.3"]),
            ("esim-wifi", view(&esim), &["wifi"]),
            (
                "esim-by-hand",
                view(&YourEsim { confirmation_code: Some(SecretText("4711".into())), ..esim.clone() }),
                &["by-hand"],
            ),
            ("esim-link", view(&esim), &["link"]),
            ("esim-printing", view(&YourEsim { printing: Printing::Working, ..esim.clone() }), &[]),
            (
                "esim-printed",
                view(&YourEsim { printing: Printing::Done, apn: Some("internet.travel".into()), ..esim.clone() }),
                &[],
            ),
            ("esim-not-printed", view(&YourEsim { printing: failed, ..esim.clone() }), &[]),
            ("esim-no-wifi-no-paper", view(&YourEsim { wifi: None, can_print: false, ..esim.clone() }), &[]),
            ("esim-seconds", view(&YourEsim { seconds_left: Some(25), ..esim.clone() }), &[]),
        ];
        for (name, view, touches) in made {
            self.add(name, view, touches);
        }
        for (name, can_print, receipt, waits) in [
            ("receipt", true, Printing::Idle, false),
            ("receipt-printing", false, Printing::Working, false),
            ("receipt-printed", true, Printing::Done, false),
            ("receipt-unsure", true, Printing::Unsure, true),
            ("receipt-cover", true, Printing::Failed(PrinterFault::CoverOpen), true),
            ("receipt-cutter", true, Printing::Failed(PrinterFault::Cutter), true),
            ("receipt-offline", true, Printing::Failed(PrinterFault::Offline), true),
            ("receipt-no-paper", false, Printing::Idle, true),
        ] {
            let screen = ReceiptScreen { can_print, receipt, amount: self.price(990), waits_under_claim_code: waits };
            self.add(name, self.sale(Screen::Receipt(screen), 4), &[]);
        }
        self.add("thank-you", self.sale(Screen::ThankYou, 4), &[]);
    }

    #[expect(clippy::too_many_lines, reason = "a table of screens")]
    pub(super) fn troubles(&mut self) {
        for (name, reason, text, can_retry) in [
            ("declined", NotCharged::Declined, Some("Karte gesperrt"), true),
            ("cancelled", NotCharged::Cancelled, None, true),
            ("no-card", NotCharged::NoCard, None, true),
            ("no-esim", NotCharged::NoEsim, None, false),
            ("too-slow", NotCharged::TooSlow, None, true),
            ("terminal-fault", NotCharged::TerminalFault, None, false),
        ] {
            let mut view = self.sale(Screen::NotCharged { reason, terminal_text: text.map(Into::into), can_retry }, 3);
            view.frame.can_back = true;
            self.add(&format!("not-charged-{name}"), view, &[]);
        }
        self.add("releasing", self.sale(Screen::Releasing, 3), &[]);
        for (name, what) in
            [("payment", Checking::Payment), ("esim", Checking::Esim), ("money-back", Checking::MoneyBack)]
        {
            self.add(&format!("checking-{name}"), self.sale(Screen::Checking { what }, 3), &[]);
        }
        for (name, money, goods, can_show_esim, can_buy_kept) in [
            ("not-charged", MoneyTruth::NotCharged, GoodsTruth::None, false, false),
            ("kept", MoneyTruth::NotCharged, GoodsTruth::Ready, false, true),
            ("ready", MoneyTruth::Paid, GoodsTruth::Ready, true, false),
            ("shown", MoneyTruth::Paid, GoodsTruth::Shown, true, false),
            ("booked", MoneyTruth::Paid, GoodsTruth::Booked, false, false),
            ("coming", MoneyTruth::Paid, GoodsTruth::Coming, false, false),
            ("back", MoneyTruth::Back, GoodsTruth::None, false, false),
            ("refund-due", MoneyTruth::RefundDue, GoodsTruth::None, false, false),
            ("unknown", MoneyTruth::Unknown, GoodsTruth::Coming, false, false),
        ] {
            let truth = Truth {
                number: "K07-000123".into(),
                local_time: "14:32".into(),
                title: self.title(),
                amount: self.price(990),
                money,
                goods,
                can_show_esim,
                can_buy_kept,
                can_print: money == MoneyTruth::Paid,
                printing: Printing::Idle,
                come_back_before: (goods == GoodsTruth::Coming).then(|| "16:30".to_owned()),
            };
            let mut view = self.view(Screen::Truth(truth));
            view.frame.can_back = true;
            self.add(&format!("truth-{name}"), view, &[]);
        }
        for (name, problem, wait_s, touches) in [
            ("claim", None, 0, &["key.7", "key.Q", "key.K", "key.3"][..]),
            (
                "claim-complete",
                None,
                0,
                &["key.7", "key.Q", "key.K", "key.3", "key.M", "key.9", "key.X", "key.2", "key.H"],
            ),
            ("claim-mistyped", Some(ClaimProblem::Mistyped), 0, &[]),
            ("claim-not-found", Some(ClaimProblem::NotFound), 0, &[]),
            ("claim-wait", Some(ClaimProblem::NotFound), 8, &[]),
        ] {
            let mut view = self.view(Screen::ClaimEntry { problem, wait_s });
            view.frame.can_back = true;
            self.add(name, view, touches);
        }
        for reason in OutOfService::ALL {
            let shut = matches!(reason, OutOfService::Journal | OutOfService::Operator | OutOfService::Configuration);
            let screen = Screen::OutOfService {
                reason,
                since: "14:32".into(),
                can_browse: !shut,
                can_claim: reason != OutOfService::Journal,
            };
            self.add(&format!("out-of-service-{reason:?}").to_lowercase(), self.view(screen), &[]);
        }
    }

    pub(super) fn overlays(&mut self) {
        let languages = Self::languages();
        for (name, overlay) in [
            ("still-there", Overlay::StillThere { seconds_left: 20 }),
            ("still-there-last", Overlay::StillThere { seconds_left: 1 }),
            ("help", Overlay::Help),
            ("settings", Overlay::Settings { languages }),
        ] {
            let mut view = self.sale(Screen::ThankYou, 4);
            view.frame.can_start_over = true;
            view.overlay = Some(overlay);
            self.add(&format!("over-{name}"), view, &[]);
        }
    }
}
