//! [`fingerprint`]: what a plan is, as far as its rows go.
//!
//! Covers the versions, files or values that it reads, every expression with its constants, every user function with
//! its code, and the order of all that. The numbers that the session gives to its scans and steps do not count, nor how
//! functions are run.

use std::fmt::Write as _;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatchOptions;
use blake3::Hasher;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan, Volatility};

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
    Walk { functions, names: names_of(plan)?, ordered: true }.digest(plan)
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
    feed(&mut hasher, &walk.call(&node.call));
    if let Err(reason) = walk.expressions(&mut hasher, &node.call.arguments)? {
        return Ok(Err(reason));
    }
    let stage = hasher.finalize().to_hex().to_string();
    Ok(Ok(StageKey { stage, code: identity.code, keeps_input: !walk.ordered, fresh: false }))
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
                    feed(hasher, &self.call(&udf.call));
                } else if node.downcast_ref::<GroupRows>().is_some() {
                    feed(hasher, &self.renamed(&plan.display().to_string()));
                    for (_, field) in plan.schema().iter() {
                        feed(hasher, &described(field));
                    }
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
                for (_, field) in other.schema().iter() {
                    feed(hasher, &described(field));
                }
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
        for field in provider.schema().fields() {
            feed(hasher, &described(field));
        }
        let filters: Vec<String> = scan.filters.iter().map(ToString::to_string).collect();
        let (projection, fetch) = (&scan.projection, &scan.fetch);
        let rest = format!("{projection:?} {fetch:?} {}", filters.join(" and "));
        feed(hasher, &self.renamed(&rest));
        self.expressions(hasher, &scan.filters)
    }

    /// What a call is beside its code.
    fn call(&self, call: &Call) -> String {
        let mut text = format!("{:?} {:?}", call.shape, call.keep);
        for result in &call.results {
            // Writing to a text cannot fail.
            let _written = write!(text, " {}", described(result));
        }
        self.renamed(&text)
    }

    /// Adds the expressions: their text, and their constants, of which the text may show a part only.
    fn expressions(
        &mut self,
        hasher: &mut Hasher,
        expressions: &[Expr],
    ) -> PlanResult<Result<(), Reason>> {
        let mut trouble = None;
        for expression in expressions {
            feed(hasher, &self.renamed(&expression.to_string()));
            expression.apply(|part| {
                let query = match part {
                    Expr::ScalarSubquery(query) => Some(query),
                    Expr::InSubquery(found) => Some(&found.subquery),
                    Expr::Exists(exists) => Some(&exists.subquery),
                    Expr::SetComparison(compared) => Some(&compared.subquery),
                    _ => None,
                };
                if let Some(query) = query {
                    // The order of its rows is not the order of those that are compared with them.
                    let ordered = self.ordered;
                    match self.digest(&query.subquery)? {
                        Ok(digest) => feed(hasher, &digest),
                        Err(reason) => trouble = Some(reason),
                    }
                    self.ordered = ordered;
                }
                match part {
                    Expr::Literal(value, _) => feed(hasher, &constant(value)?),
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

    fn renamed(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, instead)| text.replace(name, instead))
    }
}

fn described(field: &Field) -> String {
    let mut metadata: Vec<_> = field.metadata().iter().collect();
    metadata.sort();
    format!("{} {} {} {metadata:?}", field.name(), field.data_type(), field.is_nullable())
}

fn constant(value: &ScalarValue) -> PlanResult<String> {
    let array = value.to_array()?;
    let schema = Schema::new(vec![Field::new("value", array.data_type().clone(), true)]);
    let row =
        RecordBatch::try_new_with_options(schema.into(), vec![array], &RecordBatchOptions::new())?;
    Ok(format!("{} {}", value.data_type(), Content::of([&row])))
}
