//! Updates: a chain that is saved again computes only what changed in its sources since.
//!
//! A row of a source is known by a key. A result is *touched* when a row of its key is new, is another one than it was, or
//! is gone. Row-wise steps hand keys on; steps that look at several rows, such as groups and merges, give rows a key of
//! their own: what their rows agree on. [`build`] goes through a plan from its sources up and finds the touched keys after
//! each step; [`part`] makes of that the plan that computes touched rows and no others. These take the place of the rows
//! of the previous version that have such keys. Keys are compared by digests, so that two that share one are only computed
//! together.

mod build;
mod changes;
mod leaf;
mod part;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, UInt64Array};
use arrow::datatypes::{DataType, UInt64Type};
use catalog::{DatasetVersion, VersionFilter, VersionStatus};
use datafusion::common::TableReference;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{
    Distinct, Expr as PlanExpr, ExprSchemable, JoinType, LogicalPlan, LogicalPlanBuilder, Sort,
    SortExpr, TableScan, lit,
};
use futures::TryStreamExt;
use lance::Dataset;

use crate::chain::{CodeChange, Deleted, DeltaOptions, Retry};
use crate::functions::{Units, among, digests_in, has_digest, row_digest};
use crate::kind::kind_name;
use crate::logical::{FirstRows, GroupRows, inputs_first};
use crate::progress::Progress;
use crate::source::{AnyVersion, Dependency, Source, as_table, source_of};
use crate::sys::SYS;
use crate::{Chain, Error, Result, Session};
use build::{Builder, Known, refused};
use changes::{Queries, filtered};
use leaf::{Leaf, Value};
use part::{Key, Order, Part, When};

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
    /// Whether the chain has the rows of the previous version that stay.
    pub(crate) is_all: bool,
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

/// The values that a row of a source is known by.
fn keys_of(source: &Chain, options: &DeltaOptions) -> Result<Vec<Value>> {
    let resolver = source.resolver();
    let paths = match options.on.as_slice() {
        [] => file_key(source)?,
        paths => paths.to_vec(),
    };
    let mut keys = Vec::with_capacity(paths.len());
    for path in &paths {
        let (value, field) = resolver.path(path)?;
        if matches!(field.data_type(), DataType::Struct(_)) || !has_digest(field.data_type()) {
            return Err(Error::InvalidArgument {
                argument: "delta_on",
                given: path.clone(),
                accepted: "name plain fields, such as `file.path`".to_owned(),
            });
        }
        let leaf = Leaf::of(&value).ok_or_else(|| Error::internal(format!("`{path}` is computed")));
        keys.push(Value::Leaf(leaf?));
    }
    Ok(keys)
}

/// What files are known by.
fn file_key(source: &Chain) -> Result<Vec<String>> {
    let columns = source.own_columns();
    let is_file = |kind: &DataType| match kind {
        DataType::Struct(fields) => {
            ["source", "path", "etag"].iter().all(|name| fields.find(name).is_some())
        }
        _ => false,
    };
    let file = columns.iter().map(|(_, field)| field).find(|field| is_file(field.data_type()));
    let Some(file) = file else {
        return Err(Error::InvalidArgument {
            argument: "delta_on",
            given: String::new(),
            accepted: "there is no column of files; name what a row is known by, for example an id"
                .to_owned(),
        });
    };
    Ok(["source", "path"].map(|name| format!("{}.{name}", file.name())).to_vec())
}

/// The values by which a row of a source is told to have changed.
fn compared(source: &Chain, options: &DeltaOptions) -> Result<Vec<PlanExpr>> {
    let columns = match &options.compare {
        Some(paths) => paths.iter().map(|path| source.resolver().path(path)).collect::<Result<_>>()?,
        None => source.own_columns(),
    };
    for (value, field) in &columns {
        if !has_digest(field.data_type()) {
            return Err(Error::InvalidArgument {
                argument: "delta_compare",
                given: value.schema_name().to_string(),
                accepted: format!(
                    "values of type {} cannot be compared; name the columns that tell a change",
                    kind_name(field.data_type())
                ),
            });
        }
    }
    Ok(columns.into_iter().map(|(value, _)| value).collect())
}

/// How the rows of a chain, whose sources stay as they are, follow from these, as a digest; `None` if that cannot be told.
pub(crate) async fn steps(chain: &Chain) -> Result<Option<String>> {
    let mut number = 0;
    let plan = chain.plan().clone().transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let Some(source) = source_of(&scan) else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        if !source.dependencies().is_empty() {
            scan.source = as_table(Arc::new(AnyVersion::new(source.schema(), number)));
            number += 1;
        }
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })?;
    chain.with_plan(plan.data)?.fingerprint().await
}

/// What a chain, whose sources stay as they are, has to compute to follow a version.
pub(crate) async fn update(
    chain: &Chain,
    base: &DatasetVersion,
    steps: Option<&str>,
    progress: &Arc<Progress>,
) -> Result<Update> {
    let scans = scans(chain.plan())?;
    let before = match before(chain.session(), base, &scans).await? {
        Ok(before) => before,
        Err(reason) => return Ok(Update::Whole(Some(reason))),
    };
    let options: Vec<_> = chain.deltas().iter().map(|(_, options)| Arc::clone(options)).collect();
    let known = base.delta.as_ref().and_then(|delta| delta.steps.as_deref());
    if let (Some(known), Some(steps)) = (known, steps)
        && known != steps
    {
        let title = format!("{}@{}", base.dataset.short(), base.version);
        if options.iter().any(|options| options.code == CodeChange::Rebuild) {
            let reason = format!("functions or steps changed since `{title}`");
            return Ok(Update::Whole(Some(reason)));
        }
        if options.iter().any(|options| options.code == CodeChange::Warn) {
            progress.tell(format!(
                "Functions or steps changed since '{title}': rows that did not change keep what was computed then; \
                 delta_code=\"rebuild\" computes all anew"
            ));
        }
    }
    let retries = options.iter().any(|options| options.retry != Retry::Nothing);
    if before.is_empty() && !retries {
        return Ok(Update::Nothing);
    }
    let updating = Updating { chain, base, options, progress };
    updating.rows(&scans, &before).await
}

/// The scans of a plan and what they read.
fn scans(plan: &LogicalPlan) -> Result<Vec<(TableScan, Arc<dyn Source>)>> {
    let mut found: Vec<(TableScan, Arc<dyn Source>)> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(source) = source_of(scan)
            && found.iter().all(|(known, _)| known.table_name != scan.table_name)
        {
            found.push((scan.clone(), source));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Of the sources that changed since a version, what they were then; or why that cannot be told.
async fn before(
    session: &Arc<Session>,
    base: &DatasetVersion,
    scans: &[(TableScan, Arc<dyn Source>)],
) -> Result<std::result::Result<HashMap<TableReference, LogicalPlan>, String>> {
    let title = format!("{}@{}", base.dataset.short(), base.version);
    let mut changed = HashMap::new();
    for (scan, source) in scans {
        let (mut versions, mut differs) = (Vec::new(), false);
        for Dependency::Version(now) in source.dependencies() {
            let mut then = base.dependencies.iter().filter(|then| then.name == now.name);
            let (Some(then), None) = (then.next(), then.next()) else {
                return Ok(Err(format!("`{title}` was not made of one version of `{}`", now.name)));
            };
            differs |= then.version != now.version;
            let filter =
                VersionFilter { version: Some(then.version), ..VersionFilter::of(&then.name) };
            match session.catalog().versions(filter).await?.pop() {
                Some(record) if record.status == VersionStatus::Complete => versions.push(record),
                _ if then.version == now.version => {}
                _ => {
                    let gone = format!("{}@{}", then.name.short(), then.version);
                    return Ok(Err(format!("`{gone}`, of which `{title}` was made, is gone")));
                }
            }
        }
        if !differs {
            continue;
        }
        let mut opened: Vec<(DatasetVersion, Arc<Dataset>)> = Vec::with_capacity(versions.len());
        for record in versions {
            let dataset = Arc::new(session.open_version(&record).await?);
            opened.push((record, dataset));
        }
        let Some(then) = source.over(&opened) else {
            return Ok(Err(format!("the columns of what `{title}` was made of changed")));
        };
        let then = TableScan { source: as_table(then), ..scan.clone() };
        changed.insert(scan.table_name.clone(), LogicalPlan::TableScan(then));
    }
    Ok(Ok(changed))
}

struct Updating<'a> {
    chain: &'a Chain,
    base: &'a DatasetVersion,
    options: Vec<Arc<DeltaOptions>>,
    progress: &'a Arc<Progress>,
}

impl Updating<'_> {
    fn queries(&self) -> Queries<'_> {
        Queries { chain: self.chain, progress: self.progress }
    }

    async fn rows(
        &self,
        scans: &[(TableScan, Arc<dyn Source>)],
        before: &HashMap<TableReference, LogicalPlan>,
    ) -> Result<Update> {
        let plan = self.chain.visible_plan()?;
        let has_groups = regroups(&plan)?;
        let deleted = self.options.iter().find_map(|options| options.deleted);
        if has_groups && deleted == Some(Deleted::Keep) {
            return refused(
                "`delta_deleted=\"keep\"` for groups",
                "a group is computed from the rows that are there: `delta_deleted=\"drop\"`",
            );
        }
        let keeps_gone = !has_groups && deleted != Some(Deleted::Drop);
        let (sources, gone) = self.sources(scans, before, keeps_gone).await?;
        let is_unsafe = self.options.iter().all(|options| options.is_unsafe);
        let builder = Builder { queries: self.queries(), sources, is_unsafe, keeps_gone };
        let part = builder.part(&plan).await?;
        if let (Order::Lost(what), false) = (&part.order, is_unsafe) {
            return refused(format!("`order_by` of `{what}`"), "keep it in the result");
        }
        let values = self.values(&part, &plan)?;
        let base = Base::open(self.chain.session(), self.base, &values).await?;
        let mut touched: Vec<u128> = part.touched.iter().collect();
        touched.extend(self.retried(scans, &base, has_groups).await?);
        let touched: Arc<Units> = Arc::new(touched.into_iter().collect());
        if touched.is_empty() {
            return Ok(Update::Nothing);
        }
        let removed = base.places(self, &touched).await?;
        let gone = match has_groups {
            true => 0,
            false => removed.iter().filter(|(_, unit)| gone.contains(*unit)).count() as u64,
        };
        let removed = removed.into_iter().map(|(place, _)| place).collect();
        let rows = self.chain.with_plan(part.restricted(&touched, When::Now)?)?;
        let (chain, is_all) = match &part.order {
            Order::By(keys) => (base.sorted_with(&rows, keys, &touched)?, true),
            Order::Any | Order::Lost(_) => (rows, false),
        };
        Ok(Update::Rows(Box::new(Rows { chain, removed, gone, is_all })))
    }

    /// The sources that may differ, and the keys of rows that are gone.
    async fn sources(
        &self,
        scans: &[(TableScan, Arc<dyn Source>)],
        before: &HashMap<TableReference, LogicalPlan>,
        keeps_gone: bool,
    ) -> Result<(HashMap<TableReference, Known>, Units)> {
        let (mut known, mut all_gone) = (HashMap::new(), Vec::new());
        for (scan, _) in scans {
            let name = &scan.table_name;
            let now = LogicalPlan::TableScan(scan.clone());
            let source = self.chain.with_plan(now.clone())?;
            let options = self.options_of(name);
            let (keys, compared) = match &options {
                Some(options) => (keys_of(&source, options)?, compared(&source, options)?),
                // Nobody said what its rows are known by: by all that they are.
                None => (all_of(&source)?, Vec::new()),
            };
            let Some(then) = before.get(name) else {
                if options.is_some() {
                    let key = Key::By(keys);
                    known.insert(name.clone(), Known { before: now, key, touched: Arc::default() });
                }
                continue;
            };
            let exprs: Vec<_> = keys.iter().map(Value::expr).collect();
            let changes = self.queries().changes((&now, then), &exprs, &compared).await?;
            let stays = |unit: &u128| keeps_gone && options.is_some() && changes.gone.contains(*unit);
            let touched = changes.all.iter().filter(|unit| !stays(unit)).collect();
            all_gone.extend(changes.gone.iter());
            let (before, key, touched) = (then.clone(), Key::By(keys), Arc::new(touched));
            known.insert(name.clone(), Known { before, key, touched });
        }
        Ok((known, all_gone.into_iter().collect()))
    }

    fn options_of(&self, scan: &TableReference) -> Option<Arc<DeltaOptions>> {
        let mut all = self.chain.deltas().iter();
        all.find(|(name, _)| name == scan).map(|(_, options)| Arc::clone(options))
    }

    /// What rows of the result are known by.
    fn values(&self, part: &Part, plan: &LogicalPlan) -> Result<Vec<Value>> {
        let lost = match &part.key {
            Key::By(values) => return Ok(values.clone()),
            Key::Fixed => return Ok(Vec::new()),
            Key::Lost(what) => what,
        };
        let named = self.options.iter().find(|options| !options.result_on.is_empty());
        let Some(named) = named else {
            return Err(Error::NotSupported {
                what: format!("`delta=True` for a result without {lost}"),
                instead: "keep it, or name where the result has it: `delta_result_on=`".to_owned(),
            });
        };
        let result = self.chain.with_plan(plan.clone())?;
        let keys = DeltaOptions { on: named.result_on.clone(), ..DeltaOptions::default() };
        keys_of(&result, &keys)
    }

    /// What is computed again although it did not change.
    async fn retried(
        &self,
        scans: &[(TableScan, Arc<dyn Source>)],
        base: &Base,
        has_groups: bool,
    ) -> Result<Vec<u128>> {
        let mut retried: Vec<u128> = Vec::new();
        for (name, options) in self.chain.deltas() {
            let scan = scans.iter().find(|(scan, _)| scan.table_name == *name);
            let Some((scan, _)) = scan else { continue };
            let source = self.chain.with_plan(LogicalPlan::TableScan(scan.clone()))?;
            let keys: Vec<_> = keys_of(&source, options)?.iter().map(Value::expr).collect();
            match &options.retry {
                Retry::Nothing => {}
                Retry::Missing if has_groups => {
                    return refused("`delta_retry=True` for groups", "name a field of the result");
                }
                Retry::Missing => {
                    let known = self.queries().units(base.rows()?, base.keys.clone()).await?;
                    let now = self.queries().units(source.plan().clone(), keys).await?;
                    retried.extend(now.iter().filter(|unit| !known.contains(*unit)));
                }
                Retry::Failed(path) => {
                    let failed = self.queries().units(base.failed(path)?, base.keys.clone()).await?;
                    if has_groups || failed.is_empty() {
                        retried.extend(failed.iter());
                        continue;
                    }
                    // A result whose source is gone stays as it is.
                    let failed = Arc::new(failed);
                    let there = filtered(source.plan(), keys.clone(), &failed)?;
                    retried.extend(self.queries().units(there, keys).await?.iter());
                }
            }
        }
        Ok(retried)
    }
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

/// All values of a row.
fn all_of(source: &Chain) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    for (value, field) in source.own_columns() {
        if !has_digest(field.data_type()) {
            let what = format!("a changed source with values of type {}", kind_name(field.data_type()));
            return refused(what, "read it with `delta=True` and `delta_on=` too");
        }
        values.extend(Value::of(&value));
    }
    Ok(values)
}

/// The previous version of the result.
struct Base {
    chain: Chain,
    /// What its rows are known by.
    keys: Vec<PlanExpr>,
}

impl Base {
    async fn open(
        session: &Arc<Session>,
        record: &DatasetVersion,
        values: &[Value],
    ) -> Result<Self> {
        let dataset = session.open_version(record).await?;
        let chain = session.rows_of(record, dataset)?;
        let keys = values.iter().map(|value| {
            let of_base = |leaf: &Leaf| {
                let path = Value::Leaf(leaf.clone()).shown();
                let (value, _) = chain.resolver().path(&path)?;
                Leaf::of(&value).ok_or_else(|| Error::internal(format!("`{path}` is computed")))
            };
            Ok(match value {
                Value::Leaf(leaf) => Value::Leaf(of_base(leaf)?),
                Value::IsNull(leaf) => Value::IsNull(of_base(leaf)?),
                Value::Either(one, other) => Value::Either(of_base(one)?, of_base(other)?),
            }
            .expr())
        });
        let keys = keys.collect::<Result<_>>()?;
        Ok(Self { chain, keys })
    }

    fn rows(&self) -> Result<LogicalPlan> {
        Ok(self.chain.plan().clone())
    }

    /// Rows with something at a path, or in the one leaf of this name.
    fn failed(&self, path: &str) -> Result<LogicalPlan> {
        let (value, field) = match self.chain.resolver().path(path) {
            Ok(found) => found,
            Err(error) => match self.only_leaf(path) {
                Some(path) => self.chain.resolver().path(&path)?,
                None => return Err(error),
            },
        };
        let there = value.clone().is_not_null();
        let there = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => there.and(value.not_eq(lit(""))),
            _ => there,
        };
        let rows = LogicalPlanBuilder::from(self.chain.plan().clone());
        Ok(rows.filter(there)?.build()?)
    }

    /// The path of the only leaf that has the name.
    fn only_leaf(&self, name: &str) -> Option<String> {
        let mut found = Vec::new();
        let mut open: Vec<(String, DataType)> = self
            .chain
            .own_columns()
            .into_iter()
            .map(|(_, field)| (field.name().clone(), field.data_type().clone()))
            .collect();
        while let Some((path, kind)) = open.pop() {
            match kind {
                DataType::Struct(fields) => open.extend(fields.iter().map(|child| {
                    (format!("{path}.{}", child.name()), child.data_type().clone())
                })),
                _ if path.rsplit('.').next() == Some(name) => found.push(path),
                _ => {}
            }
        }
        match found.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// The places of rows with these keys, and the keys.
    async fn places(&self, updating: &Updating<'_>, units: &Arc<Units>) -> Result<Vec<(u64, u128)>> {
        let rows = filtered(self.chain.plan(), self.keys.clone(), units)?;
        let (sys, _) = self.chain.resolver().path(SYS)?;
        let columns = vec![
            get_field(sys, "id").alias("place"),
            row_digest(self.keys.clone()).alias("unit"),
        ];
        let plan = LogicalPlanBuilder::from(rows).project(columns)?.build()?;
        let (_, mut rows) = self.chain.with_plan(plan)?.stream(updating.progress).await?;
        let mut found = Vec::new();
        while let Some(batch) = rows.try_next().await? {
            let places: &UInt64Array = batch.column(0).as_primitive::<UInt64Type>();
            found.extend(places.values().iter().copied().zip(digests_in(batch.column(1))));
        }
        Ok(found)
    }

    /// The rows that stay with the new ones, sorted.
    fn sorted_with(
        &self,
        new: &Chain,
        keys: &[(Leaf, SortExpr)],
        units: &Arc<Units>,
    ) -> Result<Chain> {
        let stays = PlanExpr::Not(Box::new(among(self.keys.clone(), units)));
        let kept = LogicalPlanBuilder::from(self.chain.plan().clone()).filter(stays)?.build()?;
        let all = new.union(&self.chain.with_plan(kept)?)?;
        let mut sort = Vec::with_capacity(keys.len());
        for (leaf, key) in keys {
            let (expr, _) = all.resolver().path(&Value::Leaf(leaf.clone()).shown())?;
            expr.get_type(all.plan().schema())?;
            sort.push(SortExpr { expr, ..key.clone() });
        }
        let sort = Sort { expr: sort, input: Arc::new(all.plan().clone()), fetch: None };
        all.with_plan(LogicalPlan::Sort(sort))
    }
}
