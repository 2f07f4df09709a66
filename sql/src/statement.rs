//! [`Statement`]: a text that was read, and what it needs from whoever runs it.

use std::collections::VecDeque;
use std::mem;

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{CopyToSource, DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, SetExpr, Statement as SqlStatement,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::arrows::{folded, marked};
use crate::as_of::tokens;
use crate::distinct_from::bind_tightly;
use crate::leaf_names::name_leaves;
use crate::parameters::{Asked, number};
use crate::recursion::name_recursive;
use crate::row_in::compare_rows;
use crate::set_operators::check_set_operators;
use crate::shared_columns::name_shared;
use crate::short_forms::spell_out;
use crate::summary::{is_summary, summarized_query};
use crate::table_functions::spell_tables;
use crate::table_names::name_tables;
use crate::time_patterns::spell_patterns;
use crate::words::worded;
use crate::{Error, Result};

/// One statement of SQL. Nothing is known yet of the tables that it names.
#[derive(Clone, Debug)]
pub struct Statement {
    text: String,
    pub(crate) parsed: Parsed,
    pub(crate) asked: Asked,
    /// Whether what is asked for is not its query's rows, but what their columns are like.
    pub(crate) is_summary: bool,
    files: Vec<String>,
}

impl Statement {
    /// Reads the one statement of a text.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::NotSupported`] for a text of none or several, [`Error::Plan`] for parameters and
    /// tables that are written in another way.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of(text, parsed(text)?)
    }

    /// What was [`parsed`], perhaps with other names of tables.
    ///
    /// # Errors
    /// [`Error::Plan`] for parameters and tables that are written in another way.
    pub fn of(text: &str, mut parsed: Parsed) -> Result<Self> {
        let (mut asked, mut files) = (Asked::default(), Vec::new());
        with_inner(&mut parsed, |inner| {
            asked = number(inner)?;
            spell_tables(inner)?;
            files = name_tables(inner)?;
            restate(inner)
        })?;
        let is_summary = is_summary(&tokens(text)?);
        Ok(Self { text: text.to_owned(), parsed, asked, is_summary, files })
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files among its tables: the paths that stand in quotes.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The names of its parameters that are no numbers.
    #[must_use]
    pub fn parameter_names(&self) -> &[String] {
        &self.asked.names
    }

    /// How many values its numbered parameters take.
    #[must_use]
    pub fn parameter_places(&self) -> usize {
        self.asked.places.last().copied().unwrap_or_default()
    }

    /// Whether it does more than read.
    #[must_use]
    pub fn writes(&self) -> bool {
        match &self.parsed {
            Parsed::Explain(_) => false,
            Parsed::Statement(inner) => !matches!(
                inner.as_ref(),
                SqlStatement::Query(_)
                    | SqlStatement::Explain { .. }
                    | SqlStatement::ExplainTable { .. }
                    | SqlStatement::ShowTables { .. }
                    | SqlStatement::ShowColumns { .. }
                    | SqlStatement::ShowSchemas { .. }
                    | SqlStatement::ShowDatabases { .. }
            ),
            _ => true,
        }
    }

    /// The query of a `CREATE VIEW`, with nothing said in other words.
    pub(crate) fn view_query(&self) -> Result<String> {
        if let Parsed::Statement(inner) = parsed(&self.text)?
            && let SqlStatement::CreateView(create) = *inner
        {
            return Ok(create.query.to_string());
        }
        Err(Error::Plan { reason: format!("{} makes no view", self.keyword()) })
    }

    /// The keyword that it begins with.
    pub(crate) fn keyword(&self) -> String {
        keyword(&self.parsed.to_string())
    }
}

/// The one statement of a text, as it is written but for `FOR VERSION AS OF`, which is a part of names.
///
/// # Errors
/// [`Error::Syntax`], [`Error::NotSupported`] for a text of none or several.
pub fn parsed(text: &str) -> Result<Parsed> {
    let mut statements = all_parsed(text)?;
    match (statements.pop_front(), statements.len()) {
        (None, _) => Err(Error::only_one("an empty text".to_owned())),
        (Some(parsed), 0) => Ok(parsed),
        (Some(_), more) => Err(Error::only_one(format!("a text of {} statements", more + 1))),
    }
}

/// The statements of a text, as the parser sees them.
fn all_parsed(text: &str) -> Result<VecDeque<Parsed>> {
    let tokens = worded(tokens(text)?)?;
    let tokens = if is_summary(&tokens) { summarized_query(tokens) } else { tokens };
    let mut statements = DFParserBuilder::new(marked(tokens))
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| Error::about(text, &error))?;
    statements.iter_mut().for_each(fold);
    Ok(statements)
}

/// The operators on JSON in their places.
fn fold(parsed: &mut Parsed) {
    match parsed {
        Parsed::Statement(inner) => folded(inner.as_mut()),
        Parsed::Explain(explained) => fold(&mut explained.statement),
        Parsed::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                folded(query.as_mut());
            }
        }
        Parsed::CreateExternalTable(_) | Parsed::Reset(_) => {}
    }
}

/// What a statement begins with.
pub(crate) fn keyword(statement: &str) -> String {
    format!("`{}`", statement.split_whitespace().next().unwrap_or_default().to_uppercase())
}

/// Says what the planner would take otherwise in words that it takes rightly.
fn restate(statement: &mut SqlStatement) -> Result<()> {
    spell_out(statement)?;
    bind_tightly(statement);
    check_set_operators(statement)?;
    spell_patterns(statement)?;
    name_recursive(statement)?;
    name_shared(statement)?;
    name_leaves(statement);
    compare_rows(statement)
}

/// Does something to the tree that a statement is, whichever way it is wrapped.
fn with_inner(
    parsed: &mut Parsed,
    change: impl FnOnce(&mut SqlStatement) -> Result<()>,
) -> Result<()> {
    match parsed {
        Parsed::Statement(inner) => change(inner),
        Parsed::Explain(explained) => with_inner(&mut explained.statement, change),
        Parsed::CopyTo(copy) => {
            let source = mem::replace(
                &mut copy.source,
                CopyToSource::Relation(ObjectName::from(Vec::new())),
            );
            let mut inner = match source {
                CopyToSource::Query(query) => SqlStatement::Query(query),
                CopyToSource::Relation(table) => parsed_query(&format!("SELECT * FROM {table}"))?,
            };
            change(&mut inner)?;
            if let SqlStatement::Query(query) = inner {
                copy.source = CopyToSource::Query(query);
            }
            Ok(())
        }
        Parsed::CreateExternalTable(_) | Parsed::Reset(_) => Ok(()),
    }
}

/// A query that we wrote, of parts of a statement.
pub(crate) fn parsed_query(text: &str) -> Result<SqlStatement> {
    let mut statements = DFParserBuilder::new(text)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| Error::about(text, &error))?;
    match statements.pop_front() {
        Some(Parsed::Statement(inner)) => {
            let mut inner = *inner;
            restate(&mut inner)?;
            Ok(inner)
        }
        _ => Err(Error::Plan { reason: format!("`{text}` is no query") }),
    }
}

/// A query that we wrote, to put parts of a statement into.
pub(crate) fn template(text: &str) -> Result<Query> {
    let parsed = Parser::new(&GenericDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_query());
    parsed.map(|query| *query).map_err(|error| Error::about(text, &DataFusionError::from(error)))
}

/// An expression that we wrote, of parts of a statement.
pub(crate) fn parsed_expression(text: &str) -> Result<Expr> {
    let parsed = Parser::new(&GenericDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr());
    parsed.map_err(|error| Error::about(text, &DataFusionError::from(error)))
}

/// Whether a query only reads.
///
/// # Errors
/// [`Error::NotSupported`] for `WITH … INSERT` and the like.
pub(crate) fn check_reads(query: &Query) -> Result<()> {
    match query.body.as_ref() {
        SetExpr::Insert(inner)
        | SetExpr::Update(inner)
        | SetExpr::Delete(inner)
        | SetExpr::Merge(inner) => Err(Error::refused(
            format!("{} behind WITH", keyword(&inner.to_string())),
            "put WITH behind it, into the query that it reads",
        )),
        _ => Ok(()),
    }
}
