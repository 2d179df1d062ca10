//! What really happened to money at the simulated terminal. Tests compare the kiosk's story with this one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What a payment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `06 01`.
    Payment,
    /// `06 31`: money to the cardholder.
    Refund,
    /// `06 22`: an amount blocked.
    Reservation,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The card is asked.
    Asked,
    /// Ended before the bank approved.
    NotApproved,
    /// Approved; the terminal waits for the kiosk's decision.
    Held,
    /// The cardholder pays.
    Booked,
    /// Was approved or booked, and is taken back.
    Reversed,
}

/// Why a payment was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversal {
    /// The kiosk answered that the goods were not issued.
    NotIssued,
    /// The kiosk asked to wait more often than allowed, or longer.
    HoldOver,
    /// The kiosk did not answer, or could not be reached.
    NoAnswer,
    /// A receipt line was not taken.
    ReceiptRefused,
    /// The terminal lost power while it held the payment.
    PowerLoss,
    /// The kiosk reversed it by command (`06 30`).
    Command,
    /// The kiosk's mirrored receipt number did not know of it.
    Mirror,
}

/// One payment as the bank sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPayment {
    /// What it is.
    pub kind: Kind,
    /// Receipt number, four digits, once approved.
    pub receipt: Option<String>,
    /// Trace number, six digits.
    pub trace: Option<String>,
    /// What the kiosk asked for, in minor units.
    pub asked_minor: u64,
    /// What was approved, in minor units.
    pub approved_minor: u64,
    /// What the cardholder finally pays (of a refund: gets back), in minor units.
    pub paid_minor: u64,
    /// Its state.
    pub state: PaymentState,
    /// The result code of the decline or of the approval.
    pub result_code: Option<u8>,
    /// Why it was taken back.
    pub reversal: Option<Reversal>,
    /// Approved without asking the bank.
    pub offline: bool,
    /// How many times "goods issued" (`80 00 00`) answered its approval.
    pub goods_issued: u32,
    /// How many times "not yet" (`84 9C`) answered it.
    pub not_yet: u32,
    /// How many times its approval was sent, link repeats not counted.
    pub approvals_sent: u32,
    /// The terminal's day (0 from delivery, one more with each end of day).
    pub day: u32,
    /// Last four digits of the card.
    pub last_four: Option<String>,
}

/// One end of day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerDay {
    /// The day that was closed.
    pub day: u32,
    /// Transactions in it.
    pub count: u32,
    /// Their sum, in minor units.
    pub sum_minor: u64,
    /// Nobody asked for it.
    pub unasked: bool,
}

/// Everything the terminal knows of money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// In the order in which they were asked.
    pub payments: Vec<LedgerPayment>,
    /// Closed days.
    pub days: Vec<LedgerDay>,
    /// How many `06 01` were taken.
    pub authorisations: u32,
    /// How many `06 30` were taken.
    pub reversals_asked: u32,
    /// How often the terminal started.
    pub starts: u32,
}

impl Book {
    /// What all cardholders together finally pay, in minor units.
    pub fn paid_minor(&self) -> u64 {
        self.payments.iter().filter(|p| p.kind == Kind::Payment).map(|p| p.paid_minor).sum()
    }

    /// The payment of a receipt number, the newest first.
    pub fn by_receipt(&self, receipt: &str) -> Option<&LedgerPayment> {
        self.payments.iter().rev().find(|p| p.receipt.as_deref() == Some(receipt))
    }
}

/// The book, shared; it outlives power cuts of the terminal and can be mirrored to a file.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    book: Mutex<Book>,
    changed: watch::Sender<u64>,
    mirror: Option<PathBuf>,
}

impl Ledger {
    pub(super) fn new(mirror: Option<PathBuf>) -> Ledger {
        let (changed, _) = watch::channel(0);
        Ledger(Arc::new(Shelf { book: Mutex::new(Book::default()), changed, mirror }))
    }

    /// The book as it is now.
    pub fn book(&self) -> Book {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest payment.
    pub fn last(&self) -> Option<LedgerPayment> {
        self.book().payments.pop()
    }

    /// Waits until the book answers the question with yes.
    pub async fn until(&self, question: impl Fn(&Book) -> bool) -> Book {
        let mut changes = self.0.changed.subscribe();
        loop {
            let book = self.book();
            if question(&book) {
                return book;
            }
            if changes.changed().await.is_err() {
                return book;
            }
        }
    }

    /// Reads the mirror of another process's terminal.
    ///
    /// # Errors
    /// No such file, or not a ledger.
    pub fn read_mirror(path: &Path) -> std::io::Result<Book> {
        serde_json::from_slice(&std::fs::read(path)?).map_err(std::io::Error::other)
    }

    pub(super) fn write(&self, act: impl FnOnce(&mut Book)) {
        let snapshot = {
            let mut book = self.0.book.lock().unwrap_or_else(PoisonError::into_inner);
            act(&mut book);
            self.0.mirror.as_ref().map(|_| book.clone())
        };
        if let (Some(path), Some(book)) = (&self.0.mirror, snapshot)
            && let Err(error) = save(path, &book)
        {
            tracing::warn!(%error, path = %path.display(), "the simulated terminal's ledger cannot be mirrored");
        }
        self.0.changed.send_modify(|version| *version += 1);
    }

    /// Opens an entry and gives its place.
    pub(super) fn ask(&self, kind: Kind, asked_minor: u64, day: u32) -> usize {
        let mut place = 0;
        self.write(|book| {
            place = book.payments.len();
            if kind == Kind::Payment {
                book.authorisations += 1;
            }
            book.payments.push(LedgerPayment {
                kind,
                receipt: None,
                trace: None,
                asked_minor,
                approved_minor: 0,
                paid_minor: 0,
                state: PaymentState::Asked,
                result_code: None,
                reversal: None,
                offline: false,
                goods_issued: 0,
                not_yet: 0,
                approvals_sent: 0,
                day,
                last_four: None,
            });
        });
        place
    }

    pub(super) fn change(&self, place: usize, act: impl FnOnce(&mut LedgerPayment)) {
        self.write(|book| {
            if let Some(payment) = book.payments.get_mut(place) {
                act(payment);
            }
        });
    }

    pub(super) fn reverse(&self, place: usize, cause: Reversal) {
        self.change(place, |payment| {
            payment.state = PaymentState::Reversed;
            payment.reversal = Some(cause);
            payment.paid_minor = 0;
        });
    }

    pub(super) fn book_payment(&self, place: usize, paid_minor: u64) {
        self.change(place, |payment| {
            payment.state = PaymentState::Booked;
            payment.paid_minor = paid_minor;
        });
    }
}

fn save(path: &Path, book: &Book) -> std::io::Result<()> {
    use std::io::Write;
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(&serde_json::to_vec_pretty(book).map_err(std::io::Error::other)?)?;
    std::fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_mirror_tells_another_process_the_same_book() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        let ledger = Ledger::new(Some(path.clone()));
        let place = ledger.ask(Kind::Payment, 1500, 0);
        ledger.book_payment(place, 1500);
        assert_eq!(Ledger::read_mirror(&path).unwrap(), ledger.book());
        assert_eq!(ledger.book().paid_minor(), 1500);
        ledger.reverse(place, Reversal::Command);
        let book = ledger.until(|book| book.paid_minor() == 0).await;
        assert_eq!(book.payments[0].state, PaymentState::Reversed);
    }
}
