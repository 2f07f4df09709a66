//! Updates: a chain that is saved again computes only what changed in its sources since.
//!
//! A row of a source is known by a key. A result is *touched* when a row of its key is new, is another one than it was, or
//! is gone. Row-wise steps hand keys on; steps that look at several rows, such as groups and merges, give rows a key of
//! their own: what their rows agree on. [`build`] goes through a plan from its sources up and finds the touched keys after
//! each step; [`part`] makes of that the plan that computes touched rows and no others. These take the place of the rows
//! of the previous version that have such keys. Keys are compared by digests, so that two that share one are only computed
//! together.

mod base;
mod build;
mod changes;
mod leaf;
mod part;
mod places;
mod retry;
mod sources;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use blake3::Hasher;
use catalog::DatasetVersion;
use datafusion::common::TableReference;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Distinct, JoinType, LogicalPlan, TableScan};

use crate::chain::{CodeChange, Deleted, DeltaOptions, Retry};
use crate::functions::Units;
use crate::identity::Reason;
use crate::logical::{FirstRows, GroupRows, inputs_first};
use crate::progress::Progress;
use crate::source::{AnyVersion, Dependency, Source, as_table, source_of};
use crate::{Chain, Error, Result};
use base::{Base, failure};
use build::{Builder, Known, refused};
use changes::{Counts, Queries};
use leaf::Value;
use part::{Key, Order, Part, When};
use retry::retry_of;
pub(crate) use retry::reuse;
use sources::{all_of, before, compared, has_files, has_versions, keys_of, scans};

/// What saving a chain again comes to.
pub(crate) enum Update {
    /// Everything is computed; why, if there is a reason to tell.
    Whole(Option<String>),
    /// The previous version is what would be saved.
    Nothing,
    Rows(Box<Rows>),
}

/// Rows that take the place of others.
pub(crate) struct Rows {
    /// The new ones; all rows if they have to be in an order.
    pub(crate) chain: Chain,
    /// The places of those that are left out of the previous version.
    pub(crate) removed: Vec<u64>,
    /// How many of these have no source any more.
    pub(crate) gone: u64,
    /// What the next update has to know of the rows that stay.
    pub(crate) kept: KeptRows,
    /// What became of the rows of each source that changed, for users.
    pub(crate) told: Vec<String>,
    /// Whether the chain has the rows of the previous version that stay.
    pub(crate) is_all: bool,
}

/// What is to be known of rows that an update leaves as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptRows {
    /// Whether the source of some is gone.
    pub(crate) stale: bool,
    /// Whether some were computed otherwise than the new ones.
    pub(crate) mixed: bool,
}

impl Chain {
    /// The same chain, which must be a source as it is read: when what is made of it is saved again, only what changed in
    /// it is computed.
    ///
    /// # Errors
    /// A source that has no versions, an unknown column, or values that cannot be told apart.
    pub fn delta(&self, options: DeltaOptions) -> Result<Self> {
        let LogicalPlan::TableScan(scan) = self.plan() else {
            return Err(Error::internal("only what is read can be updated"));
        };
        let is_versioned = source_of(scan)
            .is_some_and(|source| !source.found().is_empty() || source.version().is_some());
        if !is_versioned {
            return Err(Error::NotSupported {
                what: "`delta=True` of this source".to_owned(),
                instead: "`read_storage` and `read_dataset` have versions to compare".to_owned(),
            });
        }
        let keys = keys_of(self, &options)?;
        compared(self, &options)?;
        if !options.result_on.is_empty() && options.result_on.len() != keys.len() {
            return Err(Error::InvalidArgument {
                argument: "delta_result_on",
                given: options.result_on.join(", "),
                accepted: format!("{}, one for each field of `delta_on`", keys.len()),
            });
        }
        Ok(self.clone().with_delta(scan.table_name.clone(), options))
    }
}

/// How the rows of a chain are made, without what changes of its sources are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// How they follow from the sources, as a digest; `None` if that cannot be told.
    pub(crate) steps: Option<String>,
    /// What the sources hold that have no versions, as a digest; `None` if that cannot be told.
    pub(crate) inputs: Option<String>,
}

impl Made {
    /// Of a chain whose sources stay as they are.
    pub(crate) async fn of(chain: &Chain) -> Result<Self> {
        let (mut number, mut inputs) = (0, Ok(Hasher::new()));
        let plan = chain.plan().clone().transform_up_with_subqueries(|node| {
            let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
            let Some(source) = source_of(&scan) else {
                return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
            };
            if !has_versions(source.as_ref()) {
                inputs = inputs.clone().and_then(|mut inputs| {
                    inputs.update(source.identity()?.digest().as_bytes());
                    Ok::<_, Reason>(inputs)
                });
            }
            scan.source = as_table(Arc::new(AnyVersion::new(source.schema(), number)));
            number += 1;
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        })?;
        let steps = chain.of_same_run(plan.data)?.fingerprint().await?;
        let inputs = inputs.ok().map(|inputs| inputs.finalize().to_hex().to_string());
        Ok(Self { steps, inputs })
    }
}

/// Refuses what could not be updated, before anything is computed.
pub(crate) async fn check(chain: &Chain, progress: &Arc<Progress>) -> Result<()> {
    let plan = chain.visible_plan()?;
    let part = part_of_all(chain, &plan, progress).await?;
    check_options(chain, &part, regroups(&plan)?)?;
    let result = chain.with_plan(plan.clone())?;
    for (_, options) in chain.deltas() {
        if let Retry::Failed(path) = &options.retry {
            failure(&result, path)?;
        }
    }
    values(chain, &part, &plan).map(drop)
}

/// The plan of a chain as one whose rows are the same as ever.
async fn part_of_all(chain: &Chain, plan: &LogicalPlan, progress: &Arc<Progress>) -> Result<Part> {
    let mut sources = HashMap::new();
    for (scan, _) in &scans(chain.plan())? {
        let name = &scan.table_name;
        let Some(options) = options_of(chain, name) else { continue };
        let before = LogicalPlan::TableScan(scan.clone());
        let key = Key::By(keys_of(&chain.of_same_run(before.clone())?, &options)?);
        let known = Known { before, key, touched: Arc::default(), places: None };
        sources.insert(name.clone(), known);
    }
    let queries = Queries { chain, progress };
    let builder = Builder {
        queries,
        sources,
        is_unsafe: is_unsafe(chain),
        has_older_files: false,
        is_lost: AtomicBool::new(false),
    };
    builder.part(plan).await
}

fn options_of(chain: &Chain, scan: &TableReference) -> Option<Arc<DeltaOptions>> {
    let mut all = chain.deltas().iter();
    all.find(|(name, _)| name == scan).map(|(_, options)| Arc::clone(options))
}

fn is_unsafe(chain: &Chain) -> bool {
    chain.deltas().iter().all(|(_, options)| options.is_unsafe)
}

fn deleted(chain: &Chain) -> Option<Deleted> {
    chain.deltas().iter().find_map(|(_, options)| options.deleted)
}

/// Options that mean nothing for the steps of the chain, or contradict each other.
fn check_options(chain: &Chain, part: &Part, has_groups: bool) -> Result<()> {
    let mut all = chain.deltas().iter().filter_map(|(_, options)| options.deleted);
    if let Some(first) = all.next()
        && all.any(|other| other != first)
    {
        return refused(
            "`delta_deleted` of sources that do not agree",
            "give the same to all: a row of the result may be of several",
        );
    }
    if has_groups && deleted(chain) == Some(Deleted::Keep) {
        return refused(
            "`delta_deleted=\"keep\"` for groups",
            "a group is computed from the rows that are there: `delta_deleted=\"drop\"`",
        );
    }
    let known_by = part.known_by();
    let mut missing = chain.deltas().iter().filter(|(_, options)| options.retry == Retry::Missing);
    if missing.any(|(scan, _)| has_groups || !known_by.contains(&scan)) {
        return refused(
            "`delta_retry=True` for groups, or for rows that are known by another side of a `merge`",
            "name a field of the result",
        );
    }
    match &part.order {
        Order::Lost(what) if !is_unsafe(chain) => {
            refused(format!("`order_by` of `{what}`"), "keep it in the result")
        }
        _ => Ok(()),
    }
}

/// What rows of the result are known by.
fn values(chain: &Chain, part: &Part, plan: &LogicalPlan) -> Result<Vec<Value>> {
    let lost = match &part.key {
        Key::By(values) => return Ok(values.clone()),
        Key::Fixed => return Ok(Vec::new()),
        Key::Lost(what) => what,
    };
    let mut options = chain.deltas().iter().map(|(_, options)| options);
    let Some(named) = options.find(|options| !options.result_on.is_empty()) else {
        return Err(Error::NotSupported {
            what: format!("`delta=True` for a result without {lost}"),
            instead: "keep it, or name where the result has it: `delta_result_on=`".to_owned(),
        });
    };
    let result = chain.with_plan(plan.clone())?;
    let keys = DeltaOptions { on: named.result_on.clone(), ..DeltaOptions::default() };
    keys_of(&result, &keys)
}

/// What a chain, whose sources stay as they are, has to compute to follow a version.
pub(crate) async fn update(
    chain: &Chain,
    base: &DatasetVersion,
    made: &Made,
    progress: &Arc<Progress>,
) -> Result<Update> {
    let scans = scans(chain.plan())?;
    let before = match before(chain.session(), base, &scans).await? {
        Ok(before) => before,
        Err(reason) => return Ok(Update::Whole(Some(reason))),
    };
    let options: Vec<_> = chain.deltas().iter().map(|(_, options)| Arc::clone(options)).collect();
    let is = |code| options.iter().any(|options| options.code == code);
    let known = base.delta.as_ref();
    let title = format!("{}@{}", base.dataset.short(), base.version);
    let inputs = known.and_then(|delta| delta.inputs.as_ref());
    let all_versions = scans.iter().all(|(_, source)| has_versions(source.as_ref()));
    if !all_versions && (inputs.is_none() || inputs != made.inputs.as_ref()) {
        let reason =
            format!("rows that have no versions are others than those that `{title}` was made of");
        return Ok(Update::Whole(Some(reason)));
    }
    let steps = known.and_then(|delta| delta.steps.as_ref());
    let differs = steps.zip(made.steps.as_ref()).is_some_and(|(known, steps)| known != steps);
    let mixed = differs || known.is_some_and(|delta| delta.mixed);
    if mixed && is(CodeChange::Rebuild) {
        let reason = format!("functions or steps changed since rows of `{title}` were computed");
        return Ok(Update::Whole(Some(reason)));
    }
    if differs && is(CodeChange::Warn) {
        progress.tell(format!(
            "Functions or steps changed since '{title}': rows that did not change keep what was computed then; \
             delta_code=\"rebuild\" computes all anew"
        ));
    }
    let retries = options.iter().any(|options| options.retry != Retry::Nothing);
    let cleans = known.is_some_and(|delta| delta.stale)
        && options.iter().any(|options| options.deleted == Some(Deleted::Drop));
    if before.is_empty() && !retries && !cleans {
        return Ok(Update::Nothing);
    }
    let updating = Updating { chain, base, mixed, progress };
    Box::pin(updating.rows(&scans, &before)).await
}

struct Updating<'a> {
    chain: &'a Chain,
    base: &'a DatasetVersion,
    mixed: bool,
    progress: &'a Arc<Progress>,
}

/// The sources of a chain.
struct Found {
    /// Those that may differ.
    known: HashMap<TableReference, Known>,
    /// What rows that are gone were known by.
    gone: Units,
    told: Vec<String>,
    /// Whether files of a source are others now, or gone.
    has_older_files: bool,
}

impl Updating<'_> {
    fn queries(&self) -> Queries<'_> {
        Queries { chain: self.chain, progress: self.progress }
    }

    async fn rows(
        &self,
        scans: &[(TableScan, Arc<dyn Source>)],
        before: &HashMap<TableReference, TableScan>,
    ) -> Result<Update> {
        let plan = self.chain.visible_plan()?;
        let (has_groups, deleted) = (regroups(&plan)?, deleted(self.chain));
        let keeps_gone = !has_groups && deleted != Some(Deleted::Drop);
        let Found { known: sources, gone, told, has_older_files } =
            self.sources(scans, before, keeps_gone).await?;
        let (queries, is_unsafe) = (self.queries(), is_unsafe(self.chain));
        let is_lost = AtomicBool::new(false);
        let builder = Builder { queries, sources, is_unsafe, has_older_files, is_lost };
        let part = builder.part(&plan).await;
        if builder.is_lost.into_inner() {
            let reason =
                "groups or merges ask what functions made of files that changed or are gone";
            return Ok(Update::Whole(Some(reason.to_owned())));
        }
        let part = part?;
        check_options(self.chain, &part, has_groups)?;
        let values = values(self.chain, &part, &plan)?;
        let base = Base::open(self.chain.session(), self.base, &values).await?;
        let mut touched: Vec<u128> = part.touched.iter().collect();
        let retried = self.retried(scans, &base, &part.known_by()).await?;
        let is_retry = !retried.is_empty();
        touched.extend(retried);
        let was_stale = self.base.delta.as_ref().is_some_and(|delta| delta.stale);
        if was_stale && deleted == Some(Deleted::Drop) {
            let there = self.present(scans).await?;
            let known = self.queries().units(base.rows()?, base.keys.clone()).await?;
            touched.extend(known.iter().filter(|unit| !there.contains(*unit)));
        }
        let touched: Arc<Units> = Arc::new(touched.into_iter().collect());
        if touched.is_empty() {
            return Ok(Update::Nothing);
        }
        let removed = base.places(self.progress, &touched).await?;
        let stale = keeps_gone && (was_stale || !gone.is_empty());
        let gone = match has_groups {
            true => 0,
            false => removed.iter().filter(|(_, unit)| gone.contains(*unit)).count() as u64,
        };
        let removed = removed.into_iter().map(|(place, _)| place).collect();
        let rows = self.chain.of_same_run(part.restricted(&touched, When::Now)?)?;
        let (chain, is_all) = match &part.order {
            Order::By(keys) => (base.sorted_with(&rows, keys, &touched)?, true),
            Order::Any | Order::Lost(_) => (rows, false),
        };
        // What failed would be found as it was.
        let chain = if is_retry { chain.reusing(retry_of(self.base)) } else { chain };
        let kept = KeptRows { stale, mixed: self.mixed };
        Ok(Update::Rows(Box::new(Rows { chain, removed, gone, kept, told, is_all })))
    }

    /// How the sources differ from what they were.
    async fn sources(
        &self,
        scans: &[(TableScan, Arc<dyn Source>)],
        before: &HashMap<TableReference, TableScan>,
        keeps_gone: bool,
    ) -> Result<Found> {
        let (mut known, mut all_gone, mut told) = (HashMap::new(), Vec::new(), Vec::new());
        let mut has_older_files = false;
        for (scan, source_now) in scans {
            let name = &scan.table_name;
            let now = LogicalPlan::TableScan(scan.clone());
            let source = self.chain.of_same_run(now.clone())?;
            let options = options_of(self.chain, name);
            let Some(then) = before.get(name) else {
                if let Some(options) = &options {
                    let key = Key::By(keys_of(&source, options)?);
                    let touched = Arc::default();
                    let same = Known { before: now, key, touched, places: None };
                    known.insert(name.clone(), same);
                }
                continue;
            };
            let (keys, compared) = match &options {
                Some(options) => (keys_of(&source, options)?, compared(&source, options)?),
                // Nobody said what its rows are known by: by all that they are.
                None => (all_of(&source)?, Vec::new()),
            };
            let exprs: Vec<_> = keys.iter().map(Value::expr).collect();
            let changes = self.queries().changes((scan, then), &exprs, &compared).await?;
            let stays =
                |unit: &u128| keeps_gone && options.is_some() && changes.gone.contains(*unit);
            let touched = changes.all.iter().filter(|unit| !stays(unit)).collect();
            all_gone.extend(changes.gone.iter());
            has_older_files |=
                has_files(&source) && changes.counts.changed + changes.counts.gone > 0;
            told.push(told_of(&title_of(source_now.as_ref()), changes.counts));
            let before = LogicalPlan::TableScan(then.clone());
            let (key, touched) = (Key::By(keys), Arc::new(touched));
            let places = changes.places;
            known.insert(name.clone(), Known { before, key, touched, places });
        }
        Ok(Found { known, gone: all_gone.into_iter().collect(), told, has_older_files })
    }

    /// What rows of the sources that are updated are known by now.
    async fn present(&self, scans: &[(TableScan, Arc<dyn Source>)]) -> Result<Units> {
        let mut found: Vec<u128> = Vec::new();
        for (scan, _) in scans {
            let Some(options) = options_of(self.chain, &scan.table_name) else { continue };
            let source = self.chain.of_same_run(LogicalPlan::TableScan(scan.clone()))?;
            let keys = keys_of(&source, &options)?.iter().map(Value::expr).collect();
            found.extend(self.queries().units(source.plan().clone(), keys).await?.iter());
        }
        Ok(found.into_iter().collect())
    }
}

/// The versions of datasets that a source is.
fn title_of(source: &dyn Source) -> String {
    let title = |Dependency::Version(it): Dependency| format!("{}@{}", it.name.short(), it.version);
    source.dependencies().into_iter().map(title).collect::<Vec<_>>().join(", ")
}

fn told_of(title: &str, counts: Counts) -> String {
    let Counts { new, changed, gone, same } = counts;
    format!("{title}: {new} rows new, {changed} changed, {gone} gone, {same} kept")
}

/// Whether steps compute rows from several rows of a source.
fn regroups(plan: &LogicalPlan) -> Result<bool> {
    for node in inputs_first(plan) {
        let groups = match node {
            LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(Distinct::All(_)) => true,
            LogicalPlan::Window(window) => build::grouped_by(window)?.is_some(),
            LogicalPlan::Join(join) => join.join_type == JoinType::Full,
            LogicalPlan::Extension(extension) => {
                let node = extension.node.as_any();
                node.is::<FirstRows>() || node.is::<GroupRows>()
            }
            _ => false,
        };
        if groups {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
