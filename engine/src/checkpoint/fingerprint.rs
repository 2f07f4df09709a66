//! [`fingerprint`]: what a plan is, as far as its rows go.
//!
//! Covers the versions, files or values that it reads, every expression with its constants, every user function with
//! its code, and the order of all that. The numbers that the session gives to its scans and steps do not count, nor how
//! functions are run.

use std::hash::{Hash, Hasher as StdHasher};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, FieldRef, Schema};
use arrow::record_batch::RecordBatchOptions;
use blake3::Hasher;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery, TableScan, Volatility};
use udf_runtime::Identity;

use super::Content;
use crate::logical::{Call, GroupRows, StageKey, Udf};
use crate::physical::Functions;
use crate::source::identity_of;

/// Why a plan has no fingerprint, in words for users.
pub(crate) type Reason = String;

/// The plan's fingerprint, hexadecimal text, or why it has none.
pub(crate) fn fingerprint(
    plan: &LogicalPlan,
    functions: &Functions,
) -> PlanResult<Result<String, Reason>> {
    let rows = Walk { functions, names: names_of(plan)?, ordered: true }.digest(plan)?;
    let mut hasher = Hasher::new();
    describe(&mut hasher, plan.schema().fields());
    plan.apply_with_subqueries(|node| {
        // So many rows may fail: no kept result depends on that, but whether there is a whole one does.
        if let LogicalPlan::Extension(extension) = node
            && let Some(udf) = extension.node.as_any().downcast_ref::<Udf>()
        {
            feed(&mut hasher, &format!("{:?}", udf.call.running.max_failures));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(rows.map(|rows| {
        feed(&mut hasher, &rows);
        hasher.finalize().to_hex().to_string()
    }))
}

/// The stage that a node is, apart from what its code is, or why it cannot be told.
pub(crate) fn stage_key(node: &Udf, functions: &Functions) -> PlanResult<Result<StageKey, Reason>> {
    let identity = match functions.identity(node.call.function) {
        Ok(identity) => identity,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut walk = Walk { functions, names: names_of(&node.input)?, ordered: true };
    let input = match walk.digest(&node.input)? {
        Ok(input) => input,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut hasher = Hasher::new();
    feed(&mut hasher, &input);
    feed(&mut hasher, &identity.stage);
    walk.call(&mut hasher, &node.call);
    if let Err(reason) = walk.expressions(&mut hasher, &node.call.arguments)? {
        return Ok(Err(reason));
    }
    let stage = hasher.finalize().to_hex().to_string();
    let Identity { code, origin, .. } = identity;
    Ok(Ok(StageKey { stage, code, origin, keeps_input: !walk.ordered, fresh: false }))
}

/// The qualifiers in a plan, longest first, with what they are called instead.
fn names_of(plan: &LogicalPlan) -> PlanResult<Vec<(String, String)>> {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut add = |name: &TableReference| {
        let name = name.to_string();
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, format!("table {}", names.len())));
        }
    };
    plan.apply_with_subqueries(|node| {
        node.schema().iter().filter_map(|(qualifier, _)| qualifier).for_each(&mut add);
        Ok(TreeNodeRecursion::Continue)
    })?;
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    Ok(names)
}

/// Adds a text in a way that two texts cannot be taken for others.
fn feed(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

struct Walk<'a> {
    functions: &'a Functions,
    names: Vec<(String, String)>,
    /// Only sources, row-wise steps and functions so far: the rows come in the same order each time.
    ordered: bool,
}

impl Walk<'_> {
    fn digest(&mut self, plan: &LogicalPlan) -> PlanResult<Result<String, Reason>> {
        let mut hasher = Hasher::new();
        match self.node(&mut hasher, plan)? {
            Ok(()) => {}
            Err(reason) => return Ok(Err(reason)),
        }
        for input in plan.inputs() {
            match self.digest(input)? {
                Ok(digest) => feed(&mut hasher, &digest),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(hasher.finalize().to_hex().to_string()))
    }

    fn node(&mut self, hasher: &mut Hasher, plan: &LogicalPlan) -> PlanResult<Result<(), Reason>> {
        match plan {
            LogicalPlan::TableScan(scan) => return self.scan(hasher, scan),
            LogicalPlan::Extension(extension) => {
                let node = extension.node.as_any();
                if let Some(udf) = node.downcast_ref::<Udf>() {
                    match self.functions.identity(udf.call.function) {
                        Ok(identity) => {
                            feed(hasher, &identity.stage);
                            feed(hasher, &identity.code);
                        }
                        Err(reason) => return Ok(Err(reason)),
                    }
                    self.call(hasher, &udf.call);
                } else if node.downcast_ref::<GroupRows>().is_some() {
                    feed(hasher, &self.renamed(&plan.display().to_string()));
                } else {
                    return Ok(Err(format!("the step `{}` is not known", extension.node.name())));
                }
            }
            other => {
                self.ordered &= matches!(
                    other,
                    LogicalPlan::Projection(_)
                        | LogicalPlan::Filter(_)
                        | LogicalPlan::SubqueryAlias(_)
                        | LogicalPlan::Limit(_)
                        | LogicalPlan::EmptyRelation(_)
                );
                feed(hasher, &self.renamed(&other.display().to_string()));
                describe(hasher, other.schema().fields());
            }
        }
        self.expressions(hasher, &plan.expressions())
    }

    fn scan(&mut self, hasher: &mut Hasher, scan: &TableScan) -> PlanResult<Result<(), Reason>> {
        let provider = source_as_provider(&scan.source)?;
        match identity_of(provider.as_ref()) {
            Ok(identity) => feed(hasher, &identity),
            Err(reason) => return Ok(Err(reason)),
        }
        // What the rows are called and how they are typed is not in what they hold.
        describe(hasher, provider.schema().fields());
        let filters: Vec<String> = scan.filters.iter().map(ToString::to_string).collect();
        let (projection, fetch) = (&scan.projection, &scan.fetch);
        let rest = format!("{projection:?} {fetch:?} {}", filters.join(" and "));
        feed(hasher, &self.renamed(&rest));
        self.expressions(hasher, &scan.filters)
    }

    /// What a call is beside its code.
    fn call(&self, hasher: &mut Hasher, call: &Call) {
        feed(hasher, &self.renamed(&format!("{:?} {:?}", call.shape, call.keep)));
        describe(hasher, &call.results);
    }

    /// Adds the expressions: their text, their constants, of which the text may show a part only, and their queries.
    fn expressions(
        &mut self,
        hasher: &mut Hasher,
        expressions: &[Expr],
    ) -> PlanResult<Result<(), Reason>> {
        let mut trouble = None;
        for expression in expressions {
            feed(hasher, &self.renamed(&expression.to_string()));
            expression.apply(|part| {
                match part {
                    Expr::Literal(value, _) => feed(hasher, &constant(value)?),
                    Expr::ScalarSubquery(query) => trouble = self.query(hasher, query)?,
                    Expr::InSubquery(found) => trouble = self.query(hasher, &found.subquery)?,
                    Expr::Exists(found) => trouble = self.query(hasher, &found.subquery)?,
                    Expr::SetComparison(found) => trouble = self.query(hasher, &found.subquery)?,
                    Expr::ScalarFunction(call)
                        if call.func.signature().volatility != Volatility::Immutable =>
                    {
                        trouble = Some(format!("`{}()` differs each time", call.name()));
                    }
                    _ => {}
                }
                let next = if trouble.is_some() {
                    TreeNodeRecursion::Stop
                } else {
                    TreeNodeRecursion::Continue
                };
                Ok(next)
            })?;
        }
        Ok(trouble.map_or(Ok(()), Err))
    }

    /// Adds a query inside of an expression; it becomes a join, whose rows have no order.
    fn query(&mut self, hasher: &mut Hasher, query: &Subquery) -> PlanResult<Option<Reason>> {
        let outcome = self.digest(&query.subquery)?.map(|digest| feed(hasher, &digest));
        self.ordered = false;
        Ok(outcome.err())
    }

    fn renamed(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, instead)| text.replace(name, instead))
    }
}

/// Adds names, types, nullability and metadata, at any depth.
fn describe(hasher: &mut Hasher, fields: &[FieldRef]) {
    fields.hash(&mut Described(hasher));
}

/// A digest for what can be hashed: Arrow hashes metadata in the order of its keys.
struct Described<'a>(&'a mut Hasher);

impl StdHasher for Described<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: the digest is taken of what was added.
    fn finish(&self) -> u64 {
        0
    }
}

fn constant(value: &ScalarValue) -> PlanResult<String> {
    let array = value.to_array()?;
    let schema = Schema::new(vec![Field::new("value", array.data_type().clone(), true)]);
    let row =
        RecordBatch::try_new_with_options(schema.into(), vec![array], &RecordBatchOptions::new())?;
    Ok(format!("{} {}", value.data_type(), Content::of([&row])))
}
