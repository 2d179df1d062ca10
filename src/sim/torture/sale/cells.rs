//! The table of money and goods (sale.md 1 and 5) as the runs went through it: which cells a sale has stood in, and how
//! many cuts fell while one stood there. A cell that sales go through and no cut has met is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sale::{Goods, Money, Sale};

/// A column of the table: where the worst of the goods is. *Exposed* is told apart from stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// None ordered, or surely none bought.
    None,
    /// The order may have been sent.
    Asked,
    /// Surely bought.
    Accepted,
    /// Here, and seen by nobody.
    Stored,
    /// Every one is exposed.
    Exposed,
    /// Surely not bought.
    Absent,
    /// Perhaps bought.
    Unknown,
}

/// Where money and goods of a sale are.
pub type Cell = (Money, Column);

const ROWS: [Money; 9] = [
    Money::None,
    Money::Asked,
    Money::Held,
    Money::Committing,
    Money::Paid,
    Money::Releasing,
    Money::RefundDue,
    Money::Back,
    Money::Unknown,
];
const COLUMNS: [Column; 7] =
    [Column::None, Column::Asked, Column::Accepted, Column::Stored, Column::Exposed, Column::Absent, Column::Unknown];

/// The cell of a sale. Of several goods the worst decides: unknown, accepted, asked, absent or none, stored.
pub(super) fn cell(sale: &Sale) -> Cell {
    let any = |state| sale.goods.iter().any(|good| good.state == state);
    let worst = [
        (Goods::Unknown, Column::Unknown),
        (Goods::Accepted, Column::Accepted),
        (Goods::Asked, Column::Asked),
        (Goods::Absent, Column::Absent),
        (Goods::None, Column::None),
    ];
    let column = worst.into_iter().find(|(state, _)| any(*state)).map(|(_, column)| column);
    let exposed = sale.goods.iter().all(|good| good.exposed);
    (sale.payment.money, column.unwrap_or(if exposed { Column::Exposed } else { Column::Stored }))
}

/// The cells that the sales of one stand have stood in; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Path(Arc<Mutex<BTreeSet<Cell>>>);

impl Path {
    /// A step of an open sale was written.
    pub(super) fn steps(&self, sale: &Sale) {
        if sale.closed.is_none() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(cell(sale));
        }
    }
}

/// Cells, with how many runs went through each and how many cuts fell there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cells {
    passed: BTreeMap<Cell, u64>,
    cut: BTreeMap<Cell, u64>,
    /// Cuts that fell while no sale was open.
    between: u64,
}

impl Cells {
    pub(super) fn passed(&mut self, path: &Path) {
        for cell in path.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            *self.passed.entry(*cell).or_default() += 1;
        }
    }

    /// A cut fell, and this stands on disk.
    pub(super) fn cut_at(&mut self, sales: &[Sale]) {
        let open: BTreeSet<Cell> = sales.iter().filter(|sale| sale.closed.is_none()).map(cell).collect();
        self.between += u64::from(open.is_empty());
        for cell in open {
            *self.cut.entry(cell).or_default() += 1;
        }
    }

    pub(super) fn add(&mut self, other: Cells) {
        for (cell, count) in other.passed {
            *self.passed.entry(cell).or_default() += count;
        }
        for (cell, count) in other.cut {
            *self.cut.entry(cell).or_default() += count;
        }
        self.between += other.between;
    }

    /// Cells in which a cut fell.
    pub fn reached(&self) -> usize {
        self.cut.len()
    }

    /// Cells that a sale went through.
    pub(super) fn all_passed(&self) -> impl Iterator<Item = Cell> {
        self.passed.keys().copied()
    }

    /// Cells that a sale went through and in which no cut fell.
    pub fn missed(&self) -> Vec<Cell> {
        self.passed.keys().filter(|cell| !self.cut.contains_key(cell)).copied().collect()
    }

    /// The table: how many cuts fell in each cell; "-" where no sale has ever stood.
    pub(super) fn print(&self) -> String {
        let mut text = format!("{:<12}", "cuts at");
        for column in COLUMNS {
            write!(text, " {:>9}", format!("{column:?}").to_lowercase()).ok();
        }
        for row in ROWS {
            write!(text, "\n{:<12}", word(row)).ok();
            for column in COLUMNS {
                let fell = match (self.cut.get(&(row, column)), self.passed.contains_key(&(row, column))) {
                    (Some(count), _) => count.to_string(),
                    (None, true) => "0".to_owned(),
                    (None, false) => "-".to_owned(),
                };
                write!(text, " {fell:>9}").ok();
            }
        }
        writeln!(text, "\n{} cells, and {} cuts while no sale was open", self.reached(), self.between).ok();
        for (money, column) in self.missed() {
            writeln!(text, "no cut fell at {} / {}", word(money), format!("{column:?}").to_lowercase()).ok();
        }
        text
    }
}

fn word(money: Money) -> String {
    crate::journal::word(&money).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_no_cut_met_is_named() {
        let (met, missed) = ((Money::Paid, Column::Stored), (Money::Held, Column::Asked));
        let cells = Cells {
            passed: BTreeMap::from([(met, 3), (missed, 1)]),
            cut: BTreeMap::from([(met, 2)]),
            ..Cells::default()
        };
        assert_eq!(cells.missed(), [missed]);
        let told = cells.print();
        assert!(told.contains("no cut fell at held / asked"), "{told}");
        assert!(!told.contains("no cut fell at paid"), "{told}");
    }
}
