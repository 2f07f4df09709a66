//! What is said arrives as it was said.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, DictionaryArray, UInt32Array};
use arrow::datatypes::{Int32Type, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::{Callee, Reply, Request};
use crate::{Answer, FunctionFailure, RowFailure, Spent};

fn rows() -> RecordBatch {
    let words: DictionaryArray<Int32Type> = ["a", "b", "a", "c"].into_iter().collect();
    let words: ArrayRef = Arc::new(words);
    RecordBatch::try_from_iter([("words", words)]).expect("a batch").slice(1, 3)
}

fn without_columns(rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::new(Schema::empty());
    RecordBatch::try_new_with_options(schema, vec![], &options).expect("a batch")
}

#[track_caller]
fn check_answer(answer: Answer) {
    let frame = Reply::Answered { sequence: 7, answer: answer.clone() }.into_frame();
    let reply = Reply::from_frame(frame.expect("a frame")).expect("a reply");
    let Reply::Answered { sequence: 7, answer: seen } = reply else { panic!("{reply:?}") };
    assert_eq!((seen.rows, seen.origins, seen.spent), (answer.rows, answer.origins, answer.spent));
    assert_eq!(format!("{:?}", seen.failures), format!("{:?}", answer.failures));
}

#[test]
fn answers_arrive() {
    check_answer(Answer::one_per_row(rows()));
    check_answer(Answer::one_per_row(without_columns(3)));
    let failure = FunctionFailure { row: Some(2), ..FunctionFailure::new("ValueError", "no") };
    let spent = Spent { converting: Duration::from_nanos(7), calling: Duration::from_secs(3) };
    for rows in [rows(), without_columns(3)] {
        let origins = Some(UInt32Array::from(vec![0, 0, 4]));
        let failures = vec![RowFailure { attempts: 3, failure: failure.clone() }];
        check_answer(Answer { rows, origins, failures, spent, more: false });
    }
}

#[test]
fn calls_arrive() {
    for arguments in [rows(), without_columns(3), without_columns(0)] {
        let callee = Callee { function: u64::MAX, pulses: true };
        let call = Request::Call { sequence: 3, callee, arguments: arguments.clone() };
        let call = Request::from_frame(call.into_frame().expect("a frame")).expect("a request");
        let Request::Call { sequence: 3, callee: seen, arguments: arrived } = call else {
            panic!("{call:?}")
        };
        assert_eq!((seen, arrived), (callee, arguments));
    }
}

#[test]
fn rows_and_tear_downs_arrive() {
    let arrived = |reply: Reply| Reply::from_frame(reply.into_frame().expect("a frame"));
    let rows = Reply::Rows { sequence: 7, rows: 3..5 };
    let Ok(Reply::Rows { sequence: 7, rows }) = arrived(rows) else { panic!("no rows") };
    assert_eq!(rows, 3..5);
    let failure = Some(FunctionFailure::new("OSError", "not released"));
    for failure in [None, failure] {
        let kind = failure.as_ref().map(|failure| failure.kind.clone());
        let Ok(Reply::TornDown { failure }) = arrived(Reply::TornDown { failure }) else {
            panic!("no tear-down")
        };
        assert_eq!(failure.map(|failure| failure.kind), kind);
    }
}
