//! A scan reads the leaves that are asked for, whatever stands between it and who asks.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use engine::{BinaryOp, Chain, Expr, How, NamedExpr, Session, SortKey};

use crate::fixture::{batch, chain, column, compare, integers, rows, save, session};
use crate::functions::AddOne;

/// `file{path, size, source}` and `id`, in memory.
fn files(session: &Arc<Session>) -> Chain {
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let parts = vec![
        (Arc::new(Field::new("path", DataType::Utf8, false)), text(vec!["a", "b", "a", "d"])),
        (Arc::new(Field::new("size", DataType::Int64, true)), integers([10, 20, 30, 10])),
        (Arc::new(Field::new("source", DataType::Utf8, false)), text(vec!["x"; 4])),
    ];
    let file: ArrayRef = Arc::new(StructArray::from(parts));
    let rows = batch(vec![("file", file), ("id", integers([1, 2, 3, 4]))]);
    let before = rows.schema();
    let nullable = |field: &Arc<Field>| Field::clone(field).with_nullable(field.name() != "file");
    let fields = before.fields().iter().map(nullable);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let columns = rows.columns().to_vec();
    let rows = RecordBatch::try_new_with_options(schema, columns, &options).unwrap();
    chain(session, vec![rows])
}

/// What a chain over the saved rows reads; it gives the same as over the rows in memory.
async fn check(columns: &[&str], step: impl Fn(&Chain) -> Chain) {
    let session = session().await;
    let plain = files(&session);
    let version = save(&plain, "files").await.unwrap().chain;
    let (found, wanted) = (step(&version), step(&plain));
    assert_eq!(found.schema().fields().len(), wanted.schema().fields().len());
    let shown =
        async |chain: &Chain| pretty_format_batches(&[rows(chain).await]).unwrap().to_string();
    assert_eq!(shown(&found).await, shown(&wanted).await);
    let text = found.explain().await.unwrap();
    let scans: Vec<&str> = text.lines().filter(|line| line.contains("DatasetScanExec")).collect();
    assert_eq!(scans.len(), columns.len(), "{text}");
    for (scan, columns) in scans.iter().zip(columns) {
        assert!(scan.contains(&format!("columns=[{columns}]")), "{text}");
    }
}

/// Only these leaves, as columns.
fn select(chain: &Chain, paths: &[&str]) -> Chain {
    let names: Vec<String> = paths.iter().map(|path| path.replace('.', "_")).collect();
    let columns = names.iter().zip(paths).map(|(name, path)| named(name, column(path)));
    let columns: Vec<NamedExpr> = columns.collect();
    chain.mutate(&columns).unwrap().select(&names).unwrap()
}

fn named(name: &str, expr: Expr) -> NamedExpr {
    NamedExpr { name: name.to_owned(), expr }
}

fn by(path: &str) -> SortKey {
    SortKey { expr: column(path), descending: true }
}

#[tokio::test]
async fn below_distinct() {
    check(&["file.path"], |files| {
        select(&files.distinct(&[column("file.path")]).unwrap(), &["file.path"])
    })
    .await;
    check(&["file.path, file.size, id"], |files| {
        let distinct = files.distinct(&[column("file.size")]).unwrap();
        select(&distinct, &["file.path", "id"])
    })
    .await;
}

#[tokio::test]
async fn below_unions() {
    check(&["file.path", "file.path"], |files| {
        select(&files.union(files).unwrap(), &["file.path"])
    })
    .await;
    // A branch that is not saved gives the same.
    check(&["file.size"], |rows| {
        let other = files(rows.session());
        select(&rows.union(&other).unwrap(), &["file.size"])
    })
    .await;
}

#[tokio::test]
async fn below_joins() {
    check(&["file.path, id", "file.size, id"], |files| {
        let on = [(column("id"), column("id"))];
        let merged = files.merge(files, &on, How::Inner, "right_").unwrap();
        let merged = merged.order_by(&[by("id")]).unwrap();
        select(&merged, &["file.path", "right_file.size"])
    })
    .await;
    check(&["file.path, file.size, id", "file.size, id"], |files| {
        let on = [(column("file.size"), column("file.size"))];
        let few = files.filter(&[compare("id", BinaryOp::Gt, 2)]).unwrap();
        let merged = files.merge(&few, &on, How::Left, "right_").unwrap();
        let merged = merged.order_by(&[by("id"), by("right_id")]).unwrap();
        select(&merged, &["file.path", "right_file.size"])
    })
    .await;
}

#[tokio::test]
async fn below_subtract() {
    check(&["file.path, id", "file.path, id"], |files| {
        let on = [(column("file.path"), column("file.path"))];
        let few = files.filter(&[compare("id", BinaryOp::Gt, 3)]).unwrap();
        let rest = files.merge(&few, &on, How::Anti, "right_").unwrap();
        select(&rest.order_by(&[by("id")]).unwrap(), &["file.path"])
    })
    .await;
}

#[tokio::test]
async fn below_functions_and_beside_their_results() {
    check(&["file.path, file.size"], |files| {
        let mapped = files.map(AddOne::default().stage("file.size", "next", 10)).unwrap();
        select(&mapped, &["file.path", "next"])
    })
    .await;
    check(&["file, id"], |files| {
        files.map(AddOne::default().stage("file.size", "next", 10)).unwrap()
    })
    .await;
}

#[tokio::test]
async fn by_other_names_and_after_each_other() {
    check(&["file.path, file.size"], |files| {
        let renamed = files.mutate(&[named("image", column("file"))]).unwrap();
        let sorted = renamed.order_by(&[by("image.size"), by("image.path")]).unwrap();
        let few =
            sorted.limit(3).unwrap().filter(&[compare("image.size", BinaryOp::Lt, 30)]).unwrap();
        select(&few, &["image.path"])
    })
    .await;
}

#[tokio::test]
async fn a_model_that_is_read_whole_somewhere_is_read_whole() {
    check(&["file"], |files| {
        let sized = files.mutate(&[named("size", column("file.size"))]).unwrap();
        sized.select(&["size".to_owned(), "file".to_owned()]).unwrap()
    })
    .await;
}

#[tokio::test]
async fn for_a_part_of_a_model() {
    check(&["file.path, file.source"; 2], |files| {
        let parts = ["file.path".to_owned(), "file.source".to_owned()];
        files.union(files).unwrap().limit(3).unwrap().select(&parts).unwrap()
    })
    .await;
}

#[tokio::test]
async fn parts_of_where_rows_are() {
    let some = |files: &Chain, paths: &[&str]| {
        select(&files.with_sys(true).unwrap(), paths).with_sys(false).unwrap()
    };
    check(&["sys.id"], |files| some(files, &["sys.id"])).await;
    check(&["id, sys.rand"], |files| some(files, &["sys.rand", "id"])).await;
    check(&["sys.id, sys.rand"], |files| {
        let first = files.with_sys(true).unwrap();
        some(&first.filter(&[compare("sys.id", BinaryOp::Lt, 3)]).unwrap(), &["sys.rand"])
    })
    .await;
}
