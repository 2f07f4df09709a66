//! `decimal_text`: a text on its way to a decimal. Without a digit it is none; Arrow (58) takes it for 0.
//!
//! It is not for users to call by name: [`DecimalsHaveDigits`] puts it around texts that are cast to decimals.

use std::mem;
use std::sync::Arc;

use arrow::array::{AsArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, ScalarUDF, TryCast};

use super::simple::{refused, simple};

const NAME: &str = "decimal_text";

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![simple(NAME, types, |of| {
        let texts = of[0].as_string_view();
        if texts.iter().flatten().all(has_digit) {
            return Ok(Arc::clone(&of[0]));
        }
        // In quotes it is refused, and can be read in the error.
        let texts = texts.iter().map(|text| {
            text.map(|text| if has_digit(text) { text.to_owned() } else { format!("'{text}'") })
        });
        Ok(Arc::new(texts.collect::<StringViewArray>()))
    })]
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn types(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [_] => Ok((vec![DataType::Utf8View], DataType::Utf8View)),
        kinds => refused(NAME, kinds),
    }
}

/// Puts the call around texts that become decimals.
#[derive(Debug)]
pub(crate) struct DecimalsHaveDigits;

impl FunctionRewrite for DecimalsHaveDigits {
    fn name(&self) -> &'static str {
        "decimals_have_digits"
    }

    fn rewrite(
        &self,
        mut expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        if let Expr::Cast(Cast { expr: text, field }) | Expr::TryCast(TryCast { expr: text, field }) =
            &mut expr
            && field.data_type().is_decimal()
            && text.get_type(schema)?.is_string()
            && !is_number(text)
        {
            **text = Expr::ScalarFunction(super::call(NAME, vec![mem::take(text.as_mut())])?);
            return Ok(Transformed::yes(expr));
        }
        Ok(Transformed::no(expr))
    }
}

/// Whether it is a constant with a digit, and needs no call.
fn is_number(text: &Expr) -> bool {
    match text {
        Expr::Literal(value, _) => value.try_as_str().flatten().is_some_and(has_digit),
        _ => false,
    }
}
