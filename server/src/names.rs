//! [`Reading`]: what a text reads, and the text with the names that datasets have outside of a server.
//!
//! Clients write `public.pets` for a dataset of the default folder, and put the database before schemas.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::TableReference;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Statement as SqlStatement, VisitMut, VisitorMut,
};

/// The schema of datasets in the default folder.
pub(crate) const PUBLIC: &str = "public";

const SYSTEM_SCHEMAS: [&str; 2] = ["pg_catalog", "information_schema"];

/// The kinds of tables that a text names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) datasets: bool,
    pub(crate) catalog: bool,
}

impl Reading {
    /// What one statement reads; `None` for a text that only another dialect's parser takes.
    pub(crate) fn of(text: &str, is_catalog_table: impl Fn(&str) -> bool) -> Option<Self> {
        let statement = parsed(text)?;
        let (tables, _) = resolve_table_references(&statement, false).ok()?;
        let mut reading = Self::default();
        for table in &tables {
            if is_of_catalog(table, &is_catalog_table) {
                reading.catalog = true;
            } else {
                reading.datasets = true;
            }
        }
        Some(reading)
    }
}

fn is_of_catalog(table: &TableReference, is_catalog_table: impl Fn(&str) -> bool) -> bool {
    match table.schema() {
        Some(schema) => SYSTEM_SCHEMAS.iter().any(|system| schema.eq_ignore_ascii_case(system)),
        None => is_catalog_table(table.table()),
    }
}

/// The text with `public` and `database.public` taken away from the names of tables.
pub(crate) fn without_public(text: &str, database: &str) -> String {
    let Some(Statement::Statement(mut statement)) = parsed(text) else {
        return text.to_owned();
    };
    let mut names = Names { database, found: false };
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = statement.as_mut().visit(&mut names);
    if names.found { statement.to_string() } else { text.to_owned() }
}

fn parsed(text: &str) -> Option<Statement> {
    let mut statements = DFParser::parse_sql(text).ok()?;
    let statement = statements.pop_front()?;
    let is_query = matches!(
        &statement,
        Statement::Statement(inner) if matches!(**inner, SqlStatement::Query(_))
    );
    is_query.then_some(statement)
}

struct Names<'a> {
    database: &'a str,
    found: bool,
}

impl Names<'_> {
    /// How many parts before the table say what goes without saying.
    fn leading(&self, parts: &[&str]) -> usize {
        match parts {
            [PUBLIC, _, ..] => 1,
            [database, PUBLIC, _, ..] if *database == self.database => 2,
            [database, schema, _, ..] if *database == self.database && schema.contains('.') => 1,
            _ => 0,
        }
    }
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        let parts: Option<Vec<&str>> =
            name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
        let leading = parts.map_or(0, |parts| self.leading(&parts));
        if leading > 0 {
            self.found = true;
            *name = ObjectName(mem::take(&mut name.0).split_off(leading));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(idents) = expr
            && idents.len() > 2
        {
            let parts: Vec<&str> = idents.iter().map(|ident| ident.value.as_str()).collect();
            let leading = self.leading(&parts);
            if leading > 0 {
                self.found = true;
                *idents = idents.split_off(leading);
            }
        }
        ControlFlow::Continue(())
    }
}
