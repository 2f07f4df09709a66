//! [`DatasetTable`]: one version of a dataset as a table.
//!
//! The table's columns are the version's columns, or leaves of them, plus the computed column `sys`.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use blake3::Hasher;
use catalog::{DatasetVersion, QualifiedName, Version};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{ColumnStatistics, internal_err};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lance::Dataset;
use lance_core::utils::address::RowAddress;

use super::apart::{Apart, Shared};
use super::batch_rows::row_bytes;
use super::dataset_scan::{DatasetScan, DatasetScanExec, columns_of, rows_at};
use super::row_range::{Part, RowRange, row_ranges};
use super::samples::{LEAST_ROWS, RUN_ROWS, RUNS, Samples};
use super::{Dependency, Source};
use crate::identity::{Reason, SourceIdentity};
use crate::sys;

/// A column of the table: a path into the version's schema, or `sys` or a part of that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaf {
    /// The steps of the path; one step is a whole column.
    pub(crate) path: Vec<String>,
    /// The column's name and type in the table.
    pub(crate) field: FieldRef,
}

impl Leaf {
    /// A whole column.
    pub(crate) fn whole(field: FieldRef) -> Self {
        Self { path: vec![field.name().clone()], field }
    }

    /// Whether it is computed from where the rows are.
    pub(crate) fn is_sys(&self) -> bool {
        self.path[0] == sys::SYS
    }

    /// A part of it, under a name; none where there is no such part.
    pub(crate) fn below(&self, path: &[String], name: String) -> Option<Self> {
        let mut found: FieldRef = Arc::clone(&self.field);
        let mut nullable = found.is_nullable();
        for step in path {
            let DataType::Struct(fields) = found.data_type() else {
                return None;
            };
            let (_, child) = fields.find(step)?;
            nullable |= child.is_nullable();
            found = Arc::clone(child);
        }
        let field = Field::clone(&found).with_name(name).with_nullable(nullable);
        let path = self.path.iter().chain(path).cloned().collect();
        Some(Self { path, field: Arc::new(field) })
    }
}

/// One version of a dataset, opened.
#[derive(Clone, Debug)]
pub(crate) struct DatasetTable {
    name: QualifiedName,
    version: Version,
    uuid: String,
    made_of: Vec<catalog::Dependency>,
    /// The digest of the rows, where versions of the same rows are the same.
    content: Option<String>,
    dataset: Arc<Dataset>,
    leaves: Vec<Leaf>,
    schema: SchemaRef,
    chosen: Chosen,
    /// So many rows at the beginning are left out.
    skipped: usize,
    /// Whether vectors are searched in it.
    is_searched: bool,
}

/// Which rows of the version it is.
#[derive(Clone, Debug)]
enum Chosen {
    All,
    Apart(Arc<ApartFrom>),
    /// Those at these places, which grow.
    At(Arc<[u64]>),
}

/// A version's rows that another version does not have.
#[derive(Debug)]
struct ApartFrom {
    uuid: String,
    shared: Shared,
    rows: Apart,
}

impl DatasetTable {
    /// The whole version.
    pub(crate) fn new(record: &DatasetVersion, dataset: Arc<Dataset>) -> Self {
        let columns = record.schema.fields().iter().cloned().chain([sys::field()]);
        let leaves = columns.map(Leaf::whole).collect();
        Self::seen(record, None, dataset, leaves)
    }

    /// What was found in a storage: the version's one column under another name.
    pub(crate) fn of_listing(
        record: &DatasetVersion,
        dataset: Arc<Dataset>,
        column: FieldRef,
    ) -> Self {
        let path = record.schema.fields().iter().map(|field| field.name().clone()).collect();
        let leaves = vec![Leaf { path, field: column }];
        Self::seen(record, record.fingerprint.clone(), dataset, leaves)
    }

    fn seen(
        record: &DatasetVersion,
        content: Option<String>,
        dataset: Arc<Dataset>,
        leaves: Vec<Leaf>,
    ) -> Self {
        let table = Self {
            name: record.dataset.clone(),
            version: record.version,
            uuid: record.uuid.clone(),
            made_of: record.dependencies.clone(),
            content,
            dataset,
            leaves,
            schema: Arc::new(Schema::empty()),
            chosen: Chosen::All,
            skipped: 0,
            is_searched: false,
        };
        table.finish()
    }

    /// The same rows seen through other leaves.
    pub(crate) fn with(&self, leaves: Vec<Leaf>) -> Self {
        Self { leaves, ..self.clone() }.finish()
    }

    /// The same of another version of the dataset, which has what is seen of this one.
    pub(super) fn over_version(&self, versions: &[(DatasetVersion, Arc<Dataset>)]) -> Option<Self> {
        let (record, dataset) = versions.iter().find(|(record, _)| record.dataset == self.name)?;
        let columns = Schema::from(self.dataset.schema());
        let others = Schema::from(dataset.schema());
        let is_there = |leaf: &Leaf| {
            let column = leaf.path.first();
            leaf.is_sys()
                || column.is_some_and(|it| {
                    others.field_with_name(it).ok() == columns.field_with_name(it).ok()
                })
        };
        self.leaves.iter().all(is_there).then(|| Self {
            version: record.version,
            uuid: record.uuid.clone(),
            made_of: record.dependencies.clone(),
            content: self.content.as_ref().and_then(|_| record.fingerprint.clone()),
            dataset: Arc::clone(dataset),
            ..self.clone()
        })
    }

    /// The state that holds the rows, unless the version goes with its session or when nobody looks for its rows again.
    pub(crate) fn lasting(&self) -> Option<&Arc<Dataset>> {
        (!self.name.is_of_session() && !self.name.is_listing()).then_some(&self.dataset)
    }

    /// Whether the version is still what the record says.
    pub(crate) fn is_of(&self, record: &DatasetVersion) -> bool {
        self.uuid == record.uuid
    }

    /// Whether more rows of its files are masked than there are.
    pub(crate) fn is_mostly_masked(&self) -> bool {
        let fragments = self.dataset.fragments().iter();
        let all: usize = fragments.filter_map(|fragment| fragment.physical_rows).sum();
        self.rows().is_none_or(|rows| all > 2 * rows)
    }

    /// The first column of the version.
    pub(super) fn root(&self) -> &str {
        self.dataset.schema().fields.first().map_or("", |field| field.name.as_str())
    }

    /// The version without the rows that another one of the dataset has as well; `None` where they share nothing.
    fn without(&self, other: &Self, shared: Shared) -> Option<Self> {
        let rows = Apart::of(&self.dataset, &other.dataset, shared)?;
        let apart = ApartFrom { uuid: other.uuid.clone(), shared, rows };
        Some(Self { chosen: Chosen::Apart(Arc::new(apart)), ..self.clone() })
    }

    /// What is read of each fragment.
    async fn parts(&self) -> PlanResult<Vec<Part>> {
        match &self.chosen {
            Chosen::All => self.dataset.fragments().iter().map(Part::whole).collect(),
            Chosen::Apart(apart) => apart.rows.parts(&self.dataset, &self.title()).await,
            Chosen::At(places) => parts_at(&self.dataset, places),
        }
    }

    fn rows(&self) -> Option<usize> {
        match &self.chosen {
            Chosen::All => self.dataset.fragments().iter().map(|part| part.num_rows()).sum(),
            Chosen::Apart(apart) => apart.rows.most_rows(),
            Chosen::At(places) => Some(places.len()),
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self.chosen, Chosen::All)
    }

    fn dependency(&self) -> catalog::Dependency {
        catalog::Dependency { name: self.name.clone(), version: self.version }
    }

    /// What the session has guessed of these leaves.
    fn guessed(&self, state: &dyn Session, leaves: &[Leaf]) -> Vec<ColumnStatistics> {
        let Some(samples) = state.config().get_extension::<Samples>() else {
            return vec![];
        };
        let guesses = leaves.iter().map(|leaf| samples.of(&self.uuid, leaf));
        guesses.map(Option::unwrap_or_default).collect()
    }

    /// What users call it.
    fn title(&self) -> String {
        format!("{}@{}", self.name.short(), self.version)
    }

    fn finish(mut self) -> Self {
        let fields: Vec<FieldRef> =
            self.leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
        self.schema = Arc::new(Schema::new(fields));
        self
    }
}

#[async_trait]
impl Source for DatasetTable {
    /// The version, whose rows never change, and what is seen of it.
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        if self.skipped > 0 {
            return Err(format!("only a part of {} is read", self.title()));
        }
        let paths = self.leaves.iter().map(|leaf| leaf.path.clone()).collect();
        let uuid = self.uuid.clone();
        Ok(match (&self.chosen, &self.content) {
            (Chosen::All, Some(digest)) => SourceIdentity::Values { digest: digest.clone() },
            (Chosen::All, None) => SourceIdentity::Version { uuid, paths },
            (Chosen::Apart(apart), _) => SourceIdentity::Apart {
                uuid,
                paths,
                other: apart.uuid.clone(),
                is_start: apart.shared == Shared::Start,
            },
            (Chosen::At(places), _) => {
                let mut digest = Hasher::new();
                for place in places.iter() {
                    digest.update(&place.to_le_bytes());
                }
                SourceIdentity::At { uuid, paths, places: digest.finalize().to_hex().to_string() }
            }
        })
    }

    fn version(&self) -> Option<catalog::Dependency> {
        self.is_whole().then(|| self.dependency())
    }

    /// The version; one that goes with its session leaves what it was made of.
    fn dependencies(&self) -> Vec<Dependency> {
        if self.name.is_of_session() {
            return self.made_of.iter().cloned().map(Dependency::Version).collect();
        }
        vec![Dependency::Version(self.dependency())]
    }

    fn height(&self) -> Option<usize> {
        self.rows()
    }

    fn apart_from(&self, other: &Arc<dyn Source>, shared: Shared) -> Option<[Arc<dyn Source>; 2]> {
        let other: &dyn TableProvider = &**other;
        let other = other.downcast_ref::<Self>()?;
        if !self.is_whole() || !other.is_whole() {
            return None;
        }
        let (ours, theirs) = (self.without(other, shared)?, other.without(self, shared)?);
        Some([Arc::new(ours), Arc::new(theirs)])
    }

    fn over(&self, versions: &[(DatasetVersion, Arc<Dataset>)]) -> Option<Arc<dyn Source>> {
        Some(Arc::new(self.over_version(versions)?))
    }

    fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    fn with_leaves(&self, leaves: Vec<Leaf>) -> Option<Arc<dyn Source>> {
        Some(Arc::new(self.with(leaves)))
    }

    fn at_places(&self, places: Arc<[u64]>) -> Option<Arc<dyn Source>> {
        let is_all = self.is_whole() && self.skipped == 0;
        is_all.then(|| Arc::new(Self { chosen: Chosen::At(places), ..self.clone() }) as _)
    }

    fn without_first(&self, rows: usize) -> Option<Arc<dyn Source>> {
        Some(Arc::new(Self { skipped: self.skipped.saturating_add(rows), ..self.clone() }))
    }

    fn searched(&self) -> Option<Arc<dyn Source>> {
        (!self.is_searched).then(|| Arc::new(Self { is_searched: true, ..self.clone() }) as _)
    }

    fn bytes(&self) -> Option<usize> {
        let read = self.leaves.iter().filter(|leaf| !leaf.is_sys());
        let bytes = row_bytes(&self.dataset, read.map(|leaf| leaf.field.data_type()));
        Some(self.rows()?.saturating_sub(self.skipped).saturating_mul(bytes))
    }

    async fn look(&self, samples: &Samples, columns: Option<&[usize]>) -> PlanResult<()> {
        let rows = self.rows().unwrap_or_default();
        if !self.is_whole() || rows < LEAST_ROWS {
            return Ok(());
        }
        let leaves = match columns {
            Some(columns) => columns.iter().map(|at| self.leaves[*at].clone()).collect(),
            None => self.leaves.clone(),
        };
        let leaves = samples.unknown(&self.uuid, &leaves);
        if leaves.is_empty() {
            return Ok(());
        }
        let runs = RowRange::spread(&self.parts().await?, RUNS, RUN_ROWS);
        let columns = columns_of(&self.dataset, leaves.clone(), runs, self.title()).await?;
        for (leaf, values) in leaves.iter().zip(&columns) {
            samples.keep(&self.uuid, leaf, values, rows)?;
        }
        Ok(())
    }

    async fn rows_at(&self, places: &UInt64Array) -> PlanResult<RecordBatch> {
        rows_at(&self.dataset, &self.leaves, places, &self.title()).await
    }
}

#[async_trait]
impl TableProvider for DatasetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let leaves = match projection {
            Some(chosen) => chosen.iter().map(|at| self.leaves[*at].clone()).collect(),
            None => self.leaves.clone(),
        };
        let target = state.config().target_partitions();
        let end = limit.map_or(usize::MAX, |limit| self.skipped.saturating_add(limit));
        let ranges = row_ranges(&self.parts().await?, target, self.skipped..end);
        let (title, dataset) = (self.title(), Arc::clone(&self.dataset));
        let guessed = self.guessed(state, &leaves);
        let kept_of = (self.is_searched && self.is_whole()).then(|| self.uuid.as_str().into());
        let leaves = Arc::new(leaves);
        let scan = DatasetScan { title, dataset, leaves, ranges, guessed, kept_of };
        Ok(Arc::new(DatasetScanExec::new(scan)))
    }
}

/// The rows at these places, which grow as numbers of fragments do.
fn parts_at(dataset: &Dataset, places: &[u64]) -> PlanResult<Vec<Part>> {
    let fragment = |place: u64| RowAddress::from(place).fragment_id();
    let runs = places.chunk_by(|one, next| fragment(*one) == fragment(*next));
    let part = |run: &[u64]| {
        let id = fragment(run[0]);
        let Some(fragment) = dataset.get_fragment(id as usize) else {
            return internal_err!("there is no fragment {id}");
        };
        let offsets = run.iter().map(|place| RowAddress::from(*place).row_offset());
        Part::only(fragment.metadata(), offsets.collect())
    };
    runs.map(part).collect()
}
