//! [`Typed`]: the column that JSON becomes, and under which keys its parts are.

use std::collections::BTreeMap;

use arrow::datatypes::FieldRef;
use blake3::Hasher;

/// A column and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// The column.
    pub field: FieldRef,
    /// Where a field is not under its own name: by its path below the column, `meta.id`, through lists too.
    pub keys: BTreeMap<String, Vec<String>>,
    /// What a field is, as JSON, in rows that lack it.
    pub defaults: BTreeMap<String, String>,
    /// Whether a user said so. Then numbers in quotes are numbers, and other keys are left out.
    pub is_given: bool,
}

impl Typed {
    /// The path of a field of a model at this path.
    pub(super) fn below(&self, path: &str, name: &str) -> String {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    }

    pub(super) fn keys_of(&self, path: &str, name: &str) -> Vec<String> {
        self.keys.get(path).cloned().unwrap_or_else(|| vec![name.to_owned()])
    }

    /// What is not seen in the column's type.
    pub(super) fn describe(&self, digest: &mut Hasher) {
        let Self { field: _, keys, defaults, is_given } = self;
        digest.update(format!("{keys:?}{defaults:?}{is_given}").as_bytes());
    }
}
