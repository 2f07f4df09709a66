//! [`Scope`]: the tables of a plan as numbers, in the order in which they were met.
//!
//! The session gives every scan a name of its own (`values#12`), another one each time. What counts is only which
//! columns are of the same table.

use std::collections::HashMap;

use datafusion::common::TableReference;

/// The tables that were met.
#[derive(Debug, Default)]
pub(super) struct Scope {
    numbers: HashMap<TableReference, usize>,
    met: Vec<TableReference>,
}

impl Scope {
    /// The number of a table, which is met now if it was not before.
    pub(super) fn number(&mut self, table: &TableReference) -> usize {
        if let Some(number) = self.numbers.get(table) {
            return *number;
        }
        self.numbers.insert(table.clone(), self.met.len());
        self.met.push(table.clone());
        self.met.len() - 1
    }

    /// The tables in the order in which they were met.
    pub(super) fn tables(&self) -> &[TableReference] {
        &self.met
    }
}
