//! The catalogue, off the traveller's path: fetched by a task of its own, guarded, kept on disk, shown when offline.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::catalogue::{Setting, Snapshot};
use crate::esim::{EsimProvider, Outcome};
use crate::sale::offer::ProviderId;

use super::clock::Clock;
use super::inbox::Inbox;
use super::settings::Settings;

/// A list that was not believed is fetched again after so long.
const DISBELIEVED: Duration = Duration::from_secs(30 * 60);
/// A list that could not be fetched is tried again after so long.
const FAILED: Duration = Duration::from_secs(60);

/// Fetches the catalogues, and asks for wallets in between.
pub struct Sync {
    /// The loop's settings: pricing, offering, languages.
    pub settings: Arc<Settings>,
    /// The accounts.
    pub providers: BTreeMap<ProviderId, Arc<dyn EsimProvider>>,
    /// Where the last good snapshot lies.
    pub file: PathBuf,
    /// Between two catalogues.
    pub every: Duration,
    /// Between two looks at the wallets, which also prove that a provider answers.
    pub wallet_every: Duration,
    /// The clock, for the day of the rates.
    pub clock: Clock,
    /// The loop's queue.
    pub inbox: mpsc::Sender<Inbox>,
    /// An operator wishes a fresh catalogue now.
    pub refresh: Arc<tokio::sync::Notify>,
}

impl Sync {
    /// Runs until the loop is gone.
    pub async fn run(self) {
        let mut snapshot = self.read();
        if !self.publish(&snapshot).await {
            return;
        }
        // When each list is fetched next; those that are not in it, at once.
        let mut due: BTreeMap<ProviderId, Instant> = BTreeMap::new();
        let mut back_off = Duration::from_secs(5);
        loop {
            let answered = self.ask_wallets().await;
            let wanted = |id: &&ProviderId| due.get(*id).is_none_or(|at| *at <= Instant::now());
            let wanted: Vec<ProviderId> = answered.iter().filter(wanted).cloned().collect();
            if !wanted.is_empty()
                && self.fetch(&wanted, &mut snapshot, &mut due).await
                && !self.publish(&snapshot).await
            {
                return;
            }
            // Without an answer the network is tried again soon, then less and less often.
            let online = !answered.is_empty();
            let wait = if online { self.wallet_every } else { back_off };
            back_off = if online { Duration::from_secs(5) } else { (back_off * 2).min(self.wallet_every) };
            tokio::select! {
                () = tokio::time::sleep(wait.min(self.wallet_every)) => {}
                () = self.refresh.notified() => due.clear(),
                () = self.inbox.closed() => return,
            }
        }
    }

    /// Asks every wallet. Who answered.
    async fn ask_wallets(&self) -> BTreeSet<ProviderId> {
        let mut who = BTreeSet::new();
        for (id, provider) in &self.providers {
            let balance = match provider.balance().await {
                Outcome::Done(exact) => Some(exact),
                Outcome::Refused(refusal) => {
                    warn!(provider = %id, reason = ?refusal.reason, detail = refusal.detail, "the wallet was refused");
                    who.insert(id.clone());
                    None
                }
                Outcome::NeverSent(why) => {
                    info!(provider = %id, why, "not reached");
                    None
                }
                Outcome::Unknown(doubt) => {
                    info!(provider = %id, evidence = doubt.evidence, "no answer");
                    None
                }
            };
            let answered = balance.is_some();
            if answered {
                who.insert(id.clone());
            }
            if self.inbox.send(Inbox::Provider { provider: id.clone(), answered, balance }).await.is_err() {
                return who;
            }
        }
        who
    }

    /// Fetches these lists. Whether at least one is fresh; one that is not believed is told to the operator.
    async fn fetch(
        &self,
        wanted: &[ProviderId],
        snapshot: &mut Snapshot,
        due: &mut BTreeMap<ProviderId, Instant>,
    ) -> bool {
        let mut fresh = false;
        for (id, provider) in self.providers.iter().filter(|(id, _)| wanted.contains(id)) {
            let again = match provider.catalogue().await {
                Outcome::Done(plans) => {
                    let count = plans.len();
                    let believed = snapshot.accept(id.clone(), plans, &self.settings.offering);
                    match &believed {
                        Ok(()) => info!(provider = %id, plans = count, "catalogue fetched"),
                        Err(refused) => {
                            warn!(provider = %id, plans = count, %refused, "catalogue not believed: the last good one stays");
                        }
                    }
                    let told = Inbox::Listed {
                        provider: id.clone(),
                        refused: believed.as_ref().err().map(ToString::to_string),
                    };
                    if self.inbox.send(told).await.is_err() {
                        return fresh;
                    }
                    fresh |= believed.is_ok();
                    if believed.is_ok() { self.every } else { self.every.min(DISBELIEVED) }
                }
                outcome => {
                    // Not the outcome itself: it could hold a list of thousands.
                    let why = match outcome {
                        Outcome::Refused(refusal) => refusal.detail,
                        Outcome::NeverSent(why) => why,
                        Outcome::Unknown(doubt) => doubt.evidence,
                        Outcome::Done(_) => String::new(),
                    };
                    warn!(provider = %id, why, "catalogue not fetched");
                    self.every.min(FAILED)
                }
            };
            due.insert(id.clone(), Instant::now() + again);
        }
        if fresh && let Err(error) = self.write(snapshot) {
            warn!(file = %self.file.display(), %error, "the catalogue could not be kept on disk");
        }
        fresh
    }

    /// Builds and hands over. Whether the loop is still there.
    async fn publish(&self, snapshot: &Snapshot) -> bool {
        if snapshot.plans.is_empty() {
            return !self.inbox.is_closed();
        }
        let today = self.clock.local(&self.clock.now()).date();
        let languages: Vec<String> = self.settings.languages.iter().map(|row| row.tag.clone()).collect();
        let settings = self.settings.clone();
        let kept = snapshot.clone();
        let built = tokio::task::spawn_blocking(move || {
            let setting = Setting {
                pricing: &settings.pricing,
                offering: &settings.offering,
                currency: settings.currency,
                today,
                languages: &languages,
            };
            kept.build(&setting).map(|catalogue| (catalogue, kept))
        })
        .await;
        match built {
            Ok(Ok((catalogue, kept))) => {
                let report = catalogue.report();
                info!(version = catalogue.version(), cards = report.cards, plans = report.plans, without_rate = ?report.without_rate, below_cost = report.below_cost, "catalogue built");
                self.inbox.send(Inbox::Catalogue(Arc::new(catalogue), Box::new(kept))).await.is_ok()
            }
            Ok(Err((place, error))) => {
                warn!(rate = place, %error, "the catalogue could not be priced: mend pricing.rates");
                true
            }
            Err(error) => {
                warn!(%error, "the catalogue could not be built");
                true
            }
        }
    }

    fn read(&self) -> Snapshot {
        let Ok(text) = std::fs::read(&self.file) else { return Snapshot::default() };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            warn!(file = %self.file.display(), %error, "the kept catalogue cannot be read: it is fetched anew");
            Snapshot::default()
        })
    }

    fn write(&self, snapshot: &Snapshot) -> std::io::Result<()> {
        let text = serde_json::to_vec(snapshot).map_err(std::io::Error::other)?;
        write_whole(&self.file, &text)
    }
}

/// Writes a file so that after a power cut it is the old one or the new one, whole.
fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    let beside = path.with_extension("new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    std::fs::File::open(dir)?.sync_all()
}
