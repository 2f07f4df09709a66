//! [`spelled`]: `t PIVOT (sum(x) FOR kind IN ('a', 'b'))` is a query whose columns are aggregates with FILTER, and
//! `t UNPIVOT (value FOR name IN (a, b))` one that makes rows of columns; as statements, `PIVOT t ON …` and
//! `UNPIVOT t ON …`, they are queries over these.

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, NullInclusion,
    PivotValueSource, TableFactor,
};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::statement::template;
use crate::words::place;
use crate::{Error, Result};

/// What names the columns of a `PIVOT` that does not say its values.
pub(crate) const PIVOT: &str =
    "name the values: `FROM t PIVOT (sum(x) FOR kind IN ('a', 'b'))`, as each becomes a column";

const UNPIVOT: &str = "`FROM t UNPIVOT (value FOR name IN (a, b))` makes rows of columns";

/// The table in known words; `None` for one that is neither.
pub(crate) fn spelled(factor: &TableFactor) -> Result<Option<TableFactor>> {
    let (query, alias) = match factor {
        TableFactor::Pivot { alias, .. } => (pivot(factor)?, alias.clone()),
        TableFactor::Unpivot { alias, .. } => (unpivot(factor)?, alias.clone()),
        _ => return Ok(None),
    };
    let subquery = Box::new(template(&query)?);
    Ok(Some(TableFactor::Derived { lateral: false, subquery, alias, sample: None }))
}

fn pivot(factor: &TableFactor) -> Result<String> {
    let TableFactor::Pivot {
        table,
        aggregate_functions: aggregates,
        value_column,
        value_source: PivotValueSource::List(values),
        default_on_null: None,
        ..
    } = factor
    else {
        return Err(Error::refused("PIVOT without values", PIVOT));
    };
    let [Expr::Identifier(kind)] = value_column.as_slice() else {
        return Err(Error::refused("PIVOT by several columns or a computed one", PIVOT));
    };
    let mut used = vec![kind.clone()];
    aggregates.iter().for_each(|aggregate| columns_in(&aggregate.expr, &mut used));
    let mut columns = Vec::new();
    for ExprWithAlias { expr: value, alias } in values {
        let title = alias.as_ref().map_or_else(|| title(value), |alias| alias.value.clone());
        for ExprWithAlias { expr: aggregate, alias } in aggregates {
            if !matches!(aggregate, Expr::Function(_)) {
                return Err(Error::refused(format!("PIVOT of `{aggregate}`"), PIVOT));
            }
            let name = match alias {
                Some(alias) => format!("{title}_{}", alias.value),
                None if aggregates.len() > 1 => format!("{title}_{aggregate}"),
                None => title.clone(),
            };
            let name = Ident::with_quote('"', name);
            columns.push(format!("{aggregate} FILTER (WHERE {kind} = {value}) AS {name}"));
        }
    }
    let used: Vec<String> = used.iter().map(ToString::to_string).collect();
    let columns = columns.join(", ");
    Ok(format!("SELECT * EXCLUDE ({}), {columns} FROM {table} GROUP BY ALL", used.join(", ")))
}

/// The name of a value's column.
fn title(value: &Expr) -> String {
    value.to_string().trim_matches('\'').to_owned()
}

/// The columns that an aggregate is computed of.
fn columns_in(expr: &Expr, found: &mut Vec<Ident>) {
    let Expr::Function(call) = expr else { return };
    let FunctionArguments::List(list) = &call.args else { return };
    let columns = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => Some(name),
        _ => None,
    });
    for name in columns {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
}

fn unpivot(factor: &TableFactor) -> Result<String> {
    let TableFactor::Unpivot { table, value, name, columns, null_inclusion, .. } = factor else {
        return Err(Error::refused("UNPIVOT", UNPIVOT));
    };
    let Expr::Identifier(value) = value else {
        return Err(Error::refused("UNPIVOT into several columns", UNPIVOT));
    };
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for ExprWithAlias { expr, alias } in columns {
        let Expr::Identifier(column) = expr else {
            return Err(Error::refused(format!("UNPIVOT of `{expr}`"), UNPIVOT));
        };
        let title = alias.as_ref().unwrap_or(column);
        names.push(format!("'{}'", title.value.replace('\'', "''")));
        values.push(column.to_string());
    }
    let (names, values) = (names.join(", "), values.join(", "));
    let rows = format!(
        "SELECT * EXCLUDE ({values}), unnest(make_array({names})) AS {name}, \
         unnest(make_array({values})) AS {value} FROM {table}"
    );
    Ok(match null_inclusion {
        Some(NullInclusion::IncludeNulls) => rows,
        _ => format!("SELECT * FROM ({rows}) AS \"rows\" WHERE {value} IS NOT NULL"),
    })
}

/// `PIVOT t ON kind IN ('a', 'b') USING sum(x)` as a query.
pub(crate) fn pivot_query(tokens: &[TokenWithSpan]) -> Result<Vec<TokenWithSpan>> {
    let refused = || Error::refused("PIVOT without values", PIVOT);
    let (Some(on), Some(using)) = (place(tokens, "ON"), place(tokens, "USING")) else {
        return Err(refused());
    };
    if place(tokens, "GROUP").is_some() {
        return Err(Error::refused(
            "PIVOT with GROUP BY",
            "select the columns before: `FROM (SELECT …) PIVOT (…)`",
        ));
    }
    if on > using || place(&tokens[on..using], "IN").is_none() {
        return Err(refused());
    }
    let end = end_of(tokens);
    let query = Query { like: tokens[0].clone(), table: &tokens[1..on] };
    Ok(query.made(
        "PIVOT",
        &[&tokens[using + 1..end], &query.word("FOR"), &tokens[on + 1..using]],
        &tokens[end..],
    ))
}

/// `UNPIVOT t ON a, b INTO NAME k VALUE v` as a query.
pub(crate) fn unpivot_query(tokens: &[TokenWithSpan]) -> Result<Vec<TokenWithSpan>> {
    let Some(on) = place(tokens, "ON") else {
        return Err(Error::refused("UNPIVOT without ON", UNPIVOT));
    };
    let query = Query { like: tokens[0].clone(), table: &tokens[1..on] };
    let end = end_of(tokens);
    let into = place(tokens, "INTO");
    let (name, value) = match into.map(|into| &tokens[into + 1..end]) {
        None => (query.word("name"), query.word("value")),
        Some([_, name, _, value]) => (vec![name.clone()], vec![value.clone()]),
        Some(_) => return Err(Error::refused("UNPIVOT … INTO", "write `INTO NAME k VALUE v`")),
    };
    let columns = query.list(&tokens[on + 1..into.unwrap_or(end)]);
    let parts: [&[TokenWithSpan]; 5] =
        [&value, &query.word("FOR"), &name, &query.word("IN"), &columns];
    Ok(query.made("UNPIVOT", &parts, &tokens[end..]))
}

/// Where the clauses behind a pivot begin.
fn end_of(tokens: &[TokenWithSpan]) -> usize {
    let ends = ["ORDER", "LIMIT"].iter().filter_map(|clause| place(tokens, clause));
    let semicolon = tokens.iter().position(|it| it.token == Token::SemiColon);
    ends.chain(semicolon).min().unwrap_or(tokens.len())
}

/// A query over a table, in tokens.
struct Query<'a> {
    like: TokenWithSpan,
    table: &'a [TokenWithSpan],
}

impl Query<'_> {
    fn token(&self, token: Token) -> TokenWithSpan {
        TokenWithSpan { token, span: self.like.span }
    }

    fn word(&self, word: &str) -> Vec<TokenWithSpan> {
        vec![self.token(Token::make_keyword(word))]
    }

    fn list(&self, inner: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
        let mut list = vec![self.token(Token::LParen)];
        list.extend_from_slice(inner);
        list.push(self.token(Token::RParen));
        list
    }

    fn made(
        &self,
        operator: &str,
        parts: &[&[TokenWithSpan]],
        rest: &[TokenWithSpan],
    ) -> Vec<TokenWithSpan> {
        let mut made = self.word("SELECT");
        made.push(self.token(Token::Mul));
        made.extend(self.word("FROM"));
        made.extend_from_slice(self.table);
        made.extend(self.word(operator));
        made.extend(self.list(&parts.concat()));
        made.extend_from_slice(rest);
        made
    }
}
