//! [`RowAddresses`]: rows of a dataset by where they are, which is what `sys.id` shows.

use std::collections::BTreeMap;

use lance_core::utils::address::RowAddress;
use lance_core::utils::deletion::DeletionVector;

/// A set of rows: of each fragment, which offsets. An address means the same row in all versions that have its fragment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowAddresses(BTreeMap<u32, DeletionVector>);

impl RowAddresses {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.values().map(|offsets| offsets.len() as u64).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The offsets of the rows in each fragment that has any.
    pub(super) fn all(&self) -> &BTreeMap<u32, DeletionVector> {
        &self.0
    }

    /// The rows of each fragment that has any.
    pub(super) fn by_fragment(&self) -> impl Iterator<Item = (u32, &DeletionVector)> {
        self.0.iter().map(|(fragment, offsets)| (*fragment, offsets))
    }
}

impl FromIterator<u64> for RowAddresses {
    fn from_iter<I: IntoIterator<Item = u64>>(addresses: I) -> Self {
        let mut rows = Self::default();
        for address in addresses.into_iter().map(RowAddress::from) {
            let offsets = rows.0.entry(address.fragment_id()).or_default();
            offsets.extend([address.row_offset()]);
        }
        rows
    }
}
