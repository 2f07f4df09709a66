//! [`ByReference`]: a chain that starts from one version of a dataset, changes its columns and leaves out rows saves only
//! its new columns. The fragments of what is saved list the files that the version lists, and one more each.
//!
//! Where that does not pay the rows are written like any others: few bytes would be shared, or few rows are left.

mod copy;
mod derivation;
mod layout;
mod listed;
mod slots;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, UInt64Type};
use catalog::{VersionFilter, VersionStatus};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::{StreamExt, TryStreamExt, stream};
use lance::dataset::statistics::DatasetStatisticsExt;
use lance_core::utils::address::RowAddress;
use lance_table::format::Fragment;

use super::fragments::{Rows, lance_schema};
use super::save::SaveRequest;
use super::saving::{Added, Place};
use super::vectors::{VectorLengths, may_be_vector};
use crate::adapter::error::LanceResultExt;
use crate::physical::in_order;
use crate::progress::{Progress, StageProgress};
use crate::storage::Entered;
use crate::{Chain, Error, Ready, Result};

use derivation::Derivation;
use layout::Layout;
pub(super) use listed::numbers;
use listed::{Listed, column};
use slots::{Filled, Slots};
pub(super) use state::SharedState;

/// For less than this, or less than this part of the files, no dataset is to depend on another's files.
const WORTH_BYTES: u64 = 1 << 20;
const WORTH_PART: u64 = 64;

/// So much of new columns is looked at before it is decided how the rows are written.
const LOOK_BYTES: usize = 64 << 20;

/// Of rows that are left out nothing is read, but they are in the way: of so many places one must have a row; and of so
/// many where new columns take as much room for a null.
const PLACES: u64 = 10;
const WIDE_PLACES: u64 = 2;

/// The column that says where rows are. No column of a chain that is saved has a dot in its name.
const PLACE: &str = "sys.place";

/// A chain whose rows are saved by reference, if they are as many as it seems.
pub(super) struct ByReference<'a> {
    chain: &'a Chain,
    derivation: Derivation,
    /// Which of the visible columns the plan has to give: those that are computed, and lists that may become vectors.
    run: Vec<usize>,
    /// Whether lists stay lists.
    lists: bool,
    /// Keeps collectors of garbage away from what is going to be listed.
    _held: Vec<Entered>,
}

impl<'a> ByReference<'a> {
    /// `None` for chains that are saved as all others.
    pub(super) async fn of(chain: &'a Chain, request: &SaveRequest) -> Result<Option<Self>> {
        let storage = chain.session().storage();
        let derivation = request.mode.is_whole().then(|| Derivation::of(chain));
        let Some(mut derivation) = derivation.flatten() else { return Ok(None) };
        let dataset = Arc::clone(&derivation.dataset);
        let Some(listed) = Listed::of(&dataset, storage) else { return Ok(None) };
        let stored = lance_schema(&chain.schema()).lance("write", &request.name.to_string())?;
        for (kept, new) in derivation.columns.iter_mut().zip(&stored.fields) {
            let old = kept.as_ref().and_then(|leaf| column(dataset.schema(), &leaf.path[0]));
            if old.and_then(|old| numbers(old, new)).is_none() {
                *kept = None;
            }
        }
        if !is_worth(&derivation).await.lance("read", &request.name.to_string())? {
            return Ok(None);
        }
        let mut held = Vec::new();
        for folder in listed.folders().unwrap_or_default() {
            held.push(storage.share(&folder).await?);
        }
        if !is_there(chain, &listed, &derivation).await? {
            return Ok(None);
        }
        let columns = chain.schema();
        let is_run = |at: &usize| {
            derivation.columns[*at].is_none()
                || (!request.lists && may_be_vector(columns.field(*at).data_type()))
        };
        let run = (0..derivation.columns.len()).filter(is_run).collect();
        Ok(Some(Self { chain, derivation, run, lists: request.lists, _held: held }))
    }

    /// What gives the new columns and where their rows are; `None` where nothing has to be computed.
    pub(super) async fn prepare(&self, progress: &Arc<Progress>) -> Result<Option<Ready>> {
        if self.run.is_empty() && !self.derivation.leaves_rows_out {
            return Ok(None);
        }
        let own = self.chain.own_columns();
        let columns = self.run.iter().map(|at| own[*at].0.clone());
        let place = get_field(self.derivation.sys.clone(), "id").alias(PLACE);
        let plan = LogicalPlanBuilder::from(self.chain.plan().clone());
        let plan = plan.project(columns.chain([place]))?.build()?;
        self.chain.prepare(plan, progress).await.map(Some)
    }

    /// Writes what is new.
    pub(super) async fn write(
        &self,
        place: &Place,
        ready: Option<Ready>,
        progress: &Progress,
    ) -> Result<Added> {
        let title = &place.destination.title;
        let schema = self.chain.schema();
        let run: Vec<_> = self.run.iter().map(|at| Arc::clone(&schema.fields()[*at])).collect();
        let run = Schema::new(run);
        let Some(ready) = ready else {
            let layout = Layout::of(self, &VectorLengths::none(), &run, title)?;
            let filled = self.untouched().await.lance("read", title)?;
            return self.added(place, layout, filled);
        };
        let (lengths, ready) = match self.lists {
            true => (VectorLengths::none(), ready),
            false => VectorLengths::of_first_rows(&run, ready).await?,
        };
        let layout = Layout::of(self, &lengths, &run, title)?;
        let progress = progress.start(&format!("save {title}"), None);
        let rows = in_order(&ready.plan, &ready.context, None)?;
        let mut rows: Rows = rows.map_err(Error::from).boxed();
        let (first, is_all) = looked_at(&mut rows).await?;
        let pays = self.pays(&layout, &first, is_all);
        let rows = stream::iter(first.into_iter().map(Ok)).chain(rows).boxed();
        if !pays {
            return self.copied(place, &lengths, rows, progress).await;
        }
        let filled = self.filled(place, &layout, rows, &progress).await?;
        self.added(place, layout, filled)
    }

    /// The version's rows as they are.
    async fn untouched(&self) -> lance::Result<Vec<Filled>> {
        let mut filled = Vec::new();
        for (at, fragment) in self.derivation.dataset.get_fragments().into_iter().enumerate() {
            let gone = fragment.get_deletion_vector().await?;
            let gone = gone.map(|gone| gone.as_ref().clone()).unwrap_or_default();
            filled.push(Filled { at, file: None, gone });
        }
        Ok(filled)
    }

    /// Whether so many rows are left, as far as these tell, that their places are worth to be kept.
    fn pays(&self, layout: &Layout, first: &[RecordBatch], is_all: bool) -> bool {
        let fragments = self.derivation.dataset.fragments();
        let heights: HashMap<u32, u64> = fragments.iter().filter_map(height).collect();
        let (mut rows, mut places, mut last) = (0, 0, None);
        for place in first.iter().flat_map(places_of) {
            let place = RowAddress::from(*place);
            if let Some(before) = last.replace(place)
                && before.fragment_id() != place.fragment_id()
            {
                places += heights.get(&before.fragment_id()).copied().unwrap_or_default();
            }
            rows += 1;
        }
        if let Some(last) = last {
            let height = heights.get(&last.fragment_id()).copied().unwrap_or_default();
            places += if is_all { height } else { u64::from(last.row_offset()) + 1 };
        }
        let few = if layout.is_wide() { WIDE_PLACES } else { PLACES };
        rows * few >= places
    }

    /// Writes the new columns fragment by fragment.
    async fn filled(
        &self,
        place: &Place,
        layout: &Layout,
        mut rows: Rows,
        progress: &StageProgress,
    ) -> Result<Vec<Filled>> {
        let fragments = self.derivation.dataset.fragments();
        let known = fragments.iter().enumerate().filter_map(|(at, fragment)| {
            let (id, rows) = height(fragment)?;
            Some((id, (at, u32::try_from(rows).ok()?)))
        });
        let known: HashMap<u32, (usize, u32)> = known.collect();
        let (mut filled, mut open) = (Vec::<Filled>::new(), None::<Slots<'_>>);
        while let Some(batch) = rows.try_next().await? {
            progress.add(batch.num_rows());
            let values = layout.new_values(&batch)?;
            let mut begin = 0;
            for same in places_of(&batch).chunk_by(|one, other| one >> 32 == other >> 32) {
                let fragment = RowAddress::from(same[0]).fragment_id();
                let Some(fragment) = known.get(&fragment).copied() else {
                    return Err(Error::internal(format!("there is no fragment {fragment}")));
                };
                if let Some(done) = open.take_if(|open| open.at() != fragment.0) {
                    filled.push(done.finish().await?);
                }
                if filled.last().is_some_and(|done| done.at >= fragment.0) {
                    return Err(Error::internal("rows of a fragment are apart"));
                }
                let open = open
                    .get_or_insert_with(|| Slots::of(&place.destination, &layout.file, fragment));
                let offsets = same.iter().map(|place| RowAddress::from(*place).row_offset());
                let offsets: Vec<u32> = offsets.collect();
                open.add(&values.slice(begin, same.len()), &offsets).await?;
                begin += same.len();
            }
        }
        if let Some(done) = open {
            filled.push(done.finish().await?);
        }
        Ok(filled)
    }

    /// The fragments of what is saved.
    fn added(&self, place: &Place, layout: Layout, filled: Vec<Filled>) -> Result<Added> {
        let dataset = &self.derivation.dataset;
        let storage = self.chain.session().storage();
        let Some(listed) = Listed::of(dataset, storage) else {
            return Err(Error::internal("files that were listed are not"));
        };
        let (mut fragments, mut gone, mut bases) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut rows = 0;
        for one in filled {
            let fragment = &dataset.fragments()[one.at];
            let folder = &place.destination.folder;
            let mut files = listed.files(fragment, &layout.kept, folder, &mut bases);
            files.extend(one.file);
            let physical_rows = fragment.physical_rows;
            rows += (physical_rows.unwrap_or_default() - one.gone.len()) as u64;
            fragments.push(Fragment { files, physical_rows, ..Fragment::new(0) });
            gone.push(one.gone);
        }
        let before: Option<usize> = dataset.fragments().iter().map(Fragment::num_rows).sum();
        if !self.derivation.leaves_rows_out && before.map(|rows| rows as u64) != Some(rows) {
            let title = &place.destination.title;
            return Err(Error::internal(format!("`{title}` has {rows} rows of {before:?}")));
        }
        let Layout { schema, numbers, .. } = layout;
        let bases = bases.into_values().collect();
        let state = SharedState { schema: numbers, bases, gone };
        Ok(Added::of_state(schema, fragments, rows, state))
    }
}

/// The number of a fragment, and how many rows it has, with those that are masked.
fn height(fragment: &Fragment) -> Option<(u32, u64)> {
    Some((u32::try_from(fragment.id).ok()?, fragment.physical_rows? as u64))
}

/// Where rows are.
fn places_of(batch: &RecordBatch) -> &[u64] {
    match batch.columns().last().and_then(|places| places.as_primitive_opt::<UInt64Type>()) {
        Some(places) => places.values(),
        None => &[],
    }
}

/// The first rows, and whether there are no others.
async fn looked_at(rows: &mut Rows) -> Result<(Vec<RecordBatch>, bool)> {
    let (mut first, mut bytes) = (Vec::new(), 0);
    while bytes < LOOK_BYTES {
        let Some(batch) = rows.next().await.transpose()? else { return Ok((first, true)) };
        bytes += batch.get_array_memory_size();
        first.push(batch);
    }
    Ok((first, false))
}

/// Whether enough would be shared.
async fn is_worth(derivation: &Derivation) -> lance::Result<bool> {
    let (dataset, mut kept) = (&derivation.dataset, HashSet::new());
    for leaf in derivation.columns.iter().flatten() {
        let column = column(dataset.schema(), &leaf.path[0]);
        kept.extend(column.and_then(|column| numbers(column, column)).unwrap_or_default());
    }
    let is_kept = |field: &i32| kept.contains(&(*field, *field));
    let files = dataset.fragments().iter().flat_map(|fragment| &fragment.files);
    let files: Vec<_> = files.filter(|file| file.fields.iter().any(is_kept)).collect();
    let sizes = files.iter().map(|file| file.file_size_bytes.get().map(u64::from));
    let all: u64 = sizes.map(Option::unwrap_or_default).sum();
    if all < WORTH_BYTES {
        return Ok(false);
    }
    if files.iter().all(|file| file.fields.iter().all(is_kept)) {
        return Ok(true);
    }
    let fields = dataset.calculate_data_stats().await?.fields;
    let shared = fields.iter().filter(|field| i32::try_from(field.id).is_ok_and(|id| is_kept(&id)));
    let shared: u64 = shared.map(|field| field.bytes_on_disk).sum();
    Ok(shared >= WORTH_BYTES && shared * WORTH_PART >= all)
}

/// Whether the version is still one, so that its files are there.
async fn is_there(chain: &Chain, listed: &Listed<'_>, derivation: &Derivation) -> Result<bool> {
    let at = VersionFilter::all_at(listed.home.as_ref());
    let records = chain.session().catalog().versions(at).await?;
    let is_it = |record: &catalog::DatasetVersion| {
        record.status == VersionStatus::Complete && derivation.source.is_of(record)
    };
    Ok(records.iter().any(is_it))
}

/// Whether nulls take as much room as values.
fn is_wide(kind: &DataType) -> bool {
    match kind {
        DataType::FixedSizeList(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| is_wide(field.data_type())),
        _ => false,
    }
}
