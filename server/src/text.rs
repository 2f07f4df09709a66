//! [`statements`]: a client's text cut into statements, unless it is longer or deeper than a parser should see.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::{Error, Result};

const MAX_BYTES: usize = 1 << 20;

/// Parentheses in each other.
const MAX_DEPTH: usize = 200;

/// Words and signs between two commas: `1+1+1+…` is a tree as deep as it is long, which is walked by recursion.
const MAX_PARTS: usize = 5_000;

/// The statements of a text, without those that are empty.
///
/// # Errors
/// [`Error::Refused`] for a text that is too long, too deep or has no end of a quotation.
pub(crate) fn statements(text: &str) -> Result<Vec<&str>> {
    if text.len() > MAX_BYTES {
        let what = format!("the text has {} bytes; at most {MAX_BYTES} are taken", text.len());
        return Err(Error::refused("54000", what));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| Error::refused("42601", error.to_string()))?;
    check_shape(&tokens)?;
    let mut found = Vec::new();
    let mut rest = 0;
    for end in ends(text, &tokens) {
        found.push(&text[rest..end]);
        rest = text.len().min(end + 1);
    }
    found.push(&text[rest..]);
    found.retain(|statement| has_words(statement));
    Ok(found)
}

/// The words of a statement, in capitals where nothing quotes them, up to `most`.
pub(crate) fn words(statement: &str, most: usize) -> Vec<String> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, statement).tokenize().unwrap_or_default();
    let word = |token: Token| match token {
        Token::Whitespace(_) | Token::SemiColon => None,
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        Token::Word(word) => Some(word.value),
        Token::SingleQuotedString(text) => Some(text),
        other => Some(other.to_string()),
    };
    tokens.into_iter().filter_map(word).take(most).collect()
}

/// The same, with `$1`, `$2`, … for question marks.
pub(crate) fn numbered(text: &str) -> String {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location() else {
        return text.to_owned();
    };
    let marks = tokens.iter().filter(|token| match &token.token {
        Token::Question => true,
        Token::Placeholder(name) => name == "?",
        _ => false,
    });
    let places: Vec<Location> = marks.map(|token| token.span.start).collect();
    let (mut numbered, mut rest) = (String::new(), 0);
    for (number, at) in offsets(text, &places).into_iter().enumerate() {
        numbered.push_str(&text[rest..at]);
        numbered.push_str(&format!("${}", number + 1));
        rest = at + 1;
    }
    numbered.push_str(&text[rest..]);
    numbered
}

fn check_shape(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut parts = vec![0_usize];
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket => parts.push(0),
            Token::RParen | Token::RBracket if parts.len() > 1 => drop(parts.pop()),
            _ => {}
        }
        if parts.len() > MAX_DEPTH {
            let what = format!("the text has more than {MAX_DEPTH} parentheses in each other");
            return Err(Error::refused("54001", what));
        }
        let Some(here) = parts.last_mut() else { continue };
        *here = if matches!(token.token, Token::Comma | Token::SemiColon) { 0 } else { *here + 1 };
        if *here > MAX_PARTS {
            let what = format!(
                "the text has an expression of more than {MAX_PARTS} words; hint: IN (…) for many values"
            );
            return Err(Error::refused("54001", what));
        }
    }
    Ok(())
}

fn has_words(statement: &str) -> bool {
    !words(statement, 1).is_empty()
}

/// Where the semicolons are.
fn ends(text: &str, tokens: &[TokenWithSpan]) -> Vec<usize> {
    let semicolons = tokens.iter().filter(|token| token.token == Token::SemiColon);
    offsets(text, &semicolons.map(|token| token.span.start).collect::<Vec<_>>())
}

/// The bytes at which places in the text are, which are in order.
fn offsets(text: &str, places: &[Location]) -> Vec<usize> {
    let (mut line, mut column) = (1, 1);
    let mut places = places.iter().peekable();
    let mut found = Vec::new();
    for (at, character) in text.char_indices() {
        if places.next_if(|place| (place.line, place.column) == (line, column)).is_some() {
            found.push(at);
        }
        (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    found
}

#[cfg(test)]
mod tests;
