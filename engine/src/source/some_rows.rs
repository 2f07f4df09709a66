//! [`scan_of_fragments`]: reads some fragments of a version, for whoever writes their rows anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::DatasetVersion;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::Fragment;

use super::apart::mask;
use super::dataset::Leaf;
use super::dataset_scan::{DatasetScan, DatasetScanExec};
use super::row_range::{MASKS_AT_ONCE, Part, row_ranges};
use crate::adapter::error::from_lance;

/// Reads the rows of fragments as one partition, without the rows at the offsets that are left out of each; `None` where
/// one of these is no row of the version.
pub(crate) async fn scan_of_fragments(
    record: &DatasetVersion,
    dataset: &Arc<Dataset>,
    fragments: &[Fragment],
    left_out: &BTreeMap<u32, DeletionVector>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let title = format!("{}@{}", record.dataset.short(), record.version);
    let parts = fragments.iter().map(|fragment| {
        let left_out = u32::try_from(fragment.id).ok().and_then(|id| left_out.get(&id));
        part(dataset, fragment, left_out, &title)
    });
    let parts: Vec<_> = parts.collect();
    let parts: Vec<_> = stream::iter(parts).buffered(MASKS_AT_ONCE).try_collect().await?;
    let Some(parts) = parts.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let columns = record.schema.fields().iter();
    let leaves = columns
        .map(|field| Leaf { path: vec![field.name().clone()], field: Arc::clone(field) })
        .collect();
    let (leaves, ranges) = (Arc::new(leaves), row_ranges(&parts, 1, 0..usize::MAX));
    let dataset = Arc::clone(dataset);
    let scan = DatasetScan { title, dataset, leaves, ranges, guessed: vec![], kept_of: None };
    Ok(Some(Arc::new(DatasetScanExec::new(scan))))
}

async fn part(
    dataset: &Dataset,
    fragment: &Fragment,
    left_out: Option<&DeletionVector>,
    title: &str,
) -> Result<Option<Part>> {
    let whole = Part::whole(fragment)?;
    let Some(left_out) = left_out else {
        return Ok(Some(whole));
    };
    let masked = mask(dataset, fragment.id).await;
    let masked = masked.map_err(|error| from_lance(error, "read", title))?;
    let all = fragment.physical_rows.and_then(|all| u32::try_from(all).ok()).unwrap_or_default();
    let is_masked = |row: u32| masked.as_ref().is_some_and(|masked| masked.contains(row));
    let is_left = |row: &u32| !left_out.contains(*row) && !is_masked(*row);
    let rows: Vec<u32> = (0..all).filter(is_left).collect();
    let were_there = rows.len() + left_out.len() == whole.rows();
    were_there.then(|| Part::only(fragment, rows)).transpose()
}
