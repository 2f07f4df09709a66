//! [`Apart`]: the rows of a version that another version of the dataset does not have in the same places.
//!
//! Files never change: fragments that list the same ones hold the same rows under the same `sys.id`, except for those
//! that only one of them masks.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::error::Result as PlanResult;
use futures::{StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::{Fragment, Manifest};

use super::row_range::{MASKS_AT_ONCE, Part};
use crate::adapter::error::from_lance;

/// What is left out of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shared {
    /// All rows that lie in the same place of both.
    Rows,
    /// The rows that both begin with, as far as their first fragments are the same. Rows that agree on something have the
    /// same of them before them in both.
    Start,
}

/// A version's rows without those that it shares with another.
#[derive(Clone, Debug)]
pub(super) struct Apart {
    /// The fragments whose rows are not all shared, in their order.
    fragments: Vec<Unshared>,
    other: Arc<Dataset>,
}

/// A fragment whose rows are not all shared.
#[derive(Clone, Debug)]
enum Unshared {
    All(Fragment),
    /// The other version has its files too, and masks more or other rows: at most so many.
    Masked {
        fragment: Fragment,
        rows: usize,
    },
}

impl Apart {
    /// `None` where two versions share nothing.
    pub(super) fn of(ours: &Dataset, theirs: &Arc<Dataset>, shared: Shared) -> Option<Self> {
        if ours.uri() != theirs.uri() {
            return None;
        }
        let fragments = match shared {
            Shared::Rows => without_rows(ours.manifest(), theirs.manifest()),
            Shared::Start => without_start(ours.manifest(), theirs.manifest()),
        }?;
        Some(Self { fragments, other: Arc::clone(theirs) })
    }

    /// At most so many rows are read; `None` where a fragment does not say how many it has.
    pub(super) fn most_rows(&self) -> Option<usize> {
        let rows = |part: &Unshared| match part {
            Unshared::All(fragment) => fragment.num_rows(),
            Unshared::Masked { rows, .. } => Some(*rows),
        };
        self.fragments.iter().map(rows).sum()
    }

    /// What is read of the version that it is of. Looks at masks.
    pub(super) async fn parts(&self, ours: &Dataset, title: &str) -> PlanResult<Vec<Part>> {
        let parts: Vec<_> =
            self.fragments.iter().map(|part| self.part(part, ours, title)).collect();
        let parts = stream::iter(parts).buffered(MASKS_AT_ONCE);
        parts.try_filter(|part| std::future::ready(part.rows() > 0)).try_collect().await
    }

    async fn part(&self, part: &Unshared, ours: &Dataset, title: &str) -> PlanResult<Part> {
        let damaged = |error| from_lance(error, "read", title);
        match part {
            Unshared::All(fragment) => Part::whole(fragment),
            Unshared::Masked { fragment, .. } => {
                let Some(other) = mask(&self.other, fragment.id).await.map_err(damaged)? else {
                    return Part::only(fragment, vec![]);
                };
                let own = mask(ours, fragment.id).await.map_err(damaged)?;
                let is_ours = |row: &u32| own.as_ref().is_none_or(|own| !own.contains(*row));
                Part::only(fragment, other.to_sorted_iter().filter(is_ours).collect())
            }
        }
    }
}

/// Which rows of a fragment the version masks.
pub(super) async fn mask(dataset: &Dataset, id: u64) -> lance::Result<Option<Arc<DeletionVector>>> {
    let fragment = usize::try_from(id).ok().and_then(|id| dataset.get_fragment(id));
    match fragment {
        Some(fragment) => fragment.get_deletion_vector().await,
        None => Ok(None),
    }
}

/// The fragments that do not lie in both versions with all of their rows.
fn without_rows(ours: &Manifest, theirs: &Manifest) -> Option<Vec<Unshared>> {
    let known: HashMap<u64, &Fragment> =
        theirs.fragments.iter().map(|fragment| (fragment.id, fragment)).collect();
    let mut left = Vec::new();
    let mut shares = false;
    for fragment in ours.fragments.iter() {
        let same = known.get(&fragment.id).copied();
        let Some(other) = same.filter(|other| has_files(ours, fragment, theirs, other)) else {
            left.push(Unshared::All(fragment.clone()));
            continue;
        };
        shares = true;
        if !has_mask(ours, fragment, theirs, other) {
            let masked = other.deletion_file.as_ref().map_or(Some(0), |mask| mask.num_deleted_rows);
            let rows = masked.or(fragment.physical_rows).unwrap_or_default();
            left.push(Unshared::Masked { fragment: fragment.clone(), rows });
        }
    }
    shares.then_some(left)
}

/// The fragments after those that both versions begin with.
fn without_start(ours: &Manifest, theirs: &Manifest) -> Option<Vec<Unshared>> {
    let both = ours.fragments.iter().zip(theirs.fragments.iter());
    let same = both.take_while(|(own, other)| {
        own.id == other.id
            && has_files(ours, own, theirs, other)
            && has_mask(ours, own, theirs, other)
    });
    let same = same.count();
    let left = || ours.fragments.iter().skip(same).cloned().map(Unshared::All).collect();
    (same > 0).then(left)
}

/// Whether two fragments list the same files, for the same columns.
fn has_files(ours: &Manifest, own: &Fragment, theirs: &Manifest, other: &Fragment) -> bool {
    let are_same = own.files.iter().zip(&other.files).all(|(one, two)| {
        (&one.path, &one.fields, &one.column_indices)
            == (&two.path, &two.fields, &two.column_indices)
            && folder(ours, one.base_id) == folder(theirs, two.base_id)
    });
    are_same && own.files.len() == other.files.len() && own.overlays == other.overlays
}

/// Whether two fragments mask the same rows, as far as the name of the mask tells.
fn has_mask(ours: &Manifest, own: &Fragment, theirs: &Manifest, other: &Fragment) -> bool {
    match (&own.deletion_file, &other.deletion_file) {
        (None, None) => true,
        (Some(one), Some(two)) => {
            (one.read_version, one.id, &one.file_type) == (two.read_version, two.id, &two.file_type)
                && folder(ours, one.base_id) == folder(theirs, two.base_id)
        }
        _ => false,
    }
}

/// The folder of a file that is outside of the dataset's.
fn folder(manifest: &Manifest, base: Option<u32>) -> Option<&str> {
    manifest.base_paths.get(&base?).map(|base| base.path.as_str())
}
