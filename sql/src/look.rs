//! `SHOW`, `DESCRIBE` and `EXPLAIN`: what there is and what would be done, as rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::sql::parser::{ExplainStatement, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{
    DescribeAlias, ShowStatementFilter, ShowStatementFilterPosition, ShowStatementIn,
    ShowStatementOptions, Statement as SqlStatement,
};
use engine::Chain;

use crate::planner::Planner;
use crate::statement::{check_reads, keyword, parsed_query};
use crate::system::Rows;
use crate::type_text::type_text;
use crate::{Error, Result};

/// What a statement shows that is no query.
pub(crate) async fn at(planner: &mut Planner<'_>, statement: &SqlStatement) -> Result<Chain> {
    match statement {
        SqlStatement::ShowTables { show_options, .. } => {
            let filter = filter(show_options, "table_name", "SHOW TABLES")?;
            let text = format!(
                "SELECT table_catalog, table_schema, table_name, table_type \
                 FROM information_schema.tables \
                 WHERE table_type IN ('BASE TABLE', 'VIEW'){filter} \
                 ORDER BY table_catalog, table_schema, table_name"
            );
            planner.chain(parsed_query(&text)?).await
        }
        SqlStatement::ShowSchemas { show_options, .. }
        | SqlStatement::ShowDatabases { show_options, .. } => {
            let filter = filter(show_options, "schema_name", "SHOW SCHEMAS")?;
            let text = format!(
                "SELECT catalog_name, schema_name FROM information_schema.schemata \
                 WHERE true{filter} ORDER BY catalog_name, schema_name"
            );
            planner.chain(parsed_query(&text)?).await
        }
        SqlStatement::ShowColumns { show_options, .. } => {
            let table = match &show_options.show_in {
                Some(ShowStatementIn { parent_name: Some(name), .. }) => name.to_string(),
                _ => return Err(Error::refused("SHOW COLUMNS without FROM", "name the table")),
            };
            if show_options.filter_position.is_some() {
                return Err(Error::refused("a filter of SHOW COLUMNS", INFORMATION));
            }
            described(planner, &format!("SELECT * FROM {table}")).await
        }
        SqlStatement::ExplainTable { table_name, .. } => {
            described(planner, &format!("SELECT * FROM {table_name}")).await
        }
        SqlStatement::Explain {
            describe_alias: DescribeAlias::Describe | DescribeAlias::Desc,
            statement,
            ..
        } => described(planner, &statement.to_string()).await,
        other => Err(Error::only_reads(keyword(&other.to_string()))),
    }
}

const INFORMATION: &str = "ask `information_schema` with SELECT";

/// The conditions of a `SHOW`, as what follows the others.
fn filter(options: &ShowStatementOptions, column: &str, what: &str) -> Result<String> {
    let has_more = options.show_in.is_some()
        || options.starts_with.is_some()
        || options.limit.is_some()
        || options.limit_from.is_some();
    let filter = match &options.filter_position {
        None => None,
        Some(
            ShowStatementFilterPosition::Infix(filter)
            | ShowStatementFilterPosition::Suffix(filter),
        ) => Some(filter),
    };
    let quoted = |pattern: &str| pattern.replace('\'', "''");
    match filter {
        _ if has_more => Err(Error::refused(format!("{what} with more than LIKE"), INFORMATION)),
        None => Ok(String::new()),
        Some(ShowStatementFilter::Like(pattern)) => {
            Ok(format!(" AND {column} LIKE '{}'", quoted(pattern)))
        }
        Some(ShowStatementFilter::ILike(pattern)) => {
            Ok(format!(" AND {column} ILIKE '{}'", quoted(pattern)))
        }
        Some(_) => Err(Error::refused(format!("{what} with more than LIKE"), INFORMATION)),
    }
}

/// The columns of a query.
async fn described(planner: &mut Planner<'_>, text: &str) -> Result<Chain> {
    let query = parsed_query(text)?;
    if !matches!(query, SqlStatement::Query(_)) {
        return Err(Error::refused(
            format!("DESCRIBE {}", keyword(text)),
            "name a table or a query",
        ));
    }
    let chain = planner.chain(query).await?;
    columns(&chain.schema()).into_chain(planner.session)
}

fn columns(schema: &SchemaRef) -> Rows {
    let fields = schema.fields();
    Rows::new(fields.len())
        .texts("column_name", fields.iter().map(|field| Some(field.name().clone())))
        .texts("data_type", fields.iter().map(|field| Some(type_text(field.data_type()))))
        .texts("is_nullable", fields.iter().map(|field| Some(yes_or_no(field.is_nullable()))))
}

/// As the standard writes it.
pub(crate) fn yes_or_no(is_so: bool) -> String {
    if is_so { "YES".to_owned() } else { "NO".to_owned() }
}

/// The plan of a query, a line a row.
pub(crate) async fn explain(
    planner: &mut Planner<'_>,
    explained: &ExplainStatement,
) -> Result<Chain> {
    if explained.verbose || explained.format.is_some() {
        return Err(Error::refused("EXPLAIN with options", "use EXPLAIN or EXPLAIN ANALYZE"));
    }
    let query = match explained.statement.as_ref() {
        Parsed::Statement(inner) => match inner.as_ref() {
            SqlStatement::Query(query) => {
                check_reads(query)?;
                inner.as_ref().clone()
            }
            _ => {
                return Err(Error::refused(
                    "EXPLAIN of a statement that writes",
                    "explain its query",
                ));
            }
        },
        _ => return Err(Error::refused("EXPLAIN of a statement that writes", "explain its query")),
    };
    let chain = planner.chain(query).await?;
    let text = match explained.analyze {
        true => chain.explain_analyze(&Arc::default()).await?,
        false => chain.explain().await?,
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    Rows::new(lines.len()).texts("plan", lines.into_iter().map(Some)).into_chain(planner.session)
}
