//! [`UserFunction`]: a function of the user's that a query calls wherever a scalar function may stand.
//!
//! The planner meets a [stand-in](UserFunction::stand_in), which has a type and computes nothing. In the plan each call
//! becomes a column of a `map` below the step that it stood in ([`staged`]): the function is called for every row that
//! reaches the step.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, plan_err};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use engine::{Chain, Stage};

use crate::{Error, Result};

/// Makes the stage that calls the function: given what its arguments are, what each is read by, and the name of the
/// result.
type Make = dyn Fn(&[(String, FieldRef)], &str) -> engine::Result<Stage> + Send + Sync;

/// A function of rows.
#[derive(Clone)]
pub struct UserFunction {
    result: FieldRef,
    make: Arc<Make>,
}

impl UserFunction {
    /// A function that gives one value a row. `make` is given names and types of its arguments and the name of its
    /// result.
    pub fn new(
        result: FieldRef,
        make: impl Fn(&[(String, FieldRef)], &str) -> engine::Result<Stage> + Send + Sync + 'static,
    ) -> Self {
        Self { result, make: Arc::new(make) }
    }

    /// What stands for it until the plan is made.
    pub(crate) fn stand_in(&self, name: &str) -> ScalarUDF {
        let signature = Signature::variadic_any(Volatility::Stable);
        let (name, result) = (name.to_owned(), Arc::clone(&self.result));
        ScalarUDF::from(StandIn { name, result, signature })
    }
}

impl fmt::Debug for UserFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserFunction").field("result", &self.result).finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq, Eq)]
struct StandIn {
    name: String,
    result: FieldRef,
    signature: Signature,
}

impl Hash for StandIn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for StandIn {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> PlanResult<DataType> {
        Ok(self.result.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> PlanResult<FieldRef> {
        Ok(Arc::new(self.result.as_ref().clone().with_name(&self.name).with_nullable(true)))
    }

    fn invoke_with_args(&self, _call: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        plan_err!("`{}` is called in a place where functions of yours cannot be", self.name)
    }
}

/// The chain whose calls of the functions are stages of its plan.
///
/// # Errors
/// [`Error::NotSupported`] for a call where there is no step of its own to put it before.
pub(crate) fn staged(chain: Chain, functions: &HashMap<String, UserFunction>) -> Result<Chain> {
    if functions.is_empty() {
        return Ok(chain);
    }
    let mut stages = Stages { functions, chain: chain.clone(), failed: None };
    let staged =
        chain.plan().clone().transform_up_with_subqueries(|plan| match stages.staged_in(&plan) {
            Ok(Some(staged)) => Ok(Transformed::yes(staged)),
            Ok(None) => Ok(Transformed::no(plan)),
            Err(error) => {
                let text = error.to_string();
                stages.failed.get_or_insert(error);
                plan_err!("{text}")
            }
        });
    match (stages.failed.take(), staged) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(Error::about("", &error)),
        (None, Ok(staged)) if !staged.transformed => Ok(chain),
        (None, Ok(staged)) => {
            let session = Arc::clone(chain.session());
            Ok(Chain::from_plan(session, staged.data, &[chain, stages.chain]))
        }
    }
}

/// Calls under way; `chain` has all functions of those that became stages.
struct Stages<'a> {
    functions: &'a HashMap<String, UserFunction>,
    chain: Chain,
    failed: Option<Error>,
}

impl Stages<'_> {
    /// The step with stages below it; `None` where it calls nothing.
    fn staged_in(&mut self, plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        let about = |error| Error::about("", &error);
        let before = plan.expressions();
        let Some(first) = before.iter().find_map(|expr| self.innermost(expr)) else {
            return Ok(None);
        };
        let is_step = matches!(
            plan,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Window(_)
        );
        let inputs = plan.inputs();
        let [input] = inputs.as_slice() else { return Err(misplaced(&first)) };
        if !is_step {
            return Err(misplaced(&first));
        }
        let (mut input, mut exprs) = ((*input).clone(), before.clone());
        let mut next = Some(first);
        while let Some(call) = next {
            let result = self.stage(&mut input, &call)?;
            let whole = Expr::ScalarFunction(call);
            for expr in &mut exprs {
                *expr = replaced(expr.clone(), &whole, &result).map_err(about)?;
            }
            next = exprs.iter().find_map(|expr| self.innermost(expr));
        }
        if matches!(plan, LogicalPlan::Projection(_)) {
            exprs = before.iter().zip(exprs).map(|(old, new)| named_as(old, new)).collect();
        }
        let made = plan.with_new_exprs(exprs, vec![input]).map_err(about)?;
        restored(plan.schema(), made).map(Some).map_err(about)
    }

    /// A call whose arguments hold no other.
    fn innermost(&self, expr: &Expr) -> Option<ScalarFunction> {
        let mut found = None;
        // Nothing in the visit fails.
        drop(expr.apply(|part| {
            if let Expr::ScalarFunction(call) = part
                && self.functions.contains_key(call.name())
                && call.func.inner().downcast_ref::<StandIn>().is_some()
            {
                let nested = call.args.iter().find_map(|argument| self.innermost(argument));
                found = Some(nested.unwrap_or_else(|| call.clone()));
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        }));
        found
    }

    /// Calls a function on the rows of an input; the column of its results.
    fn stage(&mut self, input: &mut LogicalPlan, call: &ScalarFunction) -> Result<Expr> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let about = |error| Error::about("", &error);
        if call.args.iter().any(Expr::contains_outer) {
            return Err(misplaced(call));
        }
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let mut columns: Vec<Expr> =
            input.schema().columns().into_iter().map(Expr::Column).collect();
        let mut arguments = Vec::with_capacity(call.args.len());
        for (at, argument) in call.args.iter().enumerate() {
            let name = format!("call {number} argument {at}");
            let (_, field) = argument.to_field(input.schema()).map_err(about)?;
            columns.push(argument.clone().alias(&name));
            arguments.push((name, field));
        }
        let builder = LogicalPlanBuilder::from(input.clone()).project(columns).map_err(about)?;
        let projected = builder.build().map_err(about)?;
        let result = format!("call {number}");
        let stage = (self.functions[call.name()].make)(&arguments, &result)?;
        let session = Arc::clone(self.chain.session());
        let before = Chain::from_plan(session, projected, slice::from_ref(&self.chain));
        self.chain = before.map(stage)?;
        *input = self.chain.plan().clone();
        Ok(Expr::Column(Column::from_name(result)))
    }
}

/// The expression with a column in the place of a call.
fn replaced(expr: Expr, call: &Expr, result: &Expr) -> PlanResult<Expr> {
    let replace = |part: Expr| match part == *call {
        true => Ok(Transformed::yes(result.clone())),
        false => Ok(Transformed::no(part)),
    };
    Ok(expr.transform_up(replace)?.data)
}

/// The new expression under the name that the old one gave its column.
fn named_as(old: &Expr, new: Expr) -> Expr {
    match old == &new {
        true => new,
        false => {
            let (qualifier, name) = old.qualified_name();
            new.unalias().alias_qualified(qualifier, name)
        }
    }
}

/// The step with the columns that it had: others came from below, and some have other names.
fn restored(schema: &DFSchema, made: LogicalPlan) -> PlanResult<LogicalPlan> {
    let (before, after) = (schema.fields().len(), made.schema().fields().len());
    let is_same = before == after && schema.columns() == made.schema().columns();
    if is_same {
        return Ok(made);
    }
    let computed = match &made {
        LogicalPlan::Window(window) => window.window_expr.len(),
        LogicalPlan::Aggregate(_) | LogicalPlan::Projection(_) => before,
        _ => 0,
    };
    let found = made.schema().columns();
    let columns = schema.columns().into_iter().enumerate().map(|(at, old)| {
        let is_computed = at + computed >= before;
        let new = if is_computed { found[after + at - before].clone() } else { old.clone() };
        match new == old {
            true => Expr::Column(new),
            false => Expr::Column(new).alias_qualified(old.relation.clone(), old.name),
        }
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(made).project(columns)?.build()
}

fn misplaced(call: &ScalarFunction) -> Error {
    Error::refused(
        format!("`{}` in this place", call.name()),
        "functions of yours stand in SELECT, WHERE, GROUP BY, HAVING and ORDER BY; \
                  compute it as a column of a subquery first",
    )
}
