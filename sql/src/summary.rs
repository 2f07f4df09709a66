//! `SUMMARIZE t`, `SUMMARIZE SELECT …`: a row for each column of a query, of what its values are like.
//!
//! The rows are read once. How many values differ, and the quartiles, are near the truth where rows are many.

use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use engine::Chain;

use crate::Result;
use crate::planner::Planner;
use crate::statement::parsed_query;
use crate::type_text::{is_text, type_text};

const WORD: &str = "SUMMARIZE";

/// Whether a statement asks for this.
pub(crate) fn is_summary(tokens: &[TokenWithSpan]) -> bool {
    matches!(tokens.first().map(|first| &first.token), Some(Token::Word(word))
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(WORD))
}

/// The query that is to be summarized.
pub(crate) fn summarized_query(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let first = tokens.remove(0);
    let starts = [Keyword::SELECT, Keyword::WITH, Keyword::FROM, Keyword::VALUES];
    let is_query = match tokens.first().map(|next| &next.token) {
        Some(Token::LParen) => true,
        Some(Token::Word(word)) => starts.contains(&word.keyword),
        _ => false,
    };
    if !is_query {
        let whole = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
        tokens.splice(0..0, whole.map(|token| TokenWithSpan { token, span: first.span }));
    }
    tokens
}

/// What there is to say of the columns of a query.
pub(crate) async fn summary(planner: &mut Planner<'_>, query: &Statement) -> Result<Chain> {
    let schema = planner.chain(query.clone()).await?.schema();
    planner.chain(parsed_query(&text(query, &schema))?).await
}

/// What a row says, and how it is computed of a column; null where its type has no such thing.
type Fact = (&'static str, fn(&str, &DataType) -> Option<String>);

const FACTS: [Fact; 11] = [
    ("min", |column, kind| has_order(kind).then(|| format!("CAST(min({column}) AS VARCHAR)"))),
    ("max", |column, kind| has_order(kind).then(|| format!("CAST(max({column}) AS VARCHAR)"))),
    ("approx_unique", |column, kind| {
        let counted = match kind {
            kind if is_text(kind) => column.to_owned(),
            _ => format!("CAST({column} AS VARCHAR)"),
        };
        has_order(kind).then(|| format!("CAST(approx_distinct({counted}) AS BIGINT)"))
    }),
    ("avg", |column, kind| number(kind, &format!("avg({column})"))),
    ("std", |column, kind| number(kind, &format!("stddev(CAST({column} AS DOUBLE))"))),
    ("q25", |column, kind| number(kind, &quartile(column, "0.25"))),
    ("q50", |column, kind| number(kind, &quartile(column, "0.5"))),
    ("q75", |column, kind| number(kind, &quartile(column, "0.75"))),
    ("count", |_, _| Some("count(*)".to_owned())),
    ("nulls", |column, _| Some(format!("count(*) - count({column})"))),
    ("null_percentage", |column, _| {
        Some(format!("100.0 * (count(*) - count({column})) / nullif(count(*), 0)"))
    }),
];

fn has_order(kind: &DataType) -> bool {
    kind.is_numeric()
        || kind.is_temporal() && !matches!(kind, DataType::Duration(_) | DataType::Interval(_))
        || is_text(kind)
        || *kind == DataType::Boolean
}

fn number(kind: &DataType, computed: &str) -> Option<String> {
    kind.is_numeric().then(|| format!("CAST({computed} AS DOUBLE)"))
}

fn quartile(column: &str, part: &str) -> String {
    format!("approx_percentile_cont(CAST({column} AS DOUBLE), {part})")
}

/// A list of each fact, one item a column, and then rows of the lists.
fn text(query: &Statement, schema: &SchemaRef) -> String {
    let fields = schema.fields();
    let listed = |of: &dyn Fn(&Field) -> String| {
        fields.iter().map(|field| of(field)).collect::<Vec<_>>().join(", ")
    };
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut lists = vec![
        ("column_name", listed(&|field| literal(field.name()))),
        ("column_type", listed(&|field| literal(&type_text(field.data_type())))),
    ];
    for (name, computed) in FACTS {
        let fact = |field: &Field| {
            let column = format!("\"{}\"", field.name().replace('"', "\"\""));
            computed(&column, field.data_type()).unwrap_or_else(|| "NULL".to_owned())
        };
        lists.push((name, listed(&fact)));
    }
    let inner: Vec<String> =
        lists.iter().map(|(name, items)| format!("make_array({items}) AS \"{name}\"")).collect();
    let outer: Vec<String> =
        lists.iter().map(|(name, _)| format!("unnest(\"{name}\") AS \"{name}\"")).collect();
    let (inner, outer) = (inner.join(", "), outer.join(", "));
    format!("SELECT {outer} FROM (SELECT {inner} FROM ({query}) AS \"summarized\") AS \"lists\"")
}
