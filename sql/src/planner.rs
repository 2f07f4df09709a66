//! [`query`] and [`read`]: open the tables, plan. [`Planner`]: the same for several queries of one statement.

use std::collections::HashSet;
use std::sync::Arc;

use catalog::near_names;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue, plan_err};
use datafusion::error::Result as PlanResult;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use engine::{Chain, Session};

use crate::column_aliases::{unknown_name, with_alias_spelled};
use crate::conversions::with_written_values;
use crate::functions::staged;
use crate::inferred_types::inferred;
use crate::inputs::Inputs;
use crate::instants::in_microseconds;
use crate::lateral_unnest::unnest_beside;
use crate::look;
use crate::relation::Relations;
use crate::row_in::check_rows;
use crate::spellings::{spell_calls, spelled_names};
use crate::statement::{Statement, check_reads};
use crate::summary::summary;
use crate::type_of::with_types;
use crate::{Error, Result};

/// The chain that a reading statement describes, one without parameters.
///
/// Reads the catalog and the datasets' manifests, so that names, versions and types are checked now; rows are read
/// when the chain runs.
///
/// # Errors
/// As [`Statement::parse`] and [`read`].
pub async fn query(session: &Arc<Session>, text: &str) -> Result<Chain> {
    let statement = Statement::parse(text)?;
    Box::pin(read(session, &statement, &Inputs::default())).await
}

/// The chain that a reading statement describes: `SELECT`, `WITH`, `VALUES`, `SHOW`, `DESCRIBE` or `EXPLAIN`.
///
/// # Errors
/// [`Error::NotSupported`] for statements that do more than read, [`Error::Plan`] for unknown columns and wrong types,
/// [`Error::Parameter`] for values that are missing or too many, [`Error::Engine`] for unknown datasets.
pub async fn read(session: &Arc<Session>, statement: &Statement, inputs: &Inputs) -> Result<Chain> {
    Box::pin(Planner::new(session, statement, inputs)?.read(statement)).await
}

/// The same with parameters in the plan, whose values are given later.
///
/// # Errors
/// As [`read`], but for those of values.
pub async fn prepare(session: &Arc<Session>, statement: &Statement) -> Result<Chain> {
    prepare_as(session, statement, &[]).await
}

/// The same where the types of `$1`, `$2`, and so on are told; those of others follow from where they stand.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_as(
    session: &Arc<Session>,
    statement: &Statement,
    types: &[Option<DataType>],
) -> Result<Chain> {
    let inputs = Inputs::default();
    let mut planner = Planner::unbound(session, statement, &inputs).telling(types);
    Box::pin(planner.read(statement)).await
}

/// What plans the queries of one statement, whose tables stay what they are.
pub(crate) struct Planner<'a> {
    pub(crate) session: &'a Arc<Session>,
    pub(crate) relations: Relations<'a>,
    inputs: &'a Inputs,
    text: &'a str,
    /// The types of parameters that are known before their values are.
    types: Vec<Option<FieldRef>>,
    parameters: Vec<ScalarValue>,
}

impl<'a> Planner<'a> {
    /// # Errors
    /// [`Error::Parameter`] when values and parameters do not fit.
    pub(crate) fn new(
        session: &'a Arc<Session>,
        statement: &'a Statement,
        inputs: &'a Inputs,
    ) -> Result<Self> {
        let parameters = statement.asked.values(&inputs.parameters)?;
        let types = parameters.iter().map(typed).collect();
        Ok(Self { types, parameters, ..Self::unbound(session, statement, inputs) })
    }

    /// The rows of a view, whose text has no parameters.
    pub(crate) fn of_view(
        relations: Relations<'a>,
        statement: &'a Statement,
        inputs: &'a Inputs,
    ) -> Self {
        let session = relations.session();
        Self { relations, ..Self::unbound(session, statement, inputs) }
    }

    /// One whose parameters stay in the plans.
    pub(crate) fn unbound(
        session: &'a Arc<Session>,
        statement: &'a Statement,
        inputs: &'a Inputs,
    ) -> Self {
        let relations = Relations::new(session, inputs);
        let (text, types, parameters) = (statement.text(), Vec::new(), Vec::new());
        Self { session, relations, inputs, text, types, parameters }
    }

    /// The same where the types of `$1`, `$2`, and so on are told.
    pub(crate) fn telling(self, types: &[Option<DataType>]) -> Self {
        let field = |kind: &DataType| Arc::new(Field::new("", kind.clone(), true));
        let types = types.iter().map(|kind| kind.as_ref().map(field)).collect();
        Self { types, ..self }
    }

    pub(crate) async fn read(&mut self, statement: &Statement) -> Result<Chain> {
        match &statement.parsed {
            Parsed::Statement(inner) => match inner.as_ref() {
                SqlStatement::Query(query) => {
                    check_reads(query)?;
                    match statement.is_summary {
                        true => Box::pin(summary(self, inner)).await,
                        false => self.chain(inner.as_ref().clone()).await,
                    }
                }
                other => Box::pin(look::at(self, other)).await,
            },
            Parsed::Explain(explained) => look::explain(self, explained).await,
            _ => Err(Error::only_reads(statement.keyword())),
        }
    }

    /// The chain that a query describes.
    pub(crate) async fn chain(&mut self, query: SqlStatement) -> Result<Chain> {
        Box::pin(self.planned(query)).await
    }

    async fn planned(&mut self, mut query: SqlStatement) -> Result<Chain> {
        let text = self.text;
        let about = |error| Error::about(text, &error);
        spell_calls(&mut query, &|name| self.inputs.functions.contains_key(name))?;
        let statement = Parsed::Statement(Box::new(query.clone()));
        // Identifiers are taken as written, everywhere below.
        let (references, _) = resolve_table_references(&statement, false).map_err(about)?;
        self.relations.open(references).await?;
        let mut planned = self.plan(query.clone());
        while let Err(error) = &planned
            && let Some(name) = unknown_name(error)
            && with_alias_spelled(&mut query, name)
        {
            planned = self.plan(query.clone());
        }
        let plan = planned.map_err(|error| self.with_near_functions(about(error)))?;
        check_names(&plan).map_err(about)?;
        let chain = Chain::from_plan(Arc::clone(self.session), plan, self.relations.chains());
        staged(chain, &self.inputs.functions)
    }

    /// The error about a function that there is not, with those that are called much like it.
    fn with_near_functions(&self, error: Error) -> Error {
        let Error::Plan { reason } = &error else { return error };
        let Some(name) = reason.strip_prefix("Invalid function '") else { return error };
        let name = name.split('\'').next().unwrap_or_default();
        let mut names = self.relations.function_names();
        names.extend(spelled_names().map(str::to_owned));
        if names.iter().any(|known| known == name) {
            let reason = format!("`{name}` does not take so many arguments");
            return Error::Plan { reason };
        }
        names.sort_unstable();
        names.dedup();
        let hint = match near_names(name, names.iter().map(String::as_str)).as_slice() {
            [] => String::new(),
            near => format!("; did you mean `{}`?", near.join("`, `")),
        };
        Error::Plan { reason: format!("unknown function `{name}`{hint}") }
    }

    /// Plans and coerces types, so that the schema is the one of the rows.
    fn plan(&self, query: SqlStatement) -> PlanResult<LogicalPlan> {
        let options = ParserOptions::new()
            .with_enable_ident_normalization(false)
            .with_map_string_types_to_utf8view(false);
        let types = self.types.clone();
        let mut context = PlannerContext::new().with_prepare_param_data_types(types);
        let plan = SqlToRel::new_with_options(&self.relations, options)
            .sql_statement_to_plan_with_context(query, &mut context)?;
        check_rows(&plan)?;
        let plan = with_types(in_microseconds(unnest_beside(plan)?)?)?;
        let plan = match self.parameters.as_slice() {
            [] => inferred(plan)?,
            values => plan.with_param_values(ParamValues::from(values.to_vec()))?,
        };
        let state: &SessionState = self.session.state();
        let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
        with_written_values(plan, state)
    }
}

/// The type of a value; of a null it follows from where it stands.
fn typed(value: &ScalarValue) -> Option<FieldRef> {
    let kind = value.data_type();
    (!kind.is_null()).then(|| Arc::new(Field::new("", kind, true)))
}

/// A column of a dataset needs a name of its own.
fn check_names(plan: &LogicalPlan) -> PlanResult<()> {
    let mut seen = HashSet::new();
    let twice = |name: &String| plan_err!("two columns are named `{name}`: rename one with AS");
    for field in plan.schema().fields() {
        if field.name() == "sys" {
            return plan_err!(
                "`sys` is the name of a column that every row has: rename it with AS"
            );
        }
        if !seen.insert(field.name()) {
            return twice(field.name());
        }
    }
    let mut outcome = Ok(());
    plan.apply(|step| {
        if let LogicalPlan::SubqueryAlias(alias) = step
            && let LogicalPlan::Projection(shown) = alias.input.as_ref()
            && let Some(name) = shown.expr.iter().find_map(|expr| second_of_two(expr, &seen))
        {
            outcome = twice(name);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    outcome
}

/// The name of a column of a query in parentheses that DataFusion calls `a:1`, because another is called `a`; where it is
/// shown.
fn second_of_two<'e>(expr: &'e Expr, shown: &HashSet<&String>) -> Option<&'e String> {
    let Expr::Alias(alias) = expr else { return None };
    let Expr::Column(column) = alias.expr.as_ref() else { return None };
    let number = alias.name.strip_prefix(&column.name)?.strip_prefix(':')?;
    let is_second = number.parse::<usize>().is_ok() && shown.contains(&alias.name);
    is_second.then_some(&column.name)
}
