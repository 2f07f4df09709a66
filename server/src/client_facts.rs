//! [`ClientFacts`]: what `current_user`, `current_database()` and the like are for one client, as values in its text.

use std::borrow::Cow;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArguments, Ident, Select, SelectItem, Statement, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::constant_functions::version;

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientFacts<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    /// Where it looks for tables first.
    pub(crate) schema: &'a str,
    /// The number of its connection, where it has one.
    pub(crate) pid: Option<i32>,
}

impl ClientFacts<'_> {
    /// Puts the values into a statement; whether there were places for some.
    pub(crate) fn tell(self, statement: &mut Statement) -> bool {
        let mut tell = Tell { facts: self, told: false };
        // Nothing in the visit stops early.
        let _: ControlFlow<()> = statement.visit(&mut tell);
        tell.told
    }

    /// The text with the values; as it is where it has no place for them, or only another parser takes it.
    pub(crate) fn told<'t>(self, text: &'t str) -> Cow<'t, str> {
        let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap_or_default();
        if let [statement] = parsed.as_mut_slice()
            && self.tell(statement)
        {
            return Cow::Owned(statement.to_string());
        }
        Cow::Borrowed(text)
    }

    /// The name and the value of what an expression asks for.
    fn fact(self, expr: &Expr) -> Option<(String, Expr)> {
        let name = match expr {
            Expr::Function(function) => {
                let has_none = match &function.args {
                    FunctionArguments::None => true,
                    FunctionArguments::List(list) => list.args.is_empty(),
                    FunctionArguments::Subquery(_) => false,
                };
                let parts: Option<Vec<&Ident>> =
                    function.name.0.iter().map(|part| part.as_ident()).collect();
                match parts?.as_slice() {
                    [name] if has_none => name.value.to_lowercase(),
                    [schema, name] if has_none && schema.value == "pg_catalog" => {
                        name.value.to_lowercase()
                    }
                    _ => return None,
                }
            }
            // These need no parentheses.
            Expr::Identifier(name) if name.quote_style.is_none() => {
                let name = name.value.to_lowercase();
                let is_one = ["current_role", "current_schema"].contains(&name.as_str());
                is_one.then_some(name)?
            }
            _ => return None,
        };
        let value = match name.as_str() {
            "pg_backend_pid" => {
                let number = Value::Number(self.pid?.to_string(), false);
                return Some((name, Expr::value(number)));
            }
            "current_user" | "session_user" | "user" | "current_role" => self.user.to_owned(),
            "current_database" | "current_catalog" => self.database.to_owned(),
            "current_schema" => self.schema.to_owned(),
            "version" => version(),
            _ => return None,
        };
        Some((name, literal(value)))
    }
}

struct Tell<'a> {
    facts: ClientFacts<'a>,
    told: bool,
}

impl VisitorMut for Tell<'_> {
    type Break = ();

    /// A column is called as what was asked.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some((name, value)) = self.facts.fact(expr)
            {
                self.told = true;
                let alias = Ident::with_quote('"', name);
                *item = SelectItem::ExprWithAlias { expr: value, alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some((_, value)) = self.facts.fact(expr) {
            self.told = true;
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

fn literal(value: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(value).into())
}

#[cfg(test)]
mod tests {
    use super::ClientFacts;

    fn check(text: &str, expected: &str) {
        let facts = ClientFacts { user: "ada", database: "local", schema: "public", pid: Some(7) };
        assert_eq!(facts.told(text), expected);
    }

    #[test]
    fn what_a_client_asks_about_itself_is_in_its_text() {
        check("SELECT current_user", "SELECT 'ada' AS \"current_user\"");
        check("SELECT pg_catalog.current_database() AS d", "SELECT 'local' AS d");
        check("SELECT pg_backend_pid() + 1", "SELECT 7 + 1");
        check("SELECT lower(user) FROM t", "SELECT lower('ada') FROM t");
        check("SELECT 1 WHERE current_schema = 'x'", "SELECT 1 WHERE 'public' = 'x'");
    }

    #[test]
    fn all_else_stays_as_it_is_written() {
        for text in [
            "select  1",
            "SELECT \"user\" FROM t",
            "SELECT t.user FROM t",
            "SELECT 1; SELECT user",
            "no SQL",
        ] {
            check(text, text);
        }
    }
}
