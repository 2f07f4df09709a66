//! What verbs of two chains, and verbs by chance, give: rows, columns, and what is refused.

use std::collections::HashMap;
use std::slice::from_ref;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use arrow::record_batch::RecordBatchOptions;
use arrow::util::pretty::pretty_format_batches;

use crate::{
    BinaryOp, Chain, Config, Diff, Error, Expr, How, NamedExpr, OfRows, Root, Session, SortKey,
    TYPE_KEY,
};

async fn session() -> Arc<Session> {
    let config = Config::with_root(Root::memory());
    Session::open(Config { target_partitions: 3, ..config }).await.unwrap()
}

/// A chain of two columns, in batches of two rows.
fn chain(session: &Arc<Session>, ids: &[Option<i64>], names: &[&str]) -> Chain {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
        ("name", Arc::new(StringArray::from(names.to_vec()))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let starts = (0..rows.num_rows()).step_by(2);
    let batches: Vec<RecordBatch> =
        starts.map(|at| rows.slice(at, 2.min(rows.num_rows() - at))).collect();
    session.read_batches(&rows.schema(), &batches).unwrap()
}

fn left(session: &Arc<Session>) -> Chain {
    chain(session, &[Some(1), Some(2), Some(2), None], &["a", "b", "c", "d"])
}

fn right(session: &Arc<Session>) -> Chain {
    chain(session, &[Some(2), Some(3), None], &["x", "y", "z"])
}

fn column(path: &str) -> Expr {
    Expr::Column(path.to_owned())
}

fn named(name: &str, expr: Expr) -> NamedExpr {
    NamedExpr { name: name.to_owned(), expr }
}

fn pairs(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect()
}

async fn rows(chain: &Chain) -> Vec<String> {
    let batches = chain.collect().await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|').map(str::trim);
        cells.collect::<Vec<_>>().join(",")
    };
    table.lines().filter(|line| line.starts_with('|')).skip(1).map(cells).collect()
}

async fn sorted(chain: &Chain) -> Vec<String> {
    let mut rows = rows(chain).await;
    rows.sort();
    rows
}

fn names(chain: &Chain) -> Vec<String> {
    chain.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test]
async fn merges_keep_the_rows_of_their_kind() {
    let session = session().await;
    let on = [(column("id"), column("id"))];
    for (how, expected) in [
        ("left", vec![",d,,", "1,a,,", "2,b,2,x", "2,c,2,x"]),
        ("inner", vec!["2,b,2,x", "2,c,2,x"]),
        ("full", vec![",,,z", ",,3,y", ",d,,", "1,a,,", "2,b,2,x", "2,c,2,x"]),
        ("right", vec![",,,z", ",,3,y", "2,b,2,x", "2,c,2,x"]),
        ("semi", vec!["2,b", "2,c"]),
        ("anti", vec![",d", "1,a"]),
    ] {
        let how = How::parse(how).unwrap();
        let merged = left(&session).merge(&right(&session), &on, how, "right_").unwrap();
        assert_eq!(sorted(&merged).await, expected, "{how:?}");
    }
    assert_eq!(How::parse("outer"), None);
}

#[tokio::test]
async fn names_that_are_taken_get_a_prefix_and_then_a_number() {
    let session = session().await;
    let on = [(column("id"), column("id"))];
    let once = left(&session).merge(&right(&session), &on, How::Inner, "right_").unwrap();
    assert_eq!(names(&once), ["id", "name", "right_id", "right_name"]);
    let twice = once.merge(&right(&session), &on, How::Inner, "right_").unwrap();
    assert_eq!(names(&twice)[4..], ["right_id_1", "right_name_1"]);
    let wrong = once.merge(&right(&session), &on, How::Inner, "a.").unwrap_err();
    assert!(wrong.to_string().starts_with("invalid column name `a.id`"), "{wrong}");
}

#[tokio::test]
async fn models_without_a_match_are_null() {
    let session = session().await;
    let fields: Fields = vec![Field::new("n", DataType::Int64, false)].into();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![5]));
    let model = StructArray::new(fields.clone(), vec![Arc::clone(&numbers)], None);
    let meaning = HashMap::from([(TYPE_KEY.to_owned(), "model:Point@v1".to_owned())]);
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("p", DataType::Struct(fields), false).with_metadata(meaning.clone()),
    ]));
    let columns: Vec<ArrayRef> = vec![numbers, Arc::new(model)];
    let options = RecordBatchOptions::new().with_row_count(Some(columns[0].len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).unwrap();
    let points = session.read_batches(&schema, &[batch]).unwrap();
    let on = [(column("id"), column("id"))];
    let merged = left(&session).merge(&points, &on, How::Left, "right_").unwrap();
    let field = merged.schema().field_with_name("p").unwrap().clone();
    assert!(field.is_nullable());
    assert_eq!(field.metadata(), &meaning);
    let batches = merged.collect().await.unwrap();
    let all = concat_batches(&merged.schema(), &batches).unwrap();
    assert_eq!((all.num_rows(), all["p"].null_count()), (4, 4));
    let refused = points.merge(&points, &[(column("p"), column("p"))], How::Left, "right_");
    assert!(refused.unwrap_err().to_string().contains("it is a model"));
}

#[tokio::test]
async fn a_union_has_the_rows_of_both_in_their_order() {
    let session = session().await;
    let both = left(&session).union(&right(&session)).unwrap();
    assert_eq!(rows(&both).await, ["1,a", "2,b", "2,c", ",d", "2,x", "3,y", ",z"]);
    assert!(both.has_fixed_places());
    let renamed = right(&session).mutate(&[named("other", column("name"))]).unwrap();
    let error = left(&session).union(&renamed).unwrap_err().to_string();
    assert!(error.contains("the left chain has no `other`; the right chain has no `name`"));
}

#[tokio::test]
async fn many_unions_are_one_step() {
    let session = session().await;
    let mut all = left(&session);
    for _ in 0..Chain::MAX_STEPS + 10 {
        all = all.union(&right(&session)).unwrap();
    }
    assert_eq!(all.plan().inputs().len(), Chain::MAX_STEPS + 11);
}

#[tokio::test]
async fn what_doubles_again_and_again_is_refused() {
    let session = session().await;
    let mut all = left(&session);
    let refused = (0..40).find_map(|_| {
        let made = all.merge(&all, &[(column("id"), column("id"))], How::Semi, "right_");
        made.map(|made| all = made).err()
    });
    assert!(matches!(refused, Some(Error::NotSupported { .. })), "{refused:?}");
}

#[tokio::test]
async fn distinct_keeps_first_rows() {
    let session = session().await;
    let chain =
        chain(&session, &[Some(2), None, Some(2), None, Some(1)], &["a", "b", "c", "d", "e"]);
    let firsts = chain.distinct(&[column("id")]).unwrap();
    assert_eq!(rows(&firsts).await, ["2,a", ",b", "1,e"]);
    assert!(chain.distinct(&[]).is_err());
}

#[tokio::test]
async fn subtract_takes_nulls_for_equal() {
    let session = session().await;
    let rest = left(&session).subtract(&right(&session), &pairs(&["id"])).unwrap();
    assert_eq!(sorted(&rest).await, ["1,a"]);
    let rest = left(&session).subtract(&right(&session), &pairs(&["id", "name"])).unwrap();
    assert_eq!(rest.count(&Arc::default()).await.unwrap(), 4);
}

#[tokio::test]
async fn diff_tells_what_became_of_rows() {
    let session = session().await;
    let new = chain(&session, &[Some(1), Some(2), None, Some(2)], &["a", "B", "n", "c"]);
    let old = chain(&session, &[Some(2), None, Some(3)], &["b", "n", "d"]);
    let diff = Diff {
        on: pairs(&["id"]),
        compare: Some(pairs(&["name"])),
        filled: vec![Some("id".to_owned()), Some("name".to_owned())],
        status: "status".to_owned(),
        same: true,
    };
    let found = new.diff(&old, &diff).unwrap();
    assert_eq!(sorted(&found).await, ["A,1,a", "A,2,c", "D,3,d", "M,2,B", "S,,n"]);
    let taken = Diff { status: "name".to_owned(), ..diff };
    assert!(matches!(new.diff(&old, &taken), Err(Error::ColumnExists { .. })));
}

#[tokio::test]
async fn chains_of_two_sessions_do_not_meet() {
    let (one, other) = (left(&session().await), right(&session().await));
    assert!(matches!(one.union(&other), Err(Error::NotSupported { .. })));
    assert!(matches!(one.subtract(&other, &pairs(&["id"])), Err(Error::NotSupported { .. })));
}

#[tokio::test]
async fn chunks_and_shares_are_all_rows_once() {
    let session = session().await;
    let ids: Vec<Option<i64>> = (0..100).map(Some).collect();
    let chain = chain(&session, &ids, &["n"; 100]);
    let (half, seed) = (u64::MAX / 2, Some(7));
    let chunks = (0..3).map(|at| chain.chunk(at, 3).unwrap());
    let shares = [(0, half), (half + 1, u64::MAX)];
    let shares = shares.map(|(first, last)| chain.share(first, last, seed).unwrap());
    for parts in [chunks.collect::<Vec<_>>(), shares.to_vec()] {
        let mut found: Vec<i64> = Vec::new();
        for part in &parts {
            let batches = part.collect().await.unwrap();
            let own = batches
                .iter()
                .flat_map(|batch| batch["id"].as_primitive::<Int64Type>().values().to_vec());
            let before = found.len();
            found.extend(own);
            assert!(found.len() > before);
        }
        found.sort_unstable();
        assert_eq!(found, (0..100).collect::<Vec<_>>());
    }
    assert!(chain.chunk(3, 3).is_err());
}

#[tokio::test]
async fn places_are_fixed_where_the_order_was_when_they_were_given() {
    let session = session().await;
    let (rows, on) = (left(&session), [(column("id"), column("id"))]);
    let merged = rows.merge(&right(&session), &on, How::Left, "right_").unwrap();
    assert!(rows.has_fixed_places());
    assert!(rows.shuffle(Some(1)).unwrap().has_fixed_places());
    assert!(rows.with_sys(true).unwrap().distinct(&[column("id")]).unwrap().has_fixed_places());
    assert!(rows.distinct(&[column("id")]).unwrap().has_fixed_places());
    assert!(!merged.has_fixed_places());
    assert!(!merged.shuffle(None).unwrap().has_fixed_places());
}

/// `path op number`.
fn with_number(path: &str, op: BinaryOp, number: i64) -> Expr {
    let right = Expr::Literal(Arc::new(Int64Array::from(vec![number])));
    Expr::Binary { op, left: Arc::new(column(path)), right: Arc::new(right) }
}

#[tokio::test]
async fn filters_see_only_rows_that_those_before_them_keep() {
    let session = session().await;
    let chain = chain(&session, &[Some(1), Some(2), Some(i64::MAX / 2), None], &["n"; 4]);
    let product = Arc::new(with_number("id", BinaryOp::Multiply, 4));
    let four = Arc::new(Expr::Literal(Arc::new(Int64Array::from(vec![4]))));
    let large = Expr::Binary { op: BinaryOp::Gt, left: product, right: four };
    let small = with_number("id", BinaryOp::Lt, 5);
    let kept = chain.filter(&[small]).unwrap().filter(from_ref(&large)).unwrap();
    assert_eq!(rows(&kept).await, ["2,n"]);
    assert!(chain.filter(&[large]).unwrap().collect().await.is_err());
}

#[tokio::test]
async fn what_takes_rows_in_turn_follows_a_sort() {
    let session = session().await;
    let key = SortKey { expr: column("name"), descending: true };
    let sorted = left(&session).order_by(&[key]).unwrap();
    let firsts = sorted.distinct(&[column("id")]).unwrap();
    assert_eq!(rows(&firsts).await, [",d", "2,c", "1,a"]);
    let both = sorted.union(&sorted).unwrap();
    assert_eq!(rows(&both).await, [",d", "2,c", "2,b", "1,a", ",d", "2,c", "2,b", "1,a"]);
}

#[tokio::test]
async fn fields_get_other_values_of_their_type() {
    let session = session().await;
    let fields: Fields =
        vec![Field::new("n", DataType::Int64, false), Field::new("s", DataType::Utf8, true)].into();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec!["a", "b"]))];
    let models = StructArray::new(fields, columns, Some(vec![true, false].into()));
    let batch = RecordBatch::try_from_iter_with_nullable([("p", Arc::new(models) as _, true)]);
    let batch = batch.unwrap();
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    let doubled = with_number("p.n", BinaryOp::Multiply, 2);
    let null = Expr::Literal(Arc::new(Int64Array::from(vec![None])));
    let made = chain.mutate(&[named("p__n", doubled), named("p.s", null.clone())]).unwrap();
    assert_eq!(rows(&made).await, ["{n: 2, s: }", ""]);
    let text = Expr::Cast { value: Arc::new(column("p")), to: DataType::Utf8 };
    for (name, value, reason) in [
        ("p.n", column("p.s"), "a field keeps its type"),
        ("p.n", null, "never missing"),
        ("p.x", column("p.s"), "unknown column `p.x`"),
        (
            "text",
            text,
            "model cannot be cast to str; hint: columns like 'p' have fields, such as 'p.n'",
        ),
    ] {
        let error = chain.mutate(&[named(name, value)]).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn what_is_divided_is_missing_where_it_was_or_where_the_divisor_may_be_zero() {
    let session = session().await;
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let some: ArrayRef = Arc::new(Int64Array::from(vec![None]));
    let columns = [("n", Arc::clone(&numbers), false), ("some", some, true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    let by = |left: &str, right: Expr| {
        let (left, right) = (Arc::new(column(left)), Arc::new(right));
        Expr::Binary { op: BinaryOp::FloorDivide, left, right }
    };
    let number = |value: Option<i64>| Expr::Literal(Arc::new(Int64Array::from(vec![value])));
    for (divided, may_be_missing, expected) in [
        (by("n", number(Some(2))), false, "3"),
        (by("n", number(Some(-2))), false, "-4"),
        (by("n", number(Some(0))), true, ""),
        (by("n", number(None)), true, ""),
        (by("n", column("n")), true, "1"),
        (by("some", number(Some(2))), true, ""),
    ] {
        let made = chain.mutate(&[named("x", divided.clone())]).unwrap();
        let field = made.schema().field_with_name("x").unwrap().clone();
        assert_eq!(field.is_nullable(), may_be_missing, "{divided}");
        assert_eq!(rows(&made).await, [format!("7,,{expected}")]);
    }
}

#[tokio::test]
async fn texts_and_sums_are_missing_where_their_values_are() {
    let session = session().await;
    let (texts, some): (ArrayRef, ArrayRef) = (
        Arc::new(StringArray::from(vec!["ab", "c", "d"])),
        Arc::new(StringArray::from(vec![Some("e"), None, None])),
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let columns = [("t", texts, false), ("some", some, true), ("n", numbers, false)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    let call = |function: &str, path: &str| {
        let (function, arguments) = (function.to_owned(), vec![column(path)]);
        Expr::Call { function, arguments }
    };
    for (value, may_be_missing) in [("t", false), ("some", true)] {
        for function in ["character_length", "path_parent", "upper"] {
            let made = chain.mutate(&[named("x", call(function, value))]).unwrap();
            let field = made.schema().field_with_name("x").unwrap().clone();
            assert_eq!(field.is_nullable(), may_be_missing, "{function} of {value}");
            assert_eq!(rows(&made).await.len(), 3);
        }
    }
    let total = |function: &str, path: &str| {
        let (function, arguments) = (function.to_owned(), vec![column(path)]);
        named("x", Expr::OfRows(OfRows { function, arguments, ..OfRows::default() }.into()))
    };
    let keys = [named("some", column("some"))];
    for (total, keys, may_be_missing, expected) in [
        (total("sum", "n"), &keys[..], false, vec![",5", "e,1"]),
        (total("max", "some"), &keys[..], true, vec![",", "e,e"]),
        // All rows are one group, also where there are none.
        (total("sum", "n"), &[], true, vec!["6"]),
    ] {
        let made = chain.group_by(keys, &[total]).unwrap();
        let field = made.schema().field_with_name("x").unwrap().clone();
        assert_eq!(field.is_nullable(), may_be_missing);
        let mut found = rows(&made).await;
        found.sort();
        assert_eq!(found, expected);
    }
}
