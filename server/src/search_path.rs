//! [`SearchPath`]: where a client looks for tables that it names without a schema.
//!
//! Datasets of the default folder need no schema. With another path such a name gets the first schema of the path that
//! has a table of the name, and is the default folder's where none has.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Query, Statement, TableFactor, VisitMut, VisitorMut,
};

use crate::catalog_session::Table;
use crate::client_facts::ClientFacts;
use crate::names::PUBLIC;

/// The client's own schema, which nobody has.
const USER: &str = "$user";

/// Schemas, the first before all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchPath(Vec<String>);

impl SearchPath {
    /// Reads the value of the setting.
    pub(crate) fn of(value: &str) -> Self {
        let schemas = value.split(',').map(|it| it.trim().trim_matches(['"', '\'']).to_lowercase());
        Self(schemas.filter(|schema| !schema.is_empty()).collect())
    }

    /// The setting as it is shown.
    pub(crate) fn text(&self) -> String {
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
        let shown = self.0.iter().map(|schema| {
            if schema.chars().all(is_plain) {
                return schema.clone();
            }
            format!("\"{}\"", schema.replace('"', "\"\""))
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Whether names without a schema are those of the default folder first.
    pub(crate) fn is_public(&self) -> bool {
        self.schemas().next().is_none_or(|schema| schema == PUBLIC)
    }

    fn schemas(&self) -> impl Iterator<Item = &str> {
        let system = ["pg_catalog", USER];
        self.0.iter().map(String::as_str).filter(move |schema| !system.contains(schema))
    }

    /// A statement with schemas before the names that are looked for in this path; as it is where there are none.
    pub(crate) fn applied<'t>(
        &self,
        text: &'t str,
        tables: &[Table],
        facts: ClientFacts<'_>,
    ) -> Cow<'t, str> {
        let schema = self.schemas().next().unwrap_or(PUBLIC);
        let Ok(mut parsed) = sql::parsed(text) else { return Cow::Borrowed(text) };
        let mut names = Names { path: self, tables, own: HashSet::new(), changed: false };
        let told = with_inner(&mut parsed, &mut |inner| {
            // What is made is made where the path begins.
            match inner {
                Statement::CreateTable(create) => names.place(&mut create.name),
                Statement::CreateView(create) => names.place(&mut create.name),
                _ => {}
            }
            // Nothing in the visit stops early.
            let _: ControlFlow<()> = inner.visit(&mut names);
            // The parser's visitors (sqlparser 0.62) leave out what `DROP` names.
            if let Statement::Drop { names: dropped, .. } = inner {
                dropped.iter_mut().for_each(|name| names.complete(name));
            }
            ClientFacts { schema, ..facts }.tell(inner)
        });
        if told || names.changed { Cow::Owned(parsed.to_string()) } else { Cow::Borrowed(text) }
    }

    /// The schema of the path that has such a table.
    fn schema_of(&self, table: &str, tables: &[Table]) -> Option<&str> {
        let has = |schema: &&str| tables.iter().any(|it| it.schema == *schema && it.name == table);
        self.schemas().find(has)
    }
}

fn with_inner(parsed: &mut Parsed, change: &mut dyn FnMut(&mut Statement) -> bool) -> bool {
    match parsed {
        Parsed::Statement(inner) => change(inner),
        Parsed::Explain(explained) => with_inner(&mut explained.statement, change),
        _ => false,
    }
}

struct Names<'a> {
    path: &'a SearchPath,
    tables: &'a [Table],
    /// Those that the statement gives to queries and functions.
    own: HashSet<String>,
    changed: bool,
}

impl Names<'_> {
    fn place(&mut self, name: &mut ObjectName) {
        if let ([only], Some(schema)) = (name.0.as_slice(), self.path.schemas().next())
            && schema != PUBLIC
            && let Some(made) = only.as_ident()
        {
            self.changed = true;
            let made = Ident::with_quote('"', made.value.clone());
            *name = ObjectName::from(vec![Ident::with_quote('"', schema), made]);
        }
    }

    fn complete(&mut self, name: &mut ObjectName) {
        if let [only] = name.0.as_slice()
            && let Some(table) = only.as_ident()
            && !self.own.contains(&table.value)
        {
            // A version is a part of the name.
            let bare = table.value.split('@').next().unwrap_or_default();
            if let Some(schema) = self.path.schema_of(bare, self.tables)
                && schema != PUBLIC
            {
                self.changed = true;
                let table = Ident::with_quote('"', table.value.clone());
                *name = ObjectName::from(vec![Ident::with_quote('"', schema), table]);
            }
        }
    }
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.own.extend(named.map(|query| query.alias.name.value.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            self.own.insert(name.to_string());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        self.complete(name);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Schema;

    use super::SearchPath;
    use crate::catalog_session::Table;
    use crate::client_facts::ClientFacts;

    fn check(path: &str, text: &str, expected: &str) {
        let table = |schema: &str, name: &str| Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: Arc::new(Schema::empty()),
            query: None,
        };
        let tables =
            [table("public", "pets"), table("home.people", "owners"), table("zoo", "pets")];
        let facts = ClientFacts { user: "ada", database: "local", schema: "public", pid: None };
        assert_eq!(SearchPath::of(path).applied(text, &tables, facts), expected);
    }

    #[test]
    fn names_get_the_first_schema_that_has_them() {
        check(
            "\"home.people\"",
            "SELECT * FROM owners",
            "SELECT * FROM \"home.people\".\"owners\"",
        );
        check("zoo, public", "SELECT * FROM pets, t", "SELECT * FROM \"zoo\".\"pets\", t");
        check(
            "zoo",
            "SELECT * FROM pets FOR VERSION AS OF '1.0.0'",
            "SELECT * FROM \"zoo\".\"pets@1.0.0\" AS \"pets\"",
        );
        check("zoo", "DELETE FROM pets", "DELETE FROM \"zoo\".\"pets\"");
        check("zoo", "DROP TABLE pets", "DROP TABLE \"zoo\".\"pets\"");
        check("zoo", "EXPLAIN SELECT 1 FROM pets", "EXPLAIN SELECT 1 FROM \"zoo\".\"pets\"");
    }

    #[test]
    fn what_is_made_is_in_the_first_schema() {
        check(
            "zoo",
            "CREATE TABLE new AS SELECT * FROM pets",
            "CREATE TABLE \"zoo\".\"new\" AS SELECT * FROM \"zoo\".\"pets\"",
        );
        check(
            "zoo, public",
            "CREATE VIEW new AS SELECT 1",
            "CREATE VIEW \"zoo\".\"new\" AS SELECT 1",
        );
        check("public, zoo", "CREATE TABLE owners (a INT)", "CREATE TABLE owners (a INT)");
        check("zoo", "CREATE TABLE public.a (a INT)", "CREATE TABLE public.a (a INT)");
    }

    #[test]
    fn all_other_names_stay() {
        for text in [
            "select  * from public.pets",
            "WITH pets AS (SELECT 1) SELECT * FROM pets",
            "SELECT * FROM owners",
            "SELECT * FROM pg_class",
            "no SQL",
        ] {
            check("zoo, public", text, text);
        }
    }

    #[test]
    fn the_first_schema_is_the_one_in_use() {
        check("zoo", "SELECT current_schema()", "SELECT 'zoo' AS \"current_schema\"");
    }

    #[test]
    fn a_path_is_shown_as_it_is_read() {
        assert_eq!(SearchPath::of("PUBLIC,\"$user\"").text(), "public, \"$user\"");
        assert_eq!(SearchPath::of("\"home.people\"").text(), "\"home.people\"");
        assert!(SearchPath::of("\"$user\", public").is_public());
        assert!(!SearchPath::of("zoo, public").is_public());
    }
}
