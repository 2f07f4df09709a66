//! Every error survives the way through DataFusion and back.

use std::io;

use datafusion::error::DataFusionError;

use crate::Error;

#[track_caller]
fn check(error: Error) {
    let (code, message) = (error.code(), error.to_string());
    let wrapped = DataFusionError::from(error).context("while planning");
    let arrow = arrow::error::ArrowError::ExternalError(Box::new(wrapped));
    let back = Error::from(DataFusionError::ArrowError(Box::new(arrow), None));
    assert_eq!((back.code(), back.to_string()), (code, message));
}

#[test]
fn each_variant_survives_the_loop() {
    let text = || "x".to_owned();
    check(Error::UnknownColumn { name: text(), near: vec![], known: vec![text()] });
    check(Error::ColumnExists { name: text() });
    check(Error::InvalidExpression { expression: text(), reason: text() });
    check(Error::InvalidArgument { argument: "limit", given: text(), accepted: text() });
    check(Error::PathNotFound { path: text() });
    check(Error::Storage { action: "write", location: text(), reason: text(), source: None });
    check(Error::Corrupt { what: text(), reason: text(), source: None });
    check(Error::NotSupported { what: text(), instead: text() });
    check(Error::Execution { source: Box::new(DataFusionError::Execution(text())) });
    check(Error::internal("x"));
    check(Error::Function(udf_runtime::Error::Spawn {
        name: text(),
        source: io::Error::other("no"),
    }));
}
