//! [`marked`], [`folded`]: `j ->> 'a' = 'x'` is `(j ->> 'a') = 'x'`, and `2 * a ^ 2` is `2 * (a ^ 2)`.
//!
//! The parser (sqlparser 0.62) takes all of `'a' = 'x'` for the right side. It is given the tokens of `j["->>"('a')]`, and
//! in its tree that becomes the operator again, in parentheses.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Subscript,
    UnaryOperator, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The operators, by their texts.
fn operator(text: &str) -> Option<BinaryOperator> {
    match text {
        "->" => Some(BinaryOperator::Arrow),
        "->>" => Some(BinaryOperator::LongArrow),
        "#>" => Some(BinaryOperator::HashArrow),
        "#>>" => Some(BinaryOperator::HashLongArrow),
        "^" => Some(BinaryOperator::BitwiseXor),
        _ => None,
    }
}

/// The tokens with the operators as subscripts. Behind a type, where brackets would be a part of it, they stay.
pub(crate) fn marked(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_arrow = |it: &TokenWithSpan| {
        !matches!(it.token, Token::Word(_)) && operator(&it.token.to_string()).is_some()
    };
    if !tokens.iter().any(is_arrow) {
        return tokens;
    }
    let mut done: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((next, after)) = rest.split_first() {
        let length = operand(after);
        let is_typed = matches!(done.as_slice(), [.., it, _] if it.token == Token::DoubleColon);
        if !is_arrow(next) || is_typed || length == 0 {
            done.push(next.clone());
            rest = after;
            continue;
        }
        let span = next.span;
        let name = Word {
            value: next.token.to_string(),
            quote_style: Some('"'),
            keyword: Keyword::NoKeyword,
        };
        let (value, after) = after.split_at(length);
        let token = |token| TokenWithSpan { token, span };
        done.extend([Token::LBracket, Token::Word(name), Token::LParen].map(token));
        done.extend(marked(value.to_vec()));
        done.extend([Token::RParen, Token::RBracket].map(token));
        rest = after;
    }
    done
}

/// How many tokens the value is long that stands behind an operator: a literal, a name, a call, or what is in parentheses.
fn operand(rest: &[TokenWithSpan]) -> usize {
    let at = |place: usize| rest.get(place).map(|it| &it.token);
    match at(0) {
        Some(Token::SingleQuotedString(_) | Token::Number(..) | Token::Placeholder(_)) => 1,
        Some(Token::Minus) if matches!(at(1), Some(Token::Number(..))) => 2,
        Some(Token::LParen) => in_parentheses(rest),
        Some(Token::Word(_)) => {
            let mut length = 1;
            while at(length) == Some(&Token::Period)
                && matches!(at(length + 1), Some(Token::Word(_)))
            {
                length += 2;
            }
            match at(length) {
                Some(Token::LParen) => length + in_parentheses(&rest[length..]),
                _ => length,
            }
        }
        _ => 0,
    }
}

fn in_parentheses(rest: &[TokenWithSpan]) -> usize {
    let mut open = 0;
    for (at, it) in rest.iter().enumerate() {
        match it.token {
            Token::LParen => open += 1,
            Token::RParen => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    rest.len()
}

/// The tree with the operators.
pub(crate) fn folded(statement: &mut impl VisitMut) {
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = VisitMut::visit(statement, &mut Fold);
}

struct Fold;

impl VisitorMut for Fold {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // `-2 ^ 2` is 4, as the sign is a part of the number.
        if let Expr::UnaryOp { op: op @ UnaryOperator::Minus, expr: inner } = expr
            && let Expr::CompoundFieldAccess { root, access_chain } = inner.as_mut()
            && let Some((BinaryOperator::BitwiseXor, _)) = access_chain.first().and_then(arrow)
        {
            let number = mem::replace(root, Box::new(Expr::Value(Value::Null.into())));
            **root = Expr::UnaryOp { op: *op, expr: number };
            *expr = mem::replace(inner.as_mut(), Expr::Value(Value::Null.into()));
        }
        if let Expr::CompoundFieldAccess { root, access_chain } = expr
            && access_chain.iter().any(|access| arrow(access).is_some())
        {
            let root = mem::replace(root.as_mut(), Expr::Value(Value::Null.into()));
            *expr = with_operators(root, mem::take(access_chain));
        }
        ControlFlow::Continue(())
    }
}

/// The operator and the value of a subscript that stands for them.
fn arrow(access: &AccessExpr) -> Option<(BinaryOperator, &Expr)> {
    let AccessExpr::Subscript(Subscript::Index { index: Expr::Function(call) }) = access else {
        return None;
    };
    let [name] = call.name.0.as_slice() else { return None };
    let operator = operator(&name.as_ident()?.value)?;
    let FunctionArguments::List(list) = &call.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] => Some((operator, value)),
        _ => None,
    }
}

fn with_operators(root: Expr, chain: Vec<AccessExpr>) -> Expr {
    let (mut made, mut steps) = (root, Vec::new());
    for access in chain {
        match arrow(&access) {
            Some((op, value)) => {
                let (left, right) = (accessed(made, mem::take(&mut steps)), value.clone());
                let (left, right) = (Box::new(left), Box::new(right));
                made = Expr::Nested(Box::new(Expr::BinaryOp { left, op, right }));
            }
            None => steps.push(access),
        }
    }
    accessed(made, steps)
}

/// A value in another; of names alone they are a path.
fn accessed(root: Expr, steps: Vec<AccessExpr>) -> Expr {
    if steps.is_empty() {
        return root;
    }
    let name = |step: &AccessExpr| match step {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
        _ => None,
    };
    let names: Option<Vec<_>> = steps.iter().map(name).collect();
    match (root, names) {
        (Expr::Identifier(first), Some(names)) => {
            Expr::CompoundIdentifier([vec![first], names].concat())
        }
        (Expr::CompoundIdentifier(first), Some(names)) => {
            Expr::CompoundIdentifier([first, names].concat())
        }
        (root, _) => Expr::CompoundFieldAccess { root: Box::new(root), access_chain: steps },
    }
}
