//! What the optimizer must do to plans, seen in the text of `explain`.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use engine::{BinaryOp, Chain, How, NamedExpr, SortKey};

use crate::fixture::{batch, chain, column, compare, integers, rows, save, session, values};
use crate::functions::AddOne;

/// A saved dataset `files` of three rows: `file{path, size}`, `id`.
async fn files() -> Chain {
    let session = session().await;
    let paths: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let parts = vec![
        (Arc::new(Field::new("path", DataType::Utf8, false)), paths),
        (Arc::new(Field::new("size", DataType::Int64, false)), integers([10, 20, 30])),
    ];
    let file: ArrayRef = Arc::new(StructArray::from(parts));
    let rows = batch(vec![("file", file), ("id", integers([1, 2, 3]))]);
    save(&chain(&session, vec![rows]), "files").await.unwrap().chain
}

/// Line numbers of the first line with each part, in the plan or in the operators.
#[track_caller]
fn lines(text: &str, section: &str, parts: &[&str]) -> Vec<usize> {
    let section = text.split(section).nth(1).unwrap();
    let find = |part: &&str| section.lines().position(|line| line.contains(*part));
    parts
        .iter()
        .map(|part| find(part).unwrap_or_else(|| panic!("no `{part}` in\n{text}")))
        .collect()
}

fn descending(path: &str) -> SortKey {
    SortKey { expr: column(path), descending: true }
}

#[tokio::test]
async fn a_filter_on_a_column_that_passes_through_runs_below_the_map() {
    let add_one = AddOne::default();
    let mapped = files().await.map(add_one.stage("id", "next", 10)).unwrap();
    let found = mapped.filter(&[compare("file.size", BinaryOp::Gt, 10)]).unwrap();
    let text = found.explain().await.unwrap();
    let order = lines(&text, "operators:", &["UdfMapExec", "FilterExec", "DatasetScanExec"]);
    assert!(order.is_sorted(), "{text}");
    assert_eq!(values(&found, "next").await, [3, 4]);
    assert_eq!(add_one.rows(), 2);
}

#[tokio::test]
async fn a_filter_on_a_result_stays_above_the_map() {
    let mapped = files().await.map(AddOne::default().stage("id", "next", 10)).unwrap();
    let found = mapped.filter(&[compare("next", BinaryOp::Gt, 2)]).unwrap();
    let text = found.explain().await.unwrap();
    let order = lines(&text, "operators:", &["FilterExec", "UdfMapExec", "DatasetScanExec"]);
    assert!(order.is_sorted(), "{text}");
    assert_eq!(values(&found, "next").await, [3, 4]);
}

#[tokio::test]
async fn a_limit_runs_below_the_map() {
    let add_one = AddOne::default();
    let first = files().await.map(add_one.stage("id", "next", 10)).unwrap().limit(1).unwrap();
    let text = first.explain().await.unwrap();
    assert!(text.contains("rows=1,"), "{text}");
    assert_eq!(values(&first, "next").await, [2]);
    assert_eq!(add_one.rows(), 1);
}

#[tokio::test]
async fn rows_before_an_offset_are_not_read() {
    let files = files().await;
    let mapped = files.map(AddOne::default().stage("id", "next", 10)).unwrap();
    let path = NamedExpr { name: "name".to_owned(), expr: column("file.path") };
    let named = files.mutate(&[path]).unwrap();
    for (chain, read) in [
        (files.offset(1).unwrap().limit(1).unwrap(), 1),
        (files.limit(2).unwrap().offset(1).unwrap(), 1),
        (files.offset(1).unwrap().offset(1).unwrap(), 1),
        (mapped.offset(2).unwrap(), 1),
        (named.offset(1).unwrap(), 2),
        (files.offset(7).unwrap(), 0),
    ] {
        let text = chain.explain().await.unwrap();
        assert!(text.contains(&format!("rows={read},")), "{read}: {text}");
        assert_eq!(rows(&chain).await.num_rows(), read, "{text}");
    }
    assert_eq!(values(&mapped.offset(2).unwrap(), "next").await, [4]);
    let kept = [compare("id", BinaryOp::Gt, 1)];
    assert_eq!(values(&files.filter(&kept).unwrap().offset(1).unwrap(), "id").await, [3]);
    assert_eq!(values(&files.offset(1).unwrap().filter(&kept).unwrap(), "id").await, [2, 3]);
}

#[tokio::test]
async fn a_count_does_not_call_the_function() {
    let add_one = AddOne::default();
    let mapped = files().await.map(add_one.stage("id", "next", 10)).unwrap();
    assert_eq!(mapped.count(&Arc::default()).await.unwrap(), 3);
    let kept = mapped.filter(&[compare("id", BinaryOp::GtEq, 2)]).unwrap();
    assert_eq!(kept.count(&Arc::default()).await.unwrap(), 2);
    assert_eq!(add_one.rows(), 0);
}

#[tokio::test]
async fn results_that_nobody_reads_are_not_computed() {
    let mapped = files().await.map(AddOne::default().stage("id", "next", 10)).unwrap();
    let text = mapped.select(&["file.path".to_owned()]).unwrap().explain().await.unwrap();
    assert!(!text.contains("UdfMap"), "{text}");
}

#[tokio::test]
async fn a_scan_reads_only_the_leaf_that_is_asked_for() {
    let path = NamedExpr { name: "name".to_owned(), expr: column("file.path") };
    let names = files().await.mutate(&[path]).unwrap().select(&["name".to_owned()]).unwrap();
    let text = names.explain().await.unwrap();
    assert!(text.contains("columns=[file.path]"), "{text}");
    assert_eq!(rows(&names).await.num_rows(), 3);
}

#[tokio::test]
async fn a_scan_for_sql_reads_only_the_leaf_that_is_asked_for() {
    let session = Arc::clone(files().await.session());
    let sizes =
        sql::query(&session, "SELECT f.file.size FROM files AS f WHERE f.file.size > 10").await;
    let sizes = sizes.unwrap();
    let text = sizes.explain().await.unwrap();
    assert!(text.contains("columns=[file.size]"), "{text}");
    assert_eq!(values(&sizes, "size").await, [20, 30]);
}

#[tokio::test]
async fn a_scan_below_distinct_and_windows_reads_only_the_leaves_that_are_asked_for() {
    let first = files().await.distinct(&[column("file.size")]).unwrap();
    let path = NamedExpr { name: "name".to_owned(), expr: column("file.path") };
    let first = first.mutate(&[path]).unwrap().select(&["name".to_owned()]).unwrap();
    let text = first.explain().await.unwrap();
    assert!(text.contains("columns=[file.path, file.size]"), "{text}");
    assert_eq!(rows(&first).await.num_rows(), 3);
    let session = Arc::clone(first.session());
    let query = "SELECT n, f.id FROM (SELECT *, row_number() OVER (PARTITION BY files.file.path \
                 ORDER BY files.file.size) AS n FROM files) AS f WHERE n = 1 AND f.file.size > 10";
    let found = sql::query(&session, query).await.unwrap();
    let text = found.explain().await.unwrap();
    assert!(text.contains("columns=[file.path, file.size, id]"), "{text}");
    assert_eq!(values(&found, "id").await, [2, 3]);
}

#[tokio::test]
async fn scans_below_a_merge_read_only_the_leaves_that_are_asked_for() {
    let files = files().await;
    let on = [(column("file.path"), column("file.path"))];
    let both = files.merge(&files, &on, How::Inner, "right_").unwrap();
    let sizes = NamedExpr { name: "size".to_owned(), expr: column("file.size") };
    let others = NamedExpr { name: "other".to_owned(), expr: column("right_file.size") };
    let both = both.mutate(&[sizes, others]).unwrap();
    let both = both.select(&["size".to_owned(), "other".to_owned()]).unwrap();
    let text = both.explain().await.unwrap();
    assert_eq!(text.matches("columns=[file.path, file.size]").count(), 2, "{text}");
    assert_eq!(values(&both, "size").await, values(&both, "other").await);
    let session = Arc::clone(both.session());
    let query = "SELECT a.file.size AS size, b.file AS whole FROM files a LEFT JOIN files b \
                 ON a.file.size = b.id * 10 WHERE a.file.size > 10";
    let found = sql::query(&session, query).await.unwrap();
    let text = found.explain().await.unwrap();
    assert!(text.contains("columns=[file, id]"), "{text}");
    let mut sizes = values(&found, "size").await;
    sizes.sort_unstable();
    assert_eq!(sizes, [20, 30]);
}

#[tokio::test]
async fn a_column_made_anew_is_not_taken_for_the_one_that_was_read() {
    let session = Arc::clone(files().await.session());
    let query = "SELECT f.file.size AS size FROM (SELECT named_struct('size', id) AS file, n FROM \
                 (SELECT *, row_number() OVER (ORDER BY files.file.size) AS n FROM files)) AS f \
                 WHERE n > 1";
    let found = sql::query(&session, query).await.unwrap();
    assert_eq!(values(&found, "size").await, [2, 3]);
}

#[tokio::test]
async fn a_limit_of_sorted_rows_keeps_only_the_top() {
    let top = files().await.order_by(&[descending("file.size")]).unwrap().limit(2).unwrap();
    let text = top.explain().await.unwrap();
    lines(&text, "operators:", &["TopK(fetch=2)"]);
    assert_eq!(values(&top, "id").await, [3, 2]);
}

#[tokio::test]
async fn the_top_rows_are_chosen_below_the_map_and_its_projections() {
    let add_one = AddOne::default();
    let mapped = files().await.map(add_one.stage("id", "next", 10)).unwrap();
    let size = NamedExpr { name: "size".to_owned(), expr: column("file.size") };
    let renamed = NamedExpr { name: "number".to_owned(), expr: column("id") };
    let chosen = mapped.mutate(&[size, renamed]).unwrap();
    let chosen = chosen.select(&["next".to_owned(), "number".to_owned()]).unwrap();
    let top = chosen.order_by(&[descending("number")]).unwrap().limit(2).unwrap();
    let text = top.explain().await.unwrap();
    let plan = text.split("operators:").next().unwrap();
    insta::assert_snapshot!(plan, @r"
    plan:
      Projection: next, files@1.0.0#1.id AS number
        UdfMap: add_one(files@1.0.0#1.id) -> [next]
          Sort: files@1.0.0#1.id DESC NULLS LAST, fetch=2
            TableScan: files@1.0.0#1 projection=[id]
    ");
    assert_eq!(values(&top, "next").await, [4, 3]);
    assert_eq!(add_one.rows(), 2);
}

#[tokio::test]
async fn the_text_names_no_folder() {
    let files = files().await;
    let text = files.explain().await.unwrap();
    let root = files.session().root().to_string();
    assert!(!text.contains(&root), "{text}");
    insta::assert_snapshot!(text, @r"
    plan:
      TableScan: files@1.0.0#1 projection=[file, id]

    operators:
      CooperativeExec
        DatasetScanExec: files@1.0.0, columns=[file, id], rows=3, partitions=1
    ");
}

/// The columns above are at other places than those of the function's input.
#[tokio::test]
async fn a_sort_by_a_column_that_passes_through_stays_above_the_map() {
    let session = session().await;
    let rows = batch(vec![("a", integers([1, 2, 3])), ("b", integers([3, 1, 2]))]);
    let mapped = chain(&session, vec![rows]).map(AddOne::default().stage("a", "next", 10)).unwrap();
    let sorted = mapped.order_by(&[SortKey { expr: column("b"), descending: false }]).unwrap();
    let kept = sorted.select(&["b".to_owned(), "next".to_owned()]).unwrap();
    assert_eq!(values(&kept, "next").await, [3, 4, 2]);
    let text = kept.explain().await.unwrap();
    let order = lines(&text, "operators:", &["SortExec", "UdfMapExec"]);
    assert!(order.is_sorted(), "{text}");
}
