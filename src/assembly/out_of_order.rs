//! A kiosk that cannot start for a reason that no new start mends (its configuration, a secret, a journal of a newer
//! program) keeps its screen: the traveller sees that it is out of service, the operator by the gesture of the service
//! screen why. Nothing is opened and nothing is sold; the slot of the machine is not called good by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::journal::schema::Unfit;
use crate::journal::sqlite::OpenError;
use crate::kiosk::view::{Frame, Look, OutOfService, Overlay, Screen, ServiceDesk, ServicePage, ServiceRow, Standing};
use crate::kiosk::{Intent, View};

use super::NotAssembled;

/// After this long it is tried again: what was wrong may have been mended meanwhile.
pub(super) const TRIED_AGAIN: Duration = Duration::from_secs(15 * 60);
/// The operator's words stay so long on the screen.
pub(super) const WORDS_STAY: Duration = Duration::from_secs(120);
/// Touches on the operator's name, and the time in which they must come: as for the service screen.
const KNOCKS: usize = 7;
const KNOCKS_WITHIN: Duration = Duration::from_secs(6);

impl NotAssembled {
    /// Whether only a person can mend it. Everything else may be better at the next start, or after the machine's.
    pub fn needs_a_person(&self) -> bool {
        match self {
            NotAssembled::Journal { source, .. } => match source.downcast_ref::<OpenError>() {
                Some(OpenError::Key(_)) => true,
                Some(OpenError::Unfit { source, .. }) => {
                    matches!(source, Unfit::TooNew { .. } | Unfit::Foreign | Unfit::NotDurable { .. })
                }
                // Missing and damaged ones are the service's own to make and to set aside: no start of it tells of them.
                Some(
                    OpenError::Held { .. }
                    | OpenError::Files { .. }
                    | OpenError::Missing { .. }
                    | OpenError::Damaged { .. },
                )
                | None => false,
            },
            NotAssembled::Provider { .. }
            | NotAssembled::Office(_)
            | NotAssembled::Printer(_)
            | NotAssembled::NoTerminal => true,
            NotAssembled::Unread(_) | NotAssembled::Runtime(_) => false,
        }
    }
}

/// Tells the machine's own scripts that no sale can be under way, because nothing was started: they may take the machine
/// for an update, or go back to the slot before. Gone with the next right start. In the service's runtime directory, which
/// systemd names; without one there are no such scripts.
#[derive(Debug)]
pub(super) struct Mark(Option<PathBuf>);

impl Mark {
    /// Of this service.
    pub(super) fn of_service() -> Mark {
        let directories = std::env::var("RUNTIME_DIRECTORY").unwrap_or_default();
        let first = directories.split(':').next().filter(|directory| !directory.is_empty());
        Mark(first.map(|directory| Path::new(directory).join("cannot-start")))
    }

    /// It cannot start, for this reason.
    pub(super) fn put(&self, why: &str) {
        use std::io::Write;
        let Some(path) = &self.0 else { return };
        let put = std::fs::File::create(path).and_then(|mut file| file.write_all(why.as_bytes()));
        if let Err(error) = put {
            tracing::warn!(%error, path = %path.display(), "that the kiosk cannot start is told to nobody");
        }
    }

    /// It starts.
    pub(super) fn take_away(&self) {
        let Some(path) = &self.0 else { return };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "an old mark cannot be removed");
            }
            _ => {}
        }
    }
}

/// What the screen shows meanwhile.
pub(super) struct Page {
    view: View,
    out_of_service: Screen,
    desk: Screen,
    knocks: Vec<Duration>,
}

impl Page {
    /// With as much of the configuration as there is; `since` is local time, "14:32".
    pub(super) fn new(config: Option<&Config>, why: &str, since: &str) -> Page {
        let out_of_service = Screen::OutOfService {
            reason: OutOfService::Configuration,
            since: since.to_owned(),
            can_browse: false,
            can_claim: false,
        };
        let parts = why.lines().flat_map(|line| {
            // A row of the service screen holds about two lines.
            let long = line.chars().count() > 110;
            let at = if long { ": " } else { "\n" };
            line.split(at).map(str::trim).collect::<Vec<_>>()
        });
        let lines = parts.filter(|line| !line.is_empty()).enumerate();
        let row = |(place, line)| ServiceRow::new(if place == 0 { "Cannot start" } else { "" }, line, Standing::Bad);
        let desk = Screen::Service(ServiceDesk {
            page: ServicePage::Machine,
            rows: lines.map(row).collect(),
            acts: Arc::from([]),
            answer: None,
            working: false,
            asks: None,
        });
        let operator = config.map(|config| config.operator.name.clone()).filter(|name| !name.is_empty());
        let view = View {
            version: 1,
            session: 0,
            language: config.and_then(|config| config.machine.languages.first().cloned()).unwrap_or("en".to_owned()),
            look: Look::default(),
            frame: Frame {
                // Somewhere an operator must be able to knock.
                operator: operator.unwrap_or_else(|| "eSIM kiosk".to_owned()),
                help_phone: config.map(|config| config.operator.help_phone.clone()).unwrap_or_default(),
                machine: config.map(|config| config.machine.label.clone()).unwrap_or_default(),
                sale_number: None,
                claim_code: None,
                can_back: false,
                can_start_over: false,
                step: None,
                chosen: None,
            },
            screen: out_of_service.clone(),
            overlay: None,
        };
        Page { view, out_of_service, desk, knocks: Vec::new() }
    }

    /// The picture.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::new(self.view.clone())
    }

    /// Whether the operator's words are shown.
    pub(super) fn tells_why(&self) -> bool {
        self.view.screen == self.desk
    }

    /// A touch, `at` so long after the start. Whether the picture is another one now.
    pub(super) fn touched(&mut self, intent: &Intent, at: Duration) -> bool {
        match intent {
            Intent::Knock if !self.tells_why() => {
                self.knocks.retain(|knock| at.saturating_sub(*knock) < KNOCKS_WITHIN);
                self.knocks.push(at);
                self.knocks.len() >= KNOCKS && self.turn(true)
            }
            Intent::StartOver | Intent::Back | Intent::Done if self.tells_why() => self.turn(false),
            Intent::Help if !self.tells_why() => self.cover(Some(Overlay::Help)),
            Intent::CloseOverlay => self.cover(None),
            _ => false,
        }
    }

    fn cover(&mut self, overlay: Option<Overlay>) -> bool {
        self.view.version += 1;
        self.view.overlay = overlay;
        true
    }

    /// Shows the operator's words, or the traveller's.
    pub(super) fn turn(&mut self, to_operator: bool) -> bool {
        self.knocks.clear();
        self.view.version += 1;
        self.view.session += 1;
        self.view.overlay = None;
        (self.view.frame.can_back, self.view.frame.can_start_over) = (to_operator, to_operator);
        self.view.screen = if to_operator { self.desk.clone() } else { self.out_of_service.clone() };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::section::Section;
    use crate::journal::sqlite::SqliteJournal;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_traveller_sees_that_it_is_out_of_service_and_the_operator_why() {
        let mut page = Page::new(None, "provider mobilexy cannot be used\n  no secret\n", "14:32");
        assert!(matches!(&page.view().screen, Screen::OutOfService { reason: OutOfService::Configuration, .. }));
        for knock in 0..6 {
            assert!(!page.touched(&Intent::Knock, SECOND * knock), "too slow");
        }
        assert!(!page.touched(&Intent::Knock, SECOND * 60));
        for _ in 0..5 {
            assert!(!page.touched(&Intent::Knock, SECOND * 61));
        }
        assert!(!page.touched(&Intent::Start, SECOND * 62), "a traveller can do nothing");
        assert!(page.touched(&Intent::Knock, SECOND * 62));
        let view = page.view();
        let Screen::Service(desk) = &view.screen else { panic!("{view:?}") };
        let told: Vec<&str> = desk.rows.iter().map(|row| row.fact.as_str()).collect();
        assert_eq!(told, ["provider mobilexy cannot be used", "no secret"]);
        assert!(desk.acts.is_empty() && view.version == 2 && view.frame.can_back);
        assert!(page.touched(&Intent::StartOver, SECOND * 70));
        assert!(matches!(page.view().screen, Screen::OutOfService { .. }) && page.view().version == 3);
        assert!(page.touched(&Intent::Help, SECOND * 71) && page.view().overlay == Some(Overlay::Help));
        assert!(page.touched(&Intent::CloseOverlay, SECOND * 72) && page.view().overlay.is_none());
    }

    #[test]
    fn a_journal_two_steps_too_new_needs_a_person_and_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let section = Section::at(dir.path());
        drop(SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap());
        let database = crate::journal::place::Place::of(&section).database;
        let newer = rusqlite::Connection::open(&database).unwrap();
        newer.pragma_update(None, "user_version", crate::journal::schema::VERSION + 2).unwrap();
        drop(newer);
        let refused = |section: &Section| {
            let why = SqliteJournal::open_with(section, None, jiff::Timestamp::UNIX_EPOCH).unwrap_err();
            NotAssembled::Journal { directory: String::new(), source: Box::new(why) }
        };
        let before = std::fs::read(&database).unwrap();
        assert!(refused(&section).needs_a_person());
        assert_eq!(std::fs::read(&database).unwrap(), before);
        // A disk that cannot be written to may be mended by the machine's next start.
        let nowhere = Section::at("/proc/esim-kiosk-nowhere");
        assert!(!refused(&nowhere).needs_a_person());
    }

    #[test]
    fn the_mark_says_that_nothing_runs_and_goes_with_the_next_right_start() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark(Some(dir.path().join("cannot-start")));
        mark.take_away();
        mark.put("no secret");
        assert!(dir.path().join("cannot-start").exists());
        mark.take_away();
        assert!(!dir.path().join("cannot-start").exists());
    }
}
