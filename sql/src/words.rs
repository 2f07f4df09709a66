//! [`worded`]: tokens in words that the parser (sqlparser 0.62) has, and a refusal where there are none: `1_000`, `a ** b`,
//! `EXPLAIN (ANALYZE) …`, `UNPIVOT t ON a, b`, `ASOF JOIN`.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::pivots::{pivot_query, unpivot_query};
use crate::{Error, Result};

/// The tokens in known words.
///
/// # Errors
/// [`Error::NotSupported`] for what has none.
pub(crate) fn worded(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    check(&tokens)?;
    let tokens = explained(put_together(tokens))?;
    match tokens.first() {
        Some(first) if is(first, "PIVOT") => pivot_query(&tokens),
        Some(first) if is(first, "UNPIVOT") => unpivot_query(&tokens),
        _ => Ok(tokens),
    }
}

/// Whether a token is a word, in any case and not in quotes.
pub(crate) fn is(token: &TokenWithSpan, wanted: &str) -> bool {
    match &token.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted),
        _ => false,
    }
}

fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    for (at, token) in tokens.iter().enumerate() {
        let next = |offset: usize| tokens.get(at + offset);
        let follows = |offset: usize, wanted: &str| next(offset).is_some_and(|it| is(it, wanted));
        if is(token, "USING") && follows(1, "SAMPLE") {
            let instead = "`FROM t TABLESAMPLE (10 PERCENT)` takes rows by chance";
            return Err(Error::refused("USING SAMPLE", instead));
        }
        if is(token, "ASOF") && (follows(1, "JOIN") || follows(1, "LEFT") && follows(2, "JOIN")) {
            let instead = "a query that is a value finds the row: `(SELECT b.x FROM b WHERE b.k = a.k \
                           AND b.t <= a.t ORDER BY b.t DESC LIMIT 1)`";
            return Err(Error::refused("ASOF JOIN", instead));
        }
        if is(token, "POSITIONAL") && follows(1, "JOIN") {
            let instead =
                "number the rows of both with `row_number() OVER (ORDER BY …)` and join by it";
            return Err(Error::refused("POSITIONAL JOIN", instead));
        }
        if token.token == Token::LParen
            && follows(1, "SUMMARIZE")
            && matches!(next(2).map(|it| &it.token), Some(Token::Word(_)))
        {
            let instead = "it is a statement: `dc.sql(\"SELECT * FROM s\", s=dc.sql(\"SUMMARIZE t\"))` \
                           selects from its rows";
            return Err(Error::refused("SUMMARIZE in a query", instead));
        }
        if is(token, "LAMBDA") && next(2).is_some_and(|it| it.token == Token::Colon) {
            let instead =
                "`FROM t, UNNEST(t.list) AS u(x)` has a row for each item, and `array_agg` lists";
            return Err(Error::refused("a lambda", instead));
        }
    }
    Ok(())
}

/// `1_000` is one number, and `**` is the sign `^`.
fn put_together(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut done: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for next in tokens {
        if let Some(last) = done.last_mut()
            && last.span.end == next.span.start
        {
            let digits = match &next.token {
                Token::Word(word) if word.quote_style.is_none() => more_digits(&word.value),
                _ => None,
            };
            match (&mut last.token, digits, &next.token) {
                (Token::Number(number, false), Some(digits), _) => {
                    number.push_str(&digits);
                    last.span.end = next.span.end;
                    continue;
                }
                (token @ Token::Mul, _, Token::Mul) => {
                    *token = Token::Caret;
                    last.span.end = next.span.end;
                    continue;
                }
                _ => {}
            }
        }
        done.push(next);
    }
    done
}

fn more_digits(word: &str) -> Option<String> {
    let digits = word.strip_prefix('_')?;
    let is_number = digits.chars().all(|it| it.is_ascii_digit() || it == '_')
        && digits.starts_with(|it: char| it.is_ascii_digit())
        && digits.ends_with(|it: char| it.is_ascii_digit());
    is_number.then(|| digits.replace('_', ""))
}

/// `EXPLAIN (ANALYZE, FORMAT TEXT) …` is `EXPLAIN ANALYZE …`.
fn explained(mut tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    const OPTIONS: [&str; 9] = [
        "ANALYZE", "FORMAT", "VERBOSE", "COSTS", "BUFFERS", "SETTINGS", "SUMMARY", "TIMING", "WAL",
    ];
    let [first, open, option, ..] = tokens.as_slice() else { return Ok(tokens) };
    let has_options = is(first, "EXPLAIN")
        && open.token == Token::LParen
        && OPTIONS.iter().any(|known| is(option, known));
    let Some(end) = tokens.iter().position(|it| it.token == Token::RParen).filter(|_| has_options)
    else {
        return Ok(tokens);
    };
    let mut analyzes = false;
    for option in tokens[2..end].split(|it| it.token == Token::Comma) {
        let words: Vec<String> =
            option.iter().map(|it| it.token.to_string().to_uppercase()).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["ANALYZE"] | ["ANALYZE", "TRUE" | "ON"] => analyzes = true,
            ["ANALYZE", "FALSE" | "OFF"] | ["FORMAT", "TEXT"] => {}
            _ => {
                let option = format!("EXPLAIN with the option `{}`", words.join(" "));
                let instead = "`EXPLAIN` and `EXPLAIN ANALYZE` show a plan as text";
                return Err(Error::refused(option, instead));
            }
        }
    }
    let span = tokens[0].span;
    let analyze = analyzes.then(|| TokenWithSpan { token: Token::make_keyword("ANALYZE"), span });
    tokens.splice(1..=end, analyze);
    Ok(tokens)
}

/// Where a clause begins that is not within parentheses.
pub(crate) fn place(tokens: &[TokenWithSpan], wanted: &str) -> Option<usize> {
    let mut open = 0_usize;
    tokens.iter().position(|it| {
        match it.token {
            Token::LParen | Token::LBracket => open += 1,
            Token::RParen | Token::RBracket => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0 && is(it, wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::worded;
    use crate::as_of::tokens;

    fn check(text: &str, expected: &str) {
        let words = worded(tokens(text).unwrap()).unwrap();
        let words: Vec<String> = words.iter().map(|it| it.token.to_string()).collect();
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn numbers_and_signs() {
        check("SELECT 1_000_000, a_1, 1 _2", "SELECT 1000000 , a_1 , 1 _2");
        check("SELECT 2**3 * 4", "SELECT 2 ^ 3 * 4");
    }

    #[test]
    fn options_of_explain() {
        check("EXPLAIN (ANALYZE, FORMAT TEXT) SELECT 1", "EXPLAIN ANALYZE SELECT 1");
        check("EXPLAIN (FORMAT text) SELECT (1)", "EXPLAIN SELECT ( 1 )");
        check("EXPLAIN (SELECT 1)", "EXPLAIN ( SELECT 1 )");
    }

    #[test]
    fn pivots_that_are_statements() {
        check(
            "UNPIVOT t ON a, b INTO NAME k VALUE v",
            "SELECT * FROM t UNPIVOT ( v FOR k IN ( a , b ) )",
        );
        check(
            "UNPIVOT (SELECT 1 AS a) ON a",
            "SELECT * FROM ( SELECT 1 AS a ) UNPIVOT ( value FOR name IN ( a ) )",
        );
        check(
            "PIVOT t ON a IN (1, 2) USING sum(x)",
            "SELECT * FROM t PIVOT ( sum ( x ) FOR a IN ( 1 , 2 ) )",
        );
    }
}
