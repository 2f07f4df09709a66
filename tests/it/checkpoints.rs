//! Results of functions are kept and used again, and never when they would come out otherwise.

mod choices;
mod columns;
mod units;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Int64Type};
use engine::{
    BinaryOp, Chain, Expr, NamedExpr, OfRows, Progress, Result, Saved, Session, Stage, UdfOptions,
};
use futures::StreamExt;
use udf_runtime::{Answer, BatchFunction, FunctionFailure, Identity, RunningFunction, Shape, Stop};

use crate::fixture::{Place, batch, chain, column, compare, integers, request, session_on, values};

/// `value * by`, as often as `times` says; counts the rows that it computed.
#[derive(Clone, Debug)]
struct Multiply {
    by: i64,
    times: Option<usize>,
    fail_at: Option<i64>,
    code: &'static str,
    computed: Arc<AtomicUsize>,
    begun: Arc<Mutex<VecDeque<RecordBatch>>>,
}

impl Multiply {
    fn new(by: i64, code: &'static str) -> Self {
        let computed = Arc::default();
        Self { by, times: None, fail_at: None, code, computed, begun: Arc::default() }
    }

    fn computed(&self) -> usize {
        self.computed.swap(0, Ordering::SeqCst)
    }

    fn stage(&self, unit_rows: usize) -> Stage {
        Stage {
            function: Arc::new(self.clone()),
            arguments: vec![column("value")],
            results: vec![Arc::new(Field::new("product", DataType::Int64, true))],
            options: UdfOptions { unit_rows, ..UdfOptions::default() },
        }
    }
}

impl BatchFunction for Multiply {
    fn name(&self) -> &str {
        "multiply"
    }

    fn shape(&self) -> Shape {
        if self.times.is_some() { Shape::Any } else { Shape::OnePerRow }
    }

    fn identity(&self) -> std::result::Result<Identity, String> {
        if self.code.is_empty() {
            return Err("its code is secret".to_owned());
        }
        let (stage, code) = ("multiply".to_owned(), self.code.to_owned());
        let text = code.clone();
        Ok(Identity { stage, code, text, ..Identity::default() })
    }

    fn ship_anywhere(&self) -> std::result::Result<Vec<u8>, FunctionFailure> {
        Ok(self.by.to_le_bytes().to_vec())
    }

    fn start(&self) -> std::result::Result<Box<dyn RunningFunction>, FunctionFailure> {
        Ok(Box::new(self.clone()))
    }
}

impl RunningFunction for Multiply {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.lock().unwrap().push_back(arguments);
    }

    fn complete(&mut self, _stop: &Stop) -> std::result::Result<Answer, FunctionFailure> {
        let arguments = self.begun.lock().unwrap().pop_front().unwrap();
        let (mut products, mut origins) = (Vec::new(), Vec::new());
        for row in 0..arguments.num_rows() {
            let value = number(arguments.column(0), row);
            if Some(value) == self.fail_at {
                let mut failure = FunctionFailure::new("ValueError", "told to fail");
                failure.row = Some(row);
                return Err(failure);
            }
            self.computed.fetch_add(1, Ordering::SeqCst);
            for _ in 0..self.times.unwrap_or(1) {
                products.push(value * self.by);
                origins.push(u32::try_from(row).unwrap());
            }
        }
        let products: ArrayRef = Arc::new(Int64Array::from(products));
        let rows = RecordBatch::try_from_iter_with_nullable([("p", products, true)]).unwrap();
        let origins = self.times.map(|_| UInt32Array::from(origins));
        Ok(Answer { origins, ..Answer::one_per_row(rows) })
    }

    fn finish(&mut self) -> std::result::Result<(), FunctionFailure> {
        Ok(())
    }
}

/// An integer, or the sum of a list of them.
fn number(column: &ArrayRef, row: usize) -> i64 {
    match column.data_type() {
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>().value(row);
            list.as_primitive::<Int64Type>().values().iter().sum()
        }
        _ => column.as_primitive::<Int64Type>().value(row),
    }
}

/// Another process on the same folder, and `0..rows` in it.
async fn numbers(root: &Place, rows: i64) -> (Arc<Session>, Chain) {
    let session = session_on(root).await;
    let all = chain(&session, vec![batch(vec![("value", integers(0..rows))])]);
    (session, all)
}

async fn save(chain: &Chain, progress: &Arc<Progress>) -> Result<Saved> {
    chain.save(request(chain.session(), "out").await, progress).await
}

/// Runs a map over a thousand rows as a new process would: the products, and the remarks.
async fn run(root: &Place, function: &Multiply) -> (Result<Saved>, Vec<String>) {
    let (_session, all) = numbers(root, 1000).await;
    let progress = Arc::default();
    let saved = save(&all.map(function.stage(100)).unwrap(), &progress).await;
    (saved, progress.remarks())
}

fn products(by: i64) -> Vec<i64> {
    (0..1000).map(|value| value * by).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_stage_goes_on_where_it_failed() {
    let root = Place::new();
    let bad = Multiply { fail_at: Some(236), ..Multiply::new(2, "bad") };
    let (failed, _) = run(&root, &bad).await;
    assert!(failed.is_err());
    let good = Multiply::new(2, "good");
    let (saved, remarks) = run(&root, &good).await;
    assert_eq!(values(&saved.unwrap().chain, "product").await, products(2));
    assert_eq!(good.computed(), 800);
    let said =
        "UDF 'multiply': continuing from checkpoint, 200 rows done, 200 of them by earlier code";
    assert_eq!(remarks, [said]);
    // Rows of two codes are not what either makes: such a version is never unchanged.
    assert!(run(&root, &good).await.0.unwrap().is_new);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_is_the_version_that_is_there() {
    let root = Place::new();
    let function = Multiply::new(2, "code");
    let first = run(&root, &function).await.0.unwrap();
    assert_eq!(function.computed(), 1000);
    let (again, remarks) = run(&root, &function).await;
    let again = again.unwrap();
    assert_eq!(function.computed(), 0);
    assert!(first.is_new && !again.is_new);
    assert_eq!(first.record.uuid, again.record.uuid);
    assert_eq!(remarks, ["Dataset 'out@1.0.0': unchanged, 1000 rows"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_code_computes_a_complete_stage_anew() {
    let root = Place::new();
    run(&root, &Multiply::new(2, "two")).await.0.unwrap();
    let three = Multiply::new(3, "three");
    let (saved, remarks) = run(&root, &three).await;
    let saved = saved.unwrap();
    assert_eq!(values(&saved.chain, "product").await, products(3));
    assert_eq!((three.computed(), saved.record.version.to_string()), (1000, "1.0.1".to_owned()));
    assert_eq!(remarks, Vec::<String>::new());
    // The first code's results are still there; its version is no longer the newest, so there is a new one.
    let two = Multiply::new(2, "two");
    let back = run(&root, &two).await.0.unwrap();
    assert_eq!((two.computed(), back.record.version.to_string()), (0, "1.0.2".to_owned()));
    assert_eq!(values(&back.chain, "product").await, products(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_stage_is_not_continued_by_other_code() {
    let root = Place::new();
    let (_session, all) = numbers(&root, 1000).await;
    let mapped = all.map(Multiply::new(2, "two").stage(10)).unwrap();
    let progress = Arc::default();
    let (_, mut rows) = mapped.stream(&progress).await.unwrap();
    let mut seen = 0;
    while seen < 100 {
        seen += rows.next().await.unwrap().unwrap().num_rows();
    }
    drop(rows);
    let three = Multiply::new(3, "three");
    let saved = run(&root, &three).await.0.unwrap();
    assert_eq!(values(&saved.chain, "product").await, products(3));
    assert_eq!(three.computed(), 1000);
    let two = Multiply::new(2, "two");
    let saved = run(&root, &two).await.0.unwrap();
    assert_eq!(values(&saved.chain, "product").await, products(2));
    assert!(two.computed() <= 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_another_input_only_what_is_new_is_computed() {
    let root = Place::new();
    let function = Multiply::new(2, "code");
    run(&root, &function).await.0.unwrap();
    function.computed();
    let (_session, all) = numbers(&root, 1001).await;
    let saved = save(&all.map(function.stage(100)).unwrap(), &Arc::default()).await.unwrap();
    assert_eq!(saved.record.rows, 1001);
    assert_eq!(function.computed(), 1);
}

/// The products of a chain over rows that have a column `value`.
async fn mapped(rows: &Chain, function: &Multiply) -> Vec<i64> {
    values(&rows.map(function.stage(10)).unwrap(), "product").await
}

#[tokio::test(flavor = "multi_thread")]
async fn found_and_computed_rows_keep_their_order() {
    let root = Place::new();
    let function = Multiply::new(2, "code");
    let session = session_on(&root).await;
    let rows = |values: Vec<i64>| chain(&session, vec![batch(vec![("value", integers(values))])]);
    let odd: Vec<i64> = (0..100).filter(|value| value % 2 == 1).collect();
    mapped(&rows(odd), &function).await;
    assert_eq!(function.computed(), 50);
    let reversed: Vec<i64> = (0..100).rev().collect();
    let twice: Vec<i64> = reversed.iter().map(|value| value * 2).collect();
    assert_eq!(mapped(&rows(reversed), &function).await, twice);
    assert_eq!(function.computed(), 50);
    // Equal arguments keep their count.
    assert_eq!(mapped(&rows(vec![3, 3, 5, 3, 200]), &function).await, [6, 6, 10, 6, 400]);
    assert_eq!(function.computed(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_results_of_found_rows_keep_their_order() {
    let root = Place::new();
    let function = Multiply { times: Some(3), ..Multiply::new(2, "code") };
    let session = session_on(&root).await;
    let made = async |values: Vec<i64>| {
        let rows = chain(&session, vec![batch(vec![("value", integers(values))])]);
        let made = rows.generate(function.stage(10), &["value".to_owned()]).unwrap();
        (self::values(&made, "value").await, self::values(&made, "product").await)
    };
    made((0..100).filter(|value| value % 3 != 0).collect()).await;
    function.computed();
    let wanted: Vec<i64> = (0..100).rev().flat_map(|value| [value; 3]).collect();
    let (value, product) = made((0..100).rev().collect()).await;
    assert_eq!(value, wanted);
    assert_eq!(product, wanted.iter().map(|value| value * 2).collect::<Vec<_>>());
    assert_eq!(function.computed(), 34);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_groups_only_what_changed_is_computed() {
    let root = Place::new();
    let function = Multiply::new(1, "sum");
    let session = session_on(&root).await;
    let sums = async |last: i64| {
        let numbers = (0..9).chain([last]);
        let keys = integers((0..10).map(|at| at % 3));
        let rows = chain(&session, vec![batch(vec![("value", integers(numbers)), ("key", keys)])]);
        values(&rows.aggregate(function.stage(10), &by_key(), &[]).unwrap(), "product").await
    };
    assert_eq!(sums(9).await, [18, 12, 15]);
    assert_eq!(function.computed(), 3);
    assert_eq!(sums(90).await, [99, 12, 15]);
    assert_eq!(function.computed(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_functions_of_a_plan_are_called_each() {
    let root = Place::new();
    let function = Multiply::new(2, "code");
    let (_session, all) = numbers(&root, 100).await;
    let renamed = |name: &str| Stage {
        results: vec![Arc::new(Field::new(name, DataType::Int64, true))],
        ..function.stage(10)
    };
    let twice = all.map(renamed("one")).unwrap().map(renamed("two")).unwrap();
    for computed in [200, 0] {
        assert_eq!(values(&twice, "one").await, values(&twice, "two").await);
        assert_eq!(function.computed(), computed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repaired_code_takes_over_nothing_where_it_gives_other_results() {
    let root = Place::new();
    let bad = Multiply { fail_at: Some(236), ..Multiply::new(3, "bad") };
    assert!(run(&root, &bad).await.0.is_err());
    let good = Multiply::new(2, "good");
    let (saved, remarks) = run(&root, &good).await;
    assert_eq!(values(&saved.unwrap().chain, "product").await, products(2));
    assert_eq!(good.computed(), 1000);
    let said = "UDF 'multiply': nothing of earlier code is taken over, because it gives other \
                results for rows that both computed";
    assert_eq!(remarks, [said]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_repaired_code_refuses_ends_no_run_that_has_it_not() {
    let root = Place::new();
    let bad = Multiply { fail_at: Some(236), ..Multiply::new(2, "bad") };
    assert!(run(&root, &bad).await.0.is_err());
    let picky = Multiply { fail_at: Some(210), ..Multiply::new(2, "picky") };
    let (_session, all) = numbers(&root, 1000).await;
    let few = all.filter(&[compare("value", BinaryOp::Lt, 100)]).unwrap();
    for _ in 0..2 {
        let found = values(&few.map(picky.stage(100)).unwrap(), "product").await;
        assert_eq!(found, products(2)[..100]);
    }
    // Rows that were compared, and then those that were wanted; once.
    assert_eq!(picky.computed(), 10 + 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_unit_is_computed_again() {
    let root = Place::on_disk();
    let function = Multiply::new(2, "code");
    run(&root, &function).await.0.unwrap();
    function.computed();
    let mut units = Vec::new();
    for stage in std::fs::read_dir(root.path().join("jobs")).unwrap() {
        for file in std::fs::read_dir(stage.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "unit") {
                units.push(path);
            }
        }
    }
    units.sort();
    assert_eq!(units.len(), 10);
    let mut bytes = std::fs::read(&units[3]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&units[3], bytes).unwrap();
    let (_session, all) = numbers(&root, 1000).await;
    let mapped = all.map(function.stage(100)).unwrap();
    assert_eq!(values(&mapped, "product").await, products(2));
    assert_eq!(function.computed(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_reads_a_complete_result() {
    let root = Place::new();
    let function = Multiply::new(2, "code");
    run(&root, &function).await.0.unwrap();
    function.computed();
    let (_session, all) = numbers(&root, 1000).await;
    let mapped = all.map(function.stage(100)).unwrap();
    let found = mapped.filter(&[compare("value", BinaryOp::Gt, 997)]).unwrap();
    assert_eq!(values(&found, "product").await, [1996, 1998]);
    assert_eq!(values(&mapped.limit(2).unwrap(), "product").await, [0, 2]);
    assert_eq!(function.computed(), 0);
    // Only the rows that are wanted are computed.
    let other = Multiply::new(3, "other");
    let mapped = all.map(other.stage(100)).unwrap();
    let found = mapped.filter(&[compare("value", BinaryOp::Gt, 997)]).unwrap();
    assert_eq!(values(&found, "product").await, [2994, 2997]);
    assert_eq!(other.computed(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_identity_is_called_anew_and_the_reason_told() {
    let root = Place::new();
    let function = Multiply::new(2, "");
    for _ in 0..2 {
        let (saved, remarks) = run(&root, &function).await;
        assert!(saved.unwrap().is_new);
        assert_eq!(function.computed(), 1000);
        assert_eq!(remarks, ["UDF 'multiply': no checkpoint, because its code is secret"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_results_of_a_row_are_kept_with_their_row() {
    let root = Place::new();
    let bad = Multiply { times: Some(3), fail_at: Some(450), ..Multiply::new(2, "bad") };
    let good = Multiply { fail_at: None, computed: Arc::default(), code: "good", ..bad.clone() };
    let (_session, all) = numbers(&root, 1000).await;
    let keep = ["value".to_owned()];
    let failed = save(&all.generate(bad.stage(100), &keep).unwrap(), &Arc::default()).await;
    assert!(failed.is_err());
    let (_session, all) = numbers(&root, 1000).await;
    let generated = all.generate(good.stage(100), &keep).unwrap();
    let saved = save(&generated, &Arc::default()).await.unwrap();
    assert_eq!(good.computed(), 600);
    let wanted: Vec<i64> = (0..1000).flat_map(|value| [value; 3]).collect();
    assert_eq!(values(&saved.chain, "value").await, wanted);
    let wanted: Vec<i64> = wanted.iter().map(|value| value * 2).collect();
    assert_eq!(values(&saved.chain, "product").await, wanted);
}

/// Rows `0..1000` with the key `value % 7`, in five batches.
async fn keyed(root: &Place) -> Chain {
    let session = session_on(root).await;
    let part = |from: i64| {
        let keys = integers((from..from + 200).map(|value| value % 7));
        batch(vec![("value", integers(from..from + 200)), ("key", keys)])
    };
    chain(&session, (0..5).map(|at| part(at * 200)).collect())
}

fn by_key() -> Vec<NamedExpr> {
    vec![NamedExpr { name: "key".to_owned(), expr: column("key") }]
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_come_in_the_order_of_their_keys() {
    let root = Place::new();
    let rows = keyed(&root).await;
    let sums: Vec<i64> =
        (0..7).map(|key| (0..1000).filter(|value| value % 7 == key).sum()).collect();
    let bad = Multiply { fail_at: Some(sums[4]), ..Multiply::new(1, "bad") };
    let keep = ["key".to_owned()];
    let grouped = rows.aggregate(bad.stage(2), &by_key(), &keep).unwrap();
    assert!(save(&grouped, &Arc::default()).await.is_err());
    let good = Multiply::new(1, "good");
    let rows = keyed(&root).await;
    let grouped = rows.aggregate(good.stage(2), &by_key(), &keep).unwrap();
    let saved = save(&grouped, &Arc::default()).await.unwrap();
    // One more to compare: two units were durable, and none was open.
    assert_eq!(good.computed(), 3 + 1);
    assert_eq!(values(&saved.chain, "key").await, (0..7).collect::<Vec<_>>());
    assert_eq!(values(&saved.chain, "product").await, sums);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_all_rows_are_one_group() {
    let root = Place::new();
    let sum = keyed(&root).await.aggregate(Multiply::new(1, "sum").stage(10), &[], &[]).unwrap();
    assert_eq!(values(&sum, "product").await, [(0..1000).sum::<i64>()]);
    let none = keyed(&root).await.filter(&[compare("value", BinaryOp::Gt, 5000)]).unwrap();
    let sum = none.aggregate(Multiply::new(1, "sum").stage(10), &[], &[]).unwrap();
    assert_eq!(values(&sum, "product").await, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_without_a_fixed_order_goes_on_too() {
    let root = Place::new();
    let sums = async |function: &Multiply| {
        let total = OfRows {
            function: "sum".to_owned(),
            arguments: vec![column("value")],
            ..OfRows::default()
        };
        let expr = Expr::OfRows(Arc::new(total));
        let total = NamedExpr { name: "value".to_owned(), expr };
        let rows = keyed(&root).await.group_by(&by_key(), &[total]).unwrap();
        let mapped = rows.map(function.stage(2)).unwrap();
        mapped.collect().await.map(|batches| {
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            rows
        })
    };
    let bad = Multiply {
        fail_at: Some((0..1000).filter(|v| v % 7 == 6).sum()),
        ..Multiply::new(1, "bad")
    };
    assert!(sums(&bad).await.is_err());
    let done = bad.computed();
    let good = Multiply::new(1, "good");
    assert_eq!(sums(&good).await.unwrap(), 7);
    // Where no unit is open, the last row is computed once more to compare it.
    let compared = usize::from(done > 0 && done.is_multiple_of(2));
    assert_eq!(good.computed(), 7 - done / 2 * 2 + compared, "{done} were done");
}
