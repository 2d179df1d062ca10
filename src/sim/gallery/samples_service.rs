//! The operator's own screen: its door and its pages, with the long facts that real machines tell.

use super::samples::Samples;
use crate::kiosk::view::*;

/// What is ordered at the page of the devices.
const AT_DEVICES: [ServiceAct; 2] = [ServiceAct::PrintTest, ServiceAct::AskTerminal];

fn rows(of: &[(&str, &str, Standing)]) -> std::sync::Arc<[ServiceRow]> {
    of.iter().map(|(of, fact, standing)| ServiceRow::new(*of, *fact, *standing)).collect()
}

impl Samples {
    pub(super) fn service(&mut self) {
        self.doors();
        self.pages();
        self.answers();
    }

    fn doors(&mut self) {
        for (name, problem, checking, wait_s, touches) in [
            ("service-door", None, false, 0, &["pin.4", "pin.8", "pin.0", "pin.erase", "pin.0"][..]),
            ("service-door-wrong", Some(PinProblem::Wrong), false, 2, &[]),
            ("service-door-locked", Some(PinProblem::LockedOut), false, 887, &[]),
            ("service-door-unreadable", Some(PinProblem::Unreadable), false, 0, &[]),
            ("service-door-checking", None, true, 0, &[]),
        ] {
            let mut view = self.view(Screen::ServicePin { problem, checking, wait_s });
            view.frame.can_back = true;
            self.add(name, view, touches);
        }
    }

    fn pages(&mut self) {
        let devices = rows(&[
            ("Card terminal", "ready", Standing::Good),
            ("Printer", "paper low", Standing::Care),
            ("Internet", "answers", Standing::Good),
            ("mobilexy-main", "answers, 1204.50 EUR", Standing::Good),
            ("roamify", "does not answer, wallet unknown", Standing::Bad),
            ("Journal", "writes", Standing::Good),
            ("Clock", "not set by a server", Standing::Care),
        ]);
        let trade = rows(&[
            ("Selling", "paused: Network", Standing::Bad),
            ("Open sales", "3", Standing::Plain),
            ("Stock", "12 of 14 for sale", Standing::Plain),
            ("Back office", "2 waiting", Standing::Plain),
            ("K07-000123", "case: MoneyUnknown", Standing::Care),
            ("K07-000127", "case: RefundByAcquirer", Standing::Care),
            ("K07-000131", "waits for the network until 16:45", Standing::Care),
            ("K07-000132", "waits for the network until 16:50", Standing::Care),
            ("K07-000133", "waits for the network until 16:55", Standing::Care),
            ("K07-000134", "waits for the network until 17:05", Standing::Care),
            ("K07-000135", "waits for the network until 17:10", Standing::Care),
        ]);
        let network = rows(&[
            ("mobilexy-main", "answers (212 ms)", Standing::Good),
            ("roamify", "no answer: the connection was closed before any byte of an answer (20001 ms)", Standing::Bad),
        ]);
        let log: Vec<String> = (0..40)
            .map(|line| {
                format!("14:32:{:02} INFO esim_kiosk::kiosk: sale K07-000{} session ended.", line % 60, 100 + line)
            })
            .collect();
        let log = log.iter().map(|line| ServiceRow::new("", line.as_str(), Standing::Plain)).collect();
        let machine = rows(&[
            ("Kiosk", "K07", Standing::Plain),
            ("Running for", "312 h 4 min", Standing::Plain),
            ("Version", "0.1.0", Standing::Plain),
            ("Processor", "61 °C", Standing::Good),
        ]);
        let trading = [ServiceAct::Close, ServiceAct::EndOfDay];
        self.page("devices", ServicePage::Devices, devices, &AT_DEVICES, &[]);
        self.page("trade", ServicePage::Trade, trade, &trading, &["page.down"]);
        self.page(
            "network",
            ServicePage::Network,
            network,
            &[ServiceAct::TestNetwork, ServiceAct::RefreshCatalogue],
            &[],
        );
        self.page("log", ServicePage::Log, log, &[], &[]);
        let bright = [ServiceAct::Darker, ServiceAct::Brighter];
        self.page("display", ServicePage::Display, rows(&[]), &bright, &[]);
        let felt = &["service.cells", "over.cell.7", "over.cell.8"];
        self.page("display-test", ServicePage::Display, rows(&[]), &bright, felt);
        self.page("machine", ServicePage::Machine, machine, &[ServiceAct::Restart, ServiceAct::PowerOff], &[]);
    }

    fn answers(&mut self) {
        for asks in [ServiceAct::EndOfDay, ServiceAct::Close, ServiceAct::Restart, ServiceAct::PowerOff] {
            let mut view = self.desk(ServicePage::Devices, rows(&[]), &AT_DEVICES);
            if let Screen::Service(desk) = &mut view.screen {
                desk.asks = Some(asks);
            }
            self.add(&format!("service-asks-{asks:?}").to_lowercase(), view, &[]);
        }
        for (name, ok, text) in [
            ("done", true, "printed: the printer says so"),
            ("refused", false, "a payment is being looked into: the day ends by itself when it is decided"),
        ] {
            let mut view = self.desk(ServicePage::Devices, rows(&[]), &AT_DEVICES);
            if let Screen::Service(desk) = &mut view.screen {
                desk.answer = Some(ServiceAnswer { ok, text: text.into() });
            }
            self.add(&format!("service-{name}"), view, &[]);
        }
        let mut view = self.desk(ServicePage::Devices, rows(&[]), &AT_DEVICES);
        if let Screen::Service(desk) = &mut view.screen {
            desk.working = true;
        }
        self.add("service-working", view, &[]);
    }

    fn desk(&self, page: ServicePage, rows: std::sync::Arc<[ServiceRow]>, acts: &[ServiceAct]) -> crate::kiosk::View {
        let desk = ServiceDesk { page, rows, acts: acts.into(), answer: None, working: false, asks: None };
        let mut view = self.view(Screen::Service(desk));
        view.frame.can_back = true;
        view
    }

    fn page(
        &mut self,
        name: &str,
        page: ServicePage,
        rows: std::sync::Arc<[ServiceRow]>,
        acts: &[ServiceAct],
        touches: &[&'static str],
    ) {
        let view = self.desk(page, rows, acts);
        self.add(&format!("service-{name}"), view, touches);
    }
}
