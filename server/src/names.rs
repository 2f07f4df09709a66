//! [`Reading`]: what a statement reads. [`without_public`]: names as datasets have them outside of a server.
//!
//! Clients write `public.pets` for a dataset of the default folder, and put the database before schemas.

use std::collections::HashSet;
use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::TableReference;
use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind,
    Statement as SqlStatement, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
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
    /// What a query reads; `None` for what is none.
    pub(crate) fn of(
        statement: &Statement,
        is_catalog_table: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let Statement::Statement(inner) = statement else { return None };
        if !matches!(**inner, SqlStatement::Query(_)) {
            return None;
        }
        let (tables, _) = resolve_table_references(statement, false).ok()?;
        let mut functions = TableFunctions::default();
        // Nothing in the visit stops early.
        let _: ControlFlow<()> = inner.visit(&mut functions);
        let mut reading = Self::default();
        for table in &tables {
            if functions.0.contains(table.table()) {
                continue;
            }
            if is_of_catalog(table, &is_catalog_table) {
                reading.catalog = true;
            } else {
                reading.datasets = true;
            }
        }
        Some(reading)
    }
}

/// Names of functions that stand where tables do, such as `generate_series`.
#[derive(Default)]
struct TableFunctions(HashSet<String>);

impl Visitor for TableFunctions {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            let name = name.0.last().and_then(|part| part.as_ident());
            self.0.extend(name.map(|name| name.value.clone()));
        }
        ControlFlow::Continue(())
    }
}

fn is_of_catalog(table: &TableReference, is_catalog_table: impl Fn(&str) -> bool) -> bool {
    match table.schema() {
        Some(schema) => SYSTEM_SCHEMAS.iter().any(|system| schema.eq_ignore_ascii_case(system)),
        None => is_catalog_table(table.table()),
    }
}

/// Takes `public` and `database.public` away from the names of tables, and from those of their columns.
pub(crate) fn without_public(statement: &mut Statement, database: &str) {
    match statement {
        Statement::Statement(inner) => {
            // Nothing in the visits stops early.
            let mut tables = Tables { database, found: Vec::new() };
            let _: ControlFlow<()> = inner.visit(&mut tables);
            for_each_drop(inner, &mut tables);
            let _: ControlFlow<()> = inner.visit(&mut Columns(&tables.found));
        }
        Statement::Explain(explained) => without_public(&mut explained.statement, database),
        _ => {}
    }
}

/// The parser's visitors (sqlparser 0.62) leave out what `DROP` names.
fn for_each_drop(statement: &mut SqlStatement, tables: &mut Tables<'_>) {
    if let SqlStatement::Drop { names, .. } = statement {
        names.iter_mut().for_each(|name| tables.shorten(name));
    }
}

/// Shortens the names of tables, and remembers how they were written.
struct Tables<'a> {
    database: &'a str,
    /// Whole names, and how many of their parts went.
    found: Vec<(Vec<String>, usize)>,
}

impl Tables<'_> {
    fn shorten(&mut self, name: &mut ObjectName) {
        let parts: Option<Vec<&str>> =
            name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
        let parts = parts.unwrap_or_default();
        let leading = self.leading(&parts);
        if leading > 0 {
            self.found.push((parts.into_iter().map(str::to_owned).collect(), leading));
            *name = ObjectName(mem::take(&mut name.0).split_off(leading));
        }
    }

    /// How many parts before the table say what goes without saying.
    fn leading(&self, parts: &[&str]) -> usize {
        match parts {
            [PUBLIC, _] => 1,
            [database, PUBLIC, _] if *database == self.database => 2,
            [database, schema, _] if *database == self.database && schema.contains('.') => 1,
            _ => 0,
        }
    }
}

impl VisitorMut for Tables<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        self.shorten(name);
        ControlFlow::Continue(())
    }
}

/// Shortens what stands before columns of those tables.
struct Columns<'a>(&'a [(Vec<String>, usize)]);

impl Columns<'_> {
    /// How many parts of a name go, which begins with that of a table.
    fn leading<'i>(&self, parts: impl Iterator<Item = &'i Ident>) -> usize {
        let parts: Vec<&Ident> = parts.collect();
        let is_of = |table: &[String]| {
            let mut both = table.iter().zip(&parts);
            table.len() <= parts.len() && both.all(|(part, ident)| is_named(ident, part))
        };
        self.0.iter().find(|(table, _)| is_of(table)).map_or(0, |(_, leading)| *leading)
    }
}

/// Tables of versions are called `pets@1.2.0`, their columns `pets.name`.
fn is_named(ident: &Ident, part: &str) -> bool {
    ident.value == part || part.split('@').next() == Some(ident.value.as_str())
}

impl VisitorMut for Columns<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::QualifiedWildcard(kind, _) = item
                && let SelectItemQualifiedWildcardKind::ObjectName(name) = kind
            {
                let leading = self.leading(name.0.iter().filter_map(|part| part.as_ident()));
                drop(name.0.drain(..leading));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(idents) = expr {
            let leading = self.leading(idents.iter());
            // A name that is only that of a table is a column of another.
            if leading + 1 < idents.len() {
                drop(idents.drain(..leading));
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::without_public;

    fn check(text: &str, expected: &str) {
        let mut statement = sql::parsed(text).unwrap();
        without_public(&mut statement, "local");
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn tables_of_the_default_folder_have_short_names() {
        check("SELECT * FROM public.pets", "SELECT * FROM pets");
        check("SELECT * FROM local.public.pets", "SELECT * FROM pets");
        check("SELECT * FROM local.\"home.people\".owners", "SELECT * FROM \"home.people\".owners");
        check("SELECT * FROM local.zoo.pets", "SELECT * FROM local.zoo.pets");
        check("INSERT INTO public.pets SELECT 1", "INSERT INTO pets SELECT 1");
        check("UPDATE public.pets SET a = 1", "UPDATE pets SET a = 1");
        check("DELETE FROM public.pets", "DELETE FROM pets");
        check("DROP TABLE public.pets, other", "DROP TABLE pets, other");
        check("CREATE TABLE public.x AS SELECT 1", "CREATE TABLE x AS SELECT 1");
        check("EXPLAIN SELECT * FROM public.pets", "EXPLAIN SELECT * FROM pets");
    }

    #[test]
    fn columns_of_those_tables_too_and_no_others() {
        check(
            "SELECT public.pets.name, public.pets.* FROM public.pets WHERE public.pets.a.b = 1",
            "SELECT pets.name, pets.* FROM pets WHERE pets.a.b = 1",
        );
        check("SELECT public.a.b, public.a FROM pets", "SELECT public.a.b, public.a FROM pets");
        check("SELECT public.a.b FROM public.pets AS p", "SELECT public.a.b FROM pets AS p");
    }

    #[test]
    fn versions_stay() {
        check(
            "SELECT public.pets.name FROM public.pets FOR VERSION AS OF '1.0.0'",
            "SELECT pets.name FROM \"pets@1.0.0\" AS \"pets\"",
        );
    }
}
