//! What is saved by reference is what a copy would be, and writes only what is new.

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use catalog::{CatalogExt, VersionSpec};
use lance_table::format::Fragment;

use crate::tests::save_as;
use crate::{
    BinaryOp, Chain, Config, Expr, GcOptions, NamedExpr, Result, Root, SaveMode, Saved, Session,
    SortKey,
};

const BLOB: usize = 40_000;

async fn session() -> Arc<Session> {
    let config = Config { target_partitions: 3, ..Config::with_root(Root::memory()) };
    Session::open(config).await.unwrap()
}

/// Rows that no encoding makes small.
fn rows(from: i64, to: i64) -> RecordBatch {
    let ids = Int64Array::from_iter_values(from..to);
    let blob = |id: i64| {
        let mut bytes = vec![0; BLOB];
        blake3::Hasher::new().update(&id.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    };
    let blobs = BinaryArray::from_iter((from..to).map(|id| (id % 7 != 0).then(|| blob(id))));
    let text = StringArray::from_iter((from..to).map(|id| (id % 5 != 0).then(|| id.to_string())));
    let parts: Vec<(Arc<Field>, ArrayRef)> = vec![
        (Arc::new(Field::new("path", DataType::Utf8, true)), Arc::new(text)),
        (Arc::new(Field::new("size", DataType::Int64, false)), Arc::new(ids.clone())),
    ];
    let lists = (from..to).map(|id| Some((0..id % 3).map(|_| Some(0.5)).collect::<Vec<_>>()));
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(lists);
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(ids)),
        ("file", Arc::new(StructArray::from(parts))),
        ("blob", Arc::new(blobs)),
        ("boxes", Arc::new(lists)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn chain(session: &Arc<Session>, batch: &RecordBatch) -> Chain {
    session.read_batches(&batch.schema(), from_ref(batch)).unwrap()
}

async fn save(chain: &Chain, name: &str) -> Saved {
    save_as(chain, name, SaveMode::Replace).await.unwrap()
}

/// A dataset of two files and more.
async fn origin(session: &Arc<Session>) -> Saved {
    save(&chain(session, &rows(0, 50)), "origin").await;
    save_as(&chain(session, &rows(50, 120)), "origin", SaveMode::Append).await.unwrap()
}

async fn read(session: &Arc<Session>, name: &str) -> Chain {
    session.read_dataset(&name.parse().unwrap(), &VersionSpec::Latest).await.unwrap()
}

async fn all(chain: &Chain) -> RecordBatch {
    concat_batches(&chain.schema(), &chain.collect().await.unwrap()).unwrap()
}

/// The bytes of a dataset's files that hold rows or tell which are left out.
async fn bytes(session: &Session, name: &str) -> u64 {
    let files = session.storage().list(&"data".into()).await.unwrap();
    let is_own = |path: &str| {
        path.contains(&format!("/{name}.lance/"))
            && (path.contains("/data/") || path.contains("/_deletions/"))
    };
    files.iter().filter(|file| is_own(file.location.as_ref())).map(|file| file.bytes).sum()
}

async fn fragments(session: &Session, saved: &Saved) -> Vec<Fragment> {
    session.open_version(&saved.record).await.unwrap().fragments().as_ref().clone()
}

fn col(path: &str) -> Expr {
    Expr::Column(path.to_owned())
}

fn number(value: i64) -> Expr {
    Expr::Literal(Arc::new(Int64Array::from(vec![value])))
}

fn binary(left: Expr, op: BinaryOp, right: Expr) -> Expr {
    Expr::Binary { op, left: Arc::new(left), right: Arc::new(right) }
}

fn named(name: &str, expr: Expr) -> NamedExpr {
    NamedExpr { name: name.to_owned(), expr }
}

fn half() -> NamedExpr {
    named("half", binary(col("id"), BinaryOp::Divide, number(2)))
}

fn remainder(of: i64, op: BinaryOp, is: i64) -> Expr {
    binary(binary(col("id"), BinaryOp::Modulo, number(of)), op, number(is))
}

/// Saves the chain of `origin`: its rows are the chain's, however they are read, and so many bytes are written.
async fn check(derive: impl Fn(&Chain) -> Result<Chain>, most: u64) -> (Arc<Session>, Saved) {
    let session = session().await;
    origin(&session).await;
    let derived = derive(&read(&session, "origin").await).unwrap();
    let expected = all(&derived).await;
    let saved = save(&derived, "derived").await;
    let written = bytes(&session, "derived").await;
    assert!(written <= most, "{written} bytes");
    assert_eq!(saved.record.rows, expected.num_rows() as u64);
    assert_eq!(saved.record.schema.fields(), derived.schema().fields());
    let preview = saved.record.preview.as_array().unwrap().len();
    assert_eq!(preview, expected.num_rows().min(20));
    for chain in [saved.chain.clone(), read(&session, "derived").await] {
        same_rows(&chain, &expected).await;
    }
    (session, saved)
}

async fn same_rows(chain: &Chain, expected: &RecordBatch) {
    assert_eq!(all(chain).await, *expected);
    for (at, field) in expected.schema().fields().iter().enumerate() {
        let one = all(&chain.select(&[field.name().clone()]).unwrap()).await;
        assert_eq!(one.column(0), expected.column(at), "{}", field.name());
    }
    if expected.schema().index_of("file").is_ok() {
        let sizes = all(&chain.select(&["file.size".to_owned()]).unwrap()).await;
        let files = expected["file"].as_struct();
        assert_eq!(&sizes["file"].as_struct()["size"], &files["size"]);
    }
    let few = expected.num_rows().min(9);
    assert_eq!(all(&chain.limit(few).unwrap()).await, expected.slice(0, few));
    if expected.schema().index_of("id").is_ok() {
        let last = SortKey { expr: col("id"), descending: true };
        let last = all(&chain.order_by(&[last]).unwrap().limit(5).unwrap()).await;
        let from = expected.num_rows().saturating_sub(5);
        let rows: Vec<_> =
            (from..expected.num_rows()).rev().map(|at| expected.slice(at, 1)).collect();
        assert_eq!(last, concat_batches(&expected.schema(), &rows).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_is_all_that_is_written() {
    check(|origin| origin.mutate(&[half()]), 10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_dropped_renamed_and_moved_write_nothing() {
    let (_, saved) = check(
        |origin| {
            let renamed = origin.mutate(&[named("picture", col("blob"))])?;
            renamed.select(&["picture".to_owned(), "file".to_owned(), "id".to_owned()])
        },
        0,
    )
    .await;
    let names = saved.record.schema.fields().iter().map(|field| field.name().as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["picture", "file", "id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_changes_is_a_new_model() {
    let bigger = binary(col("file.size"), BinaryOp::Add, number(1));
    check(|origin| origin.mutate(&[named("file.size", bigger.clone())]), 20_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_left_out_are_masked() {
    let (session, saved) = check(
        |origin| origin.filter(&[remainder(10, BinaryOp::NotEq, 3)])?.mutate(&[half()]),
        20_000,
    )
    .await;
    let fragments = fragments(&session, &saved).await;
    assert!(fragments.iter().all(|fragment| fragment.deletion_file.is_some()), "{fragments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_of_computed_values_masks_too() {
    let condition = binary(col("half"), BinaryOp::Gt, number(11));
    check(|origin| origin.mutate(&[half()])?.filter(from_ref(&condition)), 20_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_without_rows_are_not_listed() {
    let (session, saved) =
        check(|origin| origin.filter(&[binary(col("id"), BinaryOp::GtEq, number(50))]), 0).await;
    let before = fragments(&session, &origin_of(&session).await).await;
    assert!(fragments(&session, &saved).await.len() < before.len());
}

async fn origin_of(session: &Arc<Session>) -> Saved {
    let spec = VersionSpec::Latest;
    let record = session.catalog().resolve(&"origin".parse().unwrap(), &spec).await.unwrap();
    Saved { record, chain: read(session, "origin").await, is_new: false, computed: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_at_all_is_a_version_too() {
    check(|origin| origin.filter(&[binary(col("id"), BinaryOp::Lt, number(0))]), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_rows_are_copied() {
    let (session, saved) = check(
        |origin| origin.filter(&[remainder(31, BinaryOp::Eq, 1)])?.mutate(&[half()]),
        300_000,
    )
    .await;
    let fragments = fragments(&session, &saved).await;
    let mut files = fragments.iter().flat_map(|fragment| &fragment.files);
    assert!(files.all(|file| file.base_id.is_none()), "{fragments:?}");
    assert!(fragments.iter().all(|fragment| fragment.deletion_file.is_none()));
}

/// Two numbers for each row, others for every third.
fn vector() -> NamedExpr {
    let list = |numbers: [f64; 2]| {
        let row = [Some(numbers.map(Some))];
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>(row);
        Expr::Literal(Arc::new(list))
    };
    let branches = vec![(remainder(3, BinaryOp::Eq, 1), list([1.0, 2.0]))];
    let otherwise = Some(Arc::new(list([3.0, 0.5])));
    named("vector", Expr::Case { branches, otherwise })
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_stand_beside_shared_columns_unless_most_rows_are_left_out() {
    let cases = [(10, BinaryOp::NotEq, true), (2, BinaryOp::Eq, true), (3, BinaryOp::Eq, false)];
    for (of, op, is_shared) in cases {
        let session = session().await;
        origin(&session).await;
        let derived = read(&session, "origin").await.filter(&[remainder(of, op, 1)]).unwrap();
        let derived = derived.mutate(&[vector()]).unwrap();
        let expected = all(&derived).await;
        let saved = save(&derived, "derived").await;
        let kind = saved.record.schema.field_with_name("vector").unwrap().data_type().clone();
        assert!(matches!(kind, DataType::FixedSizeList(_, 2)), "{kind}");
        let found = all(&saved.chain).await;
        assert_eq!(&found["id"], &expected["id"]);
        let values = |batch: &RecordBatch| match batch["vector"].as_list_opt::<i32>() {
            Some(lists) => Arc::clone(lists.values()),
            None => Arc::clone(batch["vector"].as_fixed_size_list().values()),
        };
        assert_eq!(&values(&found), &values(&expected));
        let is_small = bytes(&session, "derived").await < 100_000;
        assert_eq!(is_small, is_shared, "{of}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_derived_of_derived_lists_the_files_of_both() {
    let (session, _) = check(|origin| origin.mutate(&[half()]), 10_000).await;
    let quarter = named("quarter", binary(col("half"), BinaryOp::Divide, number(2)));
    let second = read(&session, "derived").await.mutate(&[quarter]).unwrap();
    let second = second.filter(&[remainder(4, BinaryOp::NotEq, 1)]).unwrap();
    let expected = all(&second).await;
    let saved = save(&second, "second").await;
    same_rows(&saved.chain, &expected).await;
    let dataset = session.open_version(&saved.record).await.unwrap();
    assert_eq!(dataset.manifest().base_paths.len(), 2);
    // And once more, of rows that are masked.
    let third = read(&session, "second").await;
    let third = third.select(&["blob".to_owned(), "id".to_owned()]).unwrap();
    let expected = all(&third).await;
    same_rows(&save(&third, "third").await.chain, &expected).await;
    assert!(bytes(&session, "second").await + bytes(&session, "third").await < 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_may_be_derived_of_itself() {
    let session = session().await;
    origin(&session).await;
    let before = bytes(&session, "origin").await;
    let chain = read(&session, "origin").await;
    // Read before: nothing that is remembered of its files may be taken for the new version's.
    let old = all(&chain).await;
    let derived = chain.mutate(&[named("name", col("blob")), half()]).unwrap();
    let names = ["half", "name", "file", "id"].map(str::to_owned);
    let derived = derived.select(&names).unwrap();
    let expected = all(&derived).await;
    let saved = save(&derived, "origin").await;
    same_rows(&saved.chain, &expected).await;
    let dataset = session.open_version(&saved.record).await.unwrap();
    assert!(dataset.manifest().base_paths.is_empty());
    assert!(bytes(&session, "origin").await < before + 10_000);
    assert_eq!(all(&chain).await, old);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_is_there_learns_of_others() {
    let session = session().await;
    origin(&session).await;
    save(&chain(&session, &rows(0, 3)), "derived").await;
    for step in 1..4 {
        let value = named("step", binary(col("id"), BinaryOp::Add, number(step)));
        let derived = read(&session, "origin").await.mutate(&[value]).unwrap();
        let expected = all(&derived).await;
        same_rows(&save(&derived, "derived").await.chain, &expected).await;
    }
    assert!(bytes(&session, "derived").await < 3 * BLOB as u64 + 30_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_added_to_what_is_derived() {
    let (session, saved) = check(
        |origin| {
            let names = ["blob", "half", "id", "file"].map(str::to_owned);
            origin.mutate(&[half()])?.filter(&[remainder(9, BinaryOp::NotEq, 3)])?.select(&names)
        },
        20_000,
    )
    .await;
    let before = all(&saved.chain).await;
    let more = chain(&session, &rows(200, 210)).mutate(&[half()]).unwrap();
    let more = more.select(&["blob", "half", "id", "file"].map(str::to_owned)).unwrap();
    let expected = concat_batches(&before.schema(), &[before.clone(), all(&more).await]).unwrap();
    let both = save_as(&more, "derived", SaveMode::Append).await.unwrap();
    same_rows(&both.chain, &expected).await;
    let derived = read(&session, "derived").await.mutate(&[vector()]).unwrap();
    let found = all(&save(&derived, "again").await.chain).await;
    assert_eq!(&found["id"], &expected["id"]);
    assert_eq!(&found["blob"], &expected["blob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shares_little_is_copied() {
    let (session, saved) = check(|origin| origin.select(&["id".to_owned()]), 10_000).await;
    let fragments = fragments(&session, &saved).await;
    let mut files = fragments.iter().flat_map(|fragment| &fragment.files);
    assert!(files.all(|file| file.base_id.is_none()), "{fragments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_while_somebody_lists_them() {
    let (session, saved) = check(
        |origin| origin.filter(&[remainder(10, BinaryOp::NotEq, 3)])?.mutate(&[half()]),
        20_000,
    )
    .await;
    let expected = all(&saved.chain).await;
    let collect = async || {
        let options = GcOptions {
            ttl: Duration::ZERO,
            results_ttl: Duration::ZERO,
            compact: false,
            dry_run: false,
        };
        session.gc(options).await.unwrap();
    };
    let origin = "origin".parse().unwrap();
    for record in session.catalog().versions(catalog::VersionFilter::of(&origin)).await.unwrap() {
        session.catalog().remove_version(&origin, record.version).await.unwrap();
    }
    let before = bytes(&session, "origin").await;
    collect().await;
    assert_eq!(bytes(&session, "origin").await, before);
    same_rows(&read(&session, "derived").await, &expected).await;
    // Also beside the files of a new version.
    save(&chain(&session, &rows(0, 3)), "origin").await;
    collect().await;
    same_rows(&read(&session, "derived").await, &expected).await;
    session.catalog().remove_version(&saved.record.dataset, saved.record.version).await.unwrap();
    collect().await;
    assert_eq!(bytes(&session, "derived").await, 0);
    assert!(bytes(&session, "origin").await < 4 * BLOB as u64);
    let ids = all(&session.read_dataset(&origin, &VersionSpec::Latest).await.unwrap()).await;
    assert_eq!(ids["id"].as_primitive::<Int64Type>().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_removed_is_read_and_not_listed() {
    let session = session().await;
    let saved = origin(&session).await;
    let derived = read(&session, "origin").await.mutate(&[half()]).unwrap();
    let expected = all(&derived).await;
    session.catalog().remove_version(&saved.record.dataset, saved.record.version).await.unwrap();
    let saved = save(&derived, "derived").await;
    same_rows(&saved.chain, &expected).await;
    let dataset = session.open_version(&saved.record).await.unwrap();
    assert!(dataset.manifest().base_paths.is_empty());
}
