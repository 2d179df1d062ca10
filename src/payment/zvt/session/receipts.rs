//! Receipts that the terminal prints through us, kept word for word (sale.md 12).

use crate::payment::zvt::message::incoming::{Copy, Print};

/// More lines than any receipt has: a terminal that never ends one is cut here.
const LINES_MAX: usize = 400;

/// The receipts of one command.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    open: Vec<String>,
    copy: Option<Copy>,
    done: Vec<(Option<Copy>, Vec<String>)>,
}

impl Receipts {
    /// Takes one message's lines.
    pub(super) fn add(&mut self, print: Print) {
        if self.copy.is_some() && print.copy.is_some() && self.copy != print.copy {
            self.close();
        }
        self.copy = self.copy.or(print.copy);
        let room = LINES_MAX.saturating_sub(self.open.len());
        self.open.extend(print.lines.into_iter().take(room));
        if print.last {
            self.close();
        }
    }

    /// The receipt ends here, also one whose last line was not marked.
    pub(super) fn close(&mut self) {
        let copy = self.copy.take();
        let lines = std::mem::take(&mut self.open);
        if lines.iter().any(|line| !line.trim().is_empty()) && self.done.len() < 8 {
            self.done.push((copy, lines));
        }
    }

    /// The customer's copy: the one so marked, else the one that calls itself so, else the only one.
    pub(super) fn customer(&self) -> Option<&[String]> {
        let says = |lines: &[String], words: &[&str]| {
            let text = lines.join("\n").to_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        let unmarked = || self.done.iter().filter(|(copy, _)| copy.is_none()).map(|(_, lines)| lines);
        let marked = self.done.iter().find(|(copy, _)| *copy == Some(Copy::Customer)).map(|(_, lines)| lines);
        marked
            .or_else(|| unmarked().find(|lines| says(lines, &["kundenbeleg", "customer"])))
            .or_else(|| unmarked().find(|lines| !says(lines, &["händlerbeleg", "haendlerbeleg", "merchant"])))
            .map(Vec::as_slice)
    }

    /// Every line, for an operator.
    pub(super) fn all(&self) -> Vec<String> {
        self.done.iter().flat_map(|(_, lines)| lines.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(text: &str, copy: Option<Copy>, last: bool) -> Print {
        Print { lines: vec![text.to_owned()], copy, last }
    }

    #[test]
    fn the_customers_copy_is_found_by_its_mark_or_its_name() {
        let mut receipts = Receipts::default();
        receipts.add(print("** Händlerbeleg **", None, false));
        receipts.add(print("1,00", None, true));
        receipts.add(print("** KUNDENBELEG **", None, false));
        receipts.add(print("1,00", None, false));
        receipts.close();
        assert_eq!(receipts.customer().unwrap()[0], "** KUNDENBELEG **");
        receipts.add(print("marked", Some(Copy::Customer), true));
        assert_eq!(receipts.customer().unwrap(), ["marked"]);
    }

    #[test]
    fn a_merchants_copy_alone_is_none_of_the_customers() {
        let mut receipts = Receipts::default();
        receipts.add(print("x", Some(Copy::Merchant), true));
        receipts.add(print("Händlerbeleg", None, true));
        assert_eq!(receipts.customer(), None);
    }

    #[test]
    fn a_receipt_without_end_is_cut() {
        let mut receipts = Receipts::default();
        for _ in 0..10_000 {
            receipts.add(print("again", None, false));
        }
        receipts.close();
        assert_eq!(receipts.all().len(), LINES_MAX);
    }
}
