//! [`tokens`]: `pets FOR VERSION AS OF '1.2.0'` is `"pets@1.2.0" AS pets`, which the parser (sqlparser 0.62) knows.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use crate::{Error, Result};

/// The tokens of a text, versions behind the names of their tables.
pub(crate) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        Error::about(text, &DataFusionError::from(ParserError::TokenizerError(error.to_string())))
    })?;
    let is_blank = |it: &TokenWithSpan| matches!(it.token, Token::Whitespace(_));
    let mut rest = tokens.into_iter().filter(|it| !is_blank(it)).collect::<Vec<_>>().into_iter();
    let mut done: Vec<TokenWithSpan> = Vec::new();
    while let Some(next) = rest.next() {
        done.push(next);
        let Some((length, version)) = version_in(rest.as_slice()) else { continue };
        let Some(name) = named(&done) else { continue };
        let end = rest.nth(length - 1);
        let Some(last) = done.last_mut() else { continue };
        let named = Word { value: format!("{}@{version}", name.value), ..quoted(&name.value) };
        last.token = Token::Word(named);
        if !is_alias(rest.as_slice().first()) {
            let span = end.map_or(last.span, |end| end.span);
            let alias = [Token::make_keyword("AS"), Token::Word(quoted(&name.value))];
            done.extend(alias.map(|token| TokenWithSpan { token, span }));
        }
    }
    Ok(done)
}

/// The version that the tokens begin with, and how many tokens say so.
fn version_in(rest: &[TokenWithSpan]) -> Option<(usize, String)> {
    let skipped = usize::from(is_keyword(rest.first()?, Keyword::FOR));
    let [version, to, of, text, ..] = rest.get(skipped..)? else { return None };
    let is_clause = is_keyword(version, Keyword::VERSION)
        && is_keyword(to, Keyword::AS)
        && is_keyword(of, Keyword::OF);
    match &text.token {
        Token::SingleQuotedString(text) if is_clause => Some((skipped + 4, text.clone())),
        _ => None,
    }
}

fn is_keyword(token: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&token.token, Token::Word(word) if word.keyword == keyword)
}

/// The name that the tokens end with.
fn named(done: &[TokenWithSpan]) -> Option<Word> {
    match &done.last()?.token {
        Token::Word(word) if word.quote_style.is_some() || word.keyword != Keyword::FROM => {
            Some(word.clone())
        }
        _ => None,
    }
}

/// Whether a table gets a name of its own.
fn is_alias(next: Option<&TokenWithSpan>) -> bool {
    matches!(next.map(|next| &next.token), Some(Token::Word(word))
        if word.quote_style.is_some() || matches!(word.keyword, Keyword::AS | Keyword::NoKeyword))
}

fn quoted(value: &str) -> Word {
    Word { value: value.to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword }
}
