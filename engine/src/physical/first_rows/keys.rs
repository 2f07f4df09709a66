//! [`Keys`]: which keys there were before.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::numbers::Numbers;

/// A set of keys.
pub(super) enum Keys {
    /// Of one column that is as good as whole numbers.
    Numbers(Numbers),
    /// Of any columns.
    Values {
        known: Box<dyn GroupValues>,
        /// Of each row of a batch.
        numbers: Vec<usize>,
    },
}

impl Keys {
    /// Of these columns.
    pub(super) fn try_new(kinds: SchemaRef) -> Result<Self> {
        if let [key] = &kinds.fields()[..]
            && let Some(numbers) = Numbers::of(key.data_type())
        {
            return Ok(Self::Numbers(numbers));
        }
        let known = new_group_values(kinds, &GroupOrdering::None)?;
        Ok(Self::Values { known, numbers: Vec::new() })
    }

    /// Adds the keys of a batch: which of them are new.
    pub(super) fn add(&mut self, keys: &[ArrayRef]) -> Result<BooleanArray> {
        match self {
            Self::Numbers(known) => Ok(known.add(&keys[0])),
            Self::Values { known, numbers } => {
                let before = known.len();
                known.intern(keys, numbers)?;
                let mut is_new = vec![true; known.len() - before];
                let first = numbers.iter().map(|number| match number.checked_sub(before) {
                    Some(at) => std::mem::replace(&mut is_new[at], false),
                    None => false,
                });
                Ok(first.map(Some).collect())
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Numbers(known) => known.bytes(),
            Self::Values { known, .. } => known.size(),
        }
    }

    /// All of them, in any order.
    pub(super) fn into_values(self) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Numbers(known) => Ok(vec![known.into_values()?]),
            Self::Values { mut known, .. } => known.emit(EmitTo::All),
        }
    }
}
