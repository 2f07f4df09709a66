//! [`among`]: `x IN (SELECT s[i] FROM generate_series(…) AS i, string_to_array(current_setting('search_path'), ',') AS s)`,
//! as Grafana asks whether a schema is searched.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// The same as a look into the list; `None` for anything else.
pub(super) fn among(expr: &Expr) -> Option<Expr> {
    let Expr::InSubquery { expr: schema, subquery, negated: false } = expr else { return None };
    let query = subquery.to_string();
    let is_it = query.contains("string_to_array(current_setting('search_path'), ',') s")
        && query.contains("generate_series(array_lower(");
    let (_, user) = query.split_once("THEN ").filter(|_| is_it)?;
    let (user, _) = user.split_once(" ELSE")?;
    let text = format!(
        "array_has(string_to_array(replace(replace(current_setting('search_path'), ' ', ''), \
         '\"$user\"', {user}), ','), {schema})"
    );
    Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).and_then(|mut it| it.parse_expr()).ok()
}
