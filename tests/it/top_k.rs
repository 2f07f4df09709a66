//! The first rows by some keys are those that a sort of all rows gives, however they are found.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, FixedSizeListArray, Float64Array, Int64Array, RecordBatch, StringArray,
    StructArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int64Type, UInt64Type};
use arrow::util::pretty::pretty_format_batches;
use engine::{BinaryOp, Chain, Expr, NamedExpr, SaveMode, SaveRequest, Session, SortKey};

use crate::fixture::{batch, chain, column, compare, lists, request, rows, save, session};

/// Pieces of the version; each is a fragment.
const HEIGHTS: [usize; 3] = [900, 1, 1_300];

/// Numbers that look random.
fn noise(at: usize) -> usize {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33).unwrap()
}

/// So many characters that do not pack.
fn text(at: usize) -> String {
    (0..1500).map(|part| format!("{:08x}", noise(at * 2000 + part))).collect()
}

fn number(at: usize) -> Option<f64> {
    match noise(at) % 9 {
        0 => None,
        1 => Some(f64::NAN),
        2 => Some(-0.0),
        3 => Some(0.0),
        other => Some(other as f64 - 6.0),
    }
}

fn vector(at: usize) -> Option<Vec<Option<f32>>> {
    match noise(at) % 7 {
        0 => None,
        // Its cosine is not a number.
        1 => Some(vec![Some(0.0); 3]),
        _ => Some((0..3).map(|part| Some((noise(at * 3 + part) % 5) as f32 - 2.0)).collect()),
    }
}

fn piece(from: usize, height: usize) -> RecordBatch {
    let all = || from..from + height;
    let integers = |value: fn(usize) -> i64| -> ArrayRef {
        Arc::new(all().map(value).collect::<Int64Array>())
    };
    let path: ArrayRef = Arc::new(all().map(|at| Some(text(at))).collect::<StringArray>());
    let size = integers(|at| i64::try_from(noise(at) % 40).unwrap());
    let parts = vec![
        (Arc::new(Field::new("path", DataType::Utf8, false)), path),
        (Arc::new(Field::new("size", DataType::Int64, false)), size),
    ];
    let vectors =
        FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(all().map(vector), 3);
    batch(vec![
        ("id", integers(|at| i64::try_from(at).unwrap())),
        ("file", Arc::new(StructArray::from(parts))),
        ("x", Arc::new(all().map(number).collect::<Float64Array>())),
        ("v", Arc::new(vectors)),
    ])
}

async fn saved(chain: &Chain, mode: SaveMode) -> Chain {
    let request = SaveRequest { mode, ..request(chain.session(), "files").await };
    chain.save(request, &Arc::default()).await.unwrap().chain
}

/// A version of several fragments, some of whose rows are removed.
async fn version(session: &Arc<Session>) -> Chain {
    let (mut version, mut from) = (None, 0);
    for height in HEIGHTS {
        let rows = chain(session, vec![piece(from, height)]);
        version = Some(saved(&rows, SaveMode::Append).await);
        from += height;
    }
    let version = version.unwrap();
    let places = rows(&version.with_sys(true).unwrap().select(&["sys".to_owned()]).unwrap()).await;
    let places = places["sys"].as_struct().column(0).as_primitive::<UInt64Type>().clone();
    let removed = places.values().iter().copied().step_by(10).collect();
    let base = version.dataset().unwrap().1;
    saved(&version.limit(0).unwrap(), SaveMode::Update { base, removed }).await
}

fn by(key: &str, descending: bool) -> SortKey {
    let expr = match key {
        "distance" => Expr::Call {
            function: "cosine_distance".to_owned(),
            arguments: vec![column("v"), Expr::Literal(lists(vec![Some(vec![1.0, 0.0, 0.0])]))],
        },
        path => column(path),
    };
    SortKey { expr, descending }
}

async fn shown(chain: &Chain) -> String {
    pretty_format_batches(&[rows(chain).await]).unwrap().to_string()
}

async fn explained(chain: &Chain) -> String {
    chain.explain().await.unwrap()
}

#[tokio::test]
async fn the_first_rows_are_those_of_a_sort_of_all_rows() {
    let session = session().await;
    let version = version(&session).await;
    // The same rows where none can be looked up, with a key that keeps their order.
    let plain = chain(&session, vec![rows(&version).await]);
    let keys = [
        vec![by("distance", false)],
        vec![by("distance", true), by("x", false)],
        vec![by("x", false)],
        vec![by("x", true)],
        vec![by("file.size", true), by("x", true)],
        vec![by("file.size", false), by("distance", false)],
    ];
    let conditions =
        [vec![], vec![compare("file.size", BinaryOp::Lt, 3)], vec![compare("id", BinaryOp::Lt, 4)]];
    for keys in keys {
        for condition in &conditions {
            for (offset, limit) in [(0, 1), (0, 7), (3, 40), (60, 5)] {
                let first = |rows: &Chain, more: Vec<SortKey>| {
                    let keys: Vec<SortKey> = keys.iter().cloned().chain(more).collect();
                    let rows = rows.filter(condition).unwrap().order_by(&keys).unwrap();
                    rows.offset(offset).unwrap().limit(limit).unwrap()
                };
                let (found, wanted) =
                    (first(&version, vec![]), first(&plain, vec![by("id", false)]));
                assert_eq!(
                    shown(&found).await,
                    shown(&wanted).await,
                    "{keys:?} {condition:?} {offset} {limit}"
                );
                assert!(explained(&found).await.contains("TopKExec: then"));
            }
        }
    }
}

#[tokio::test]
async fn the_nearest_vectors_are_found_by_vectors_alone() {
    let version = version(&session().await).await;
    let SortKey { expr, .. } = by("distance", false);
    let scored = version.mutate(&[NamedExpr { name: "score".to_owned(), expr }]).unwrap();
    let first = scored.order_by(&[by("score", false)]).unwrap().limit(3).unwrap();
    let text = explained(&first).await;
    assert!(text.contains("VectorTopKExec: then [id, file, x, v]"), "{text}");
    assert!(text.contains("columns=[v, sys.id]"), "{text}");
    let path = NamedExpr { name: "path".to_owned(), expr: column("file.path") };
    let paths = first.mutate(&[path]).unwrap();
    let paths = paths.select(&["path".to_owned(), "score".to_owned()]).unwrap();
    let text = explained(&paths).await;
    assert!(text.contains("VectorTopKExec: then [file.path]"), "{text}");
    let found = rows(&first).await;
    let (ids, files) = (found["id"].as_primitive::<Int64Type>(), found["file"].as_struct());
    for (at, id) in ids.values().iter().enumerate() {
        assert_eq!(files.column(0).as_string::<i32>().value(at), text_of(*id));
    }
}

fn text_of(id: i64) -> String {
    text(usize::try_from(id).unwrap())
}

#[tokio::test]
async fn rows_know_where_they_are() {
    let version = version(&session().await).await.with_sys(true).unwrap();
    let sorted = version.order_by(&[by("id", true)]).unwrap();
    let first = sorted.limit(4).unwrap();
    assert!(explained(&first).await.contains("TopKExec: then"));
    let all = rows(&version).await;
    let last = all.slice(all.num_rows() - 4, 4);
    let mut places: Vec<u64> = place(&last).values().to_vec();
    places.reverse();
    assert_eq!(place(&rows(&first).await).values().to_vec(), places);
}

fn place(rows: &RecordBatch) -> UInt64Array {
    rows["sys"].as_struct().column(0).as_primitive::<UInt64Type>().clone()
}

#[tokio::test]
async fn short_columns_are_read_at_once() {
    let session = session().await;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..2000));
    let rows = batch(vec![("id", Arc::clone(&ids)), ("other", ids)]);
    let version = save(&chain(&session, vec![rows]), "numbers").await.unwrap().chain;
    let first = version.order_by(&[by("other", true)]).unwrap().limit(3).unwrap();
    let text = explained(&first).await;
    assert!(text.contains("columns=[id, other]") && !text.contains("TopKExec"), "{text}");
}

#[tokio::test]
async fn a_sort_above_sorts_the_first_rows_only() {
    let version = version(&session().await).await;
    let first = version.order_by(&[by("file.size", true)]).unwrap().limit(30).unwrap();
    let again = first.order_by(&[by("id", true)]).unwrap();
    assert!(explained(&again).await.contains("TopKExec: then"));
    let mut wanted = rows(&first).await["id"].as_primitive::<Int64Type>().values().to_vec();
    wanted.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(rows(&again).await["id"].as_primitive::<Int64Type>().values().to_vec(), wanted);
}
