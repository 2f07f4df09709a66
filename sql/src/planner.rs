//! [`query`]: parse, open the datasets, plan.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{SetExpr, Statement as SqlStatement};
use engine::{Chain, Session};

use crate::distinct_from::bind_tightly;
use crate::leaf_names::name_leaves;
use crate::relation::Relations;
use crate::shared_columns::name_shared;
use crate::{Error, Result};

/// The chain that a `SELECT`, `WITH` or `VALUES` statement describes.
///
/// Reads the catalog and the datasets' manifests, so that names, versions and types are checked now; rows are read
/// when the chain runs.
///
/// # Errors
/// [`Error::Syntax`], [`Error::NotSupported`] for statements that do more than read, [`Error::Plan`] for unknown
/// columns and wrong types, [`Error::Engine`] for unknown datasets.
pub async fn query(session: &Arc<Session>, text: &str) -> Result<Chain> {
    let about = |error: DataFusionError| Error::about(text, &error);
    let statement = parse(text)?;
    // Identifiers are taken as written, everywhere below.
    let (references, _) = resolve_table_references(&statement, false).map_err(about)?;
    let relations = Relations::open(session, references).await?;
    let plan = plan(session.state(), &relations, statement).map_err(about)?;
    check_names(&plan)?;
    Ok(Chain::from_plan(Arc::clone(session), plan, &relations.into_chains()))
}

/// The one statement of the text, which only reads.
fn parse(text: &str) -> Result<Statement> {
    let mut statements = DFParser::parse_sql(text).map_err(|error| Error::about(text, &error))?;
    let (Some(mut statement), count) = (statements.pop_front(), statements.len()) else {
        return Err(Error::NotSupported { what: "an empty text".to_owned() });
    };
    if count > 0 {
        return Err(Error::NotSupported { what: format!("a text of {} statements", count + 1) });
    }
    let inner = match &mut statement {
        Statement::Statement(inner) => inner.as_mut(),
        other => return Err(unsupported(&other.to_string())),
    };
    let SqlStatement::Query(query) = inner else {
        return Err(unsupported(&inner.to_string()));
    };
    match query.body.as_ref() {
        SetExpr::Insert(inner)
        | SetExpr::Update(inner)
        | SetExpr::Delete(inner)
        | SetExpr::Merge(inner) => Err(unsupported(&inner.to_string())),
        _ => {
            bind_tightly(inner);
            name_shared(inner)?;
            name_leaves(inner);
            Ok(statement)
        }
    }
}

fn unsupported(statement: &str) -> Error {
    let keyword = statement.split_whitespace().next().unwrap_or_default().to_uppercase();
    Error::NotSupported { what: format!("`{keyword}`") }
}

/// Plans and coerces types, so that the schema is the one of the rows.
fn plan(
    state: &SessionState,
    relations: &Relations<'_>,
    statement: Statement,
) -> PlanResult<LogicalPlan> {
    let options = ParserOptions::new()
        .with_enable_ident_normalization(false)
        .with_map_string_types_to_utf8view(false);
    let plan = SqlToRel::new_with_options(relations, options).statement_to_plan(statement)?;
    state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})
}

/// A column of a dataset needs a name of its own.
fn check_names(plan: &LogicalPlan) -> Result<()> {
    let mut seen = HashSet::new();
    let twice = plan.schema().fields().iter().find(|field| !seen.insert(field.name()));
    match twice {
        Some(field) => Err(Error::Plan {
            reason: format!("two columns are named `{}`: rename one with AS", field.name()),
        }),
        None => Ok(()),
    }
}
