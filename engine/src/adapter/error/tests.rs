//! Every error survives the way through DataFusion and back.

use std::io;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::{Error, StorageKind};

#[track_caller]
fn check(error: Error) {
    let (code, message) = (error.code(), error.to_string());
    let wrapped = DataFusionError::from(error).context("while planning");
    let arrow = ArrowError::ExternalError(Box::new(wrapped));
    let back = Error::from(DataFusionError::ArrowError(Box::new(arrow), None));
    assert_eq!((back.code(), back.to_string()), (code, message));
}

#[test]
fn each_variant_survives_the_loop() {
    let text = || "x".to_owned();
    check(Error::UnknownColumn { name: text(), near: vec![], known: vec![text()] });
    check(Error::ColumnExists { name: text() });
    check(Error::InvalidExpression { expression: text(), reason: text() });
    check(Error::Value { what: text() });
    check(Error::InvalidArgument { argument: "limit", given: text(), accepted: text() });
    check(Error::PathNotFound { path: text() });
    check(Error::FileChanged { path: text(), how: text() });
    let kind = StorageKind::Full;
    check(Error::Storage { action: "write", location: text(), kind, reason: text(), source: None });
    check(Error::Corrupt { what: text(), reason: text(), source: None });
    check(Error::NotSupported { what: text(), instead: text() });
    check(Error::Execution { source: Box::new(DataFusionError::Execution(text())) });
    check(Error::internal("x"));
    check(Error::Function(udf_runtime::Error::Spawn {
        name: text(),
        source: io::Error::other("no"),
    }));
}

#[track_caller]
fn check_words(raw: DataFusionError, code: &str, message: &str) {
    let error = Error::from(raw);
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
}

#[test]
fn values_that_do_not_convert_are_named() {
    let cast = |text: &str| DataFusionError::from(ArrowError::CastError(text.to_owned()));
    check_words(
        cast("Cannot cast string 'a' to value of Int64 type"),
        "engine.value",
        "`a` cannot be converted to int64",
    );
    check_words(
        cast("Can't cast value 300 to type Int8"),
        "engine.value",
        "`300` cannot be converted to int8",
    );
    let parse = "Error parsing timestamp from 'x': error parsing date".to_owned();
    check_words(
        ArrowError::ParseError(parse).into(),
        "engine.value",
        "`x` cannot be converted to datetime",
    );
}

#[test]
fn values_that_are_missing_or_zero_are_named() {
    check_words(
        ArrowError::DivideByZero.into(),
        "engine.value",
        "a number is divided by zero; hint: `nullif(x, 0)` divides by null",
    );
    let missing = "Placeholder '$1' was not provided a value for execution.".to_owned();
    check_words(
        DataFusionError::Execution(missing),
        "engine.value",
        "the parameter `$1` has no value",
    );
}

#[test]
fn a_pattern_is_named_with_the_reason() {
    let parse = "regex parse error:\n    (\n    ^\nerror: unclosed group";
    check_words(
        DataFusionError::Execution(parse.to_owned()),
        "engine.value",
        "`(` is no regular expression: unclosed group",
    );
}

#[test]
fn kinds_of_errors_are_not_shown() {
    check_words(
        DataFusionError::Plan("no way".to_owned()).context("while planning"),
        "engine.execution",
        "the query failed: no way",
    );
}
