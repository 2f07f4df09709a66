//! Saving and reading back: the order of rows, versions beside each other, vectors.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type};
use catalog::{CatalogExt, VersionFilter, Wanted};
use engine::{BinaryOp, Chain, SaveRequest, SortKey};
use futures::future::join_all;

use crate::fixture::{
    Place, batch, chain, column, compare, integers, lists, read, request, rows, save, session,
    session_on, values,
};

/// More rows than one partition of a scan takes.
const MANY: i64 = 150_000;

fn numbers(from: i64, to: i64) -> arrow::record_batch::RecordBatch {
    batch(vec![("id", integers(from..to))])
}

fn is_vector(chain: &Chain, length: i32) -> bool {
    let schema = chain.schema();
    let kind = schema.field_with_name("emb").unwrap().data_type();
    matches!(kind, DataType::FixedSizeList(_, found) if *found == length)
}

/// The lists of the column `emb`, whether they are stored as vectors or not.
async fn read_lists(chain: &Chain) -> Vec<Option<Vec<f64>>> {
    let rows = rows(chain).await;
    let values = |list: ArrayRef| list.as_primitive::<Float64Type>().values().to_vec();
    match rows["emb"].as_list_opt::<i32>() {
        Some(lists) => lists.iter().map(|list| list.map(values)).collect(),
        None => rows["emb"].as_fixed_size_list().iter().map(|list| list.map(values)).collect(),
    }
}

#[tokio::test]
async fn rows_keep_their_order_over_partitions_and_fragments() {
    let session = session().await;
    let batches = (0..15).map(|part| numbers(part * 10_000, (part + 1) * 10_000)).collect();
    let first = save(&chain(&session, batches), "numbers").await.unwrap();
    assert_eq!(first.record.rows, MANY as u64);
    assert!(first.chain.explain().await.unwrap().contains("partitions=3"));
    assert_eq!(values(&first.chain, "id").await, (0..MANY).collect::<Vec<_>>());
    // Written by three partitions at once, so in three fragments or more.
    let odd = compare("id", BinaryOp::NotEq, 70_000);
    let second = save(&first.chain.filter(&[odd]).unwrap(), "again").await.unwrap();
    let expected: Vec<i64> = (0..MANY).filter(|id| *id != 70_000).collect();
    assert_eq!(values(&second.chain, "id").await, expected);
    let third = save(&second.chain, "again").await.unwrap();
    assert_eq!(values(&third.chain, "id").await, expected);
    let slice = third.chain.offset(99_990).unwrap().limit(20).unwrap();
    assert_eq!(values(&slice, "id").await, expected[99_990..100_010]);
    let top = SortKey { expr: column("id"), descending: true };
    let last = third.chain.order_by(&[top]).unwrap().limit(2).unwrap();
    assert_eq!(values(&last, "id").await, [MANY - 1, MANY - 2]);
}

#[tokio::test]
async fn a_second_save_is_a_new_version_and_the_first_still_reads() {
    let session = session().await;
    let first = save(&chain(&session, vec![numbers(0, 3)]), "cats").await.unwrap();
    let second = save(&chain(&session, vec![numbers(3, 8)]), "cats").await.unwrap();
    assert_eq!(first.record.version.to_string(), "1.0.0");
    assert_eq!(second.record.version.to_string(), "1.0.1");
    assert_eq!(values(&read(&session, "cats", "1.0.0").await.unwrap(), "id").await, [0, 1, 2]);
    assert_eq!(values(&read(&session, "cats", "").await.unwrap(), "id").await, [3, 4, 5, 6, 7]);
    // What was read before the second save is unchanged too.
    assert_eq!(values(&first.chain, "id").await, [0, 1, 2]);
}

#[tokio::test]
async fn a_version_records_what_it_was_made_from() {
    let session = session().await;
    save(&chain(&session, vec![numbers(0, 3)]), "cats").await.unwrap();
    let text = r#"SELECT id FROM "cats@1.0.0" WHERE id IN (SELECT id FROM cats)"#;
    let copy = save(&sql::query(&session, text).await.unwrap(), "copy").await.unwrap();
    let made_from: Vec<String> = copy
        .record
        .dependencies
        .iter()
        .map(|dependency| format!("{}@{}", dependency.name, dependency.version))
        .collect();
    assert_eq!(made_from, ["local.local.cats@1.0.0"]);
}

#[tokio::test]
async fn a_query_over_two_datasets_depends_on_both() {
    let session = session().await;
    save(&chain(&session, vec![numbers(0, 3)]), "cats").await.unwrap();
    save(&chain(&session, vec![numbers(1, 2)]), "dogs").await.unwrap();
    let text = "SELECT id FROM cats WHERE id NOT IN (SELECT id FROM dogs)";
    let copy = save(&sql::query(&session, text).await.unwrap(), "copy").await.unwrap();
    assert_eq!(values(&copy.chain, "id").await, [0, 2]);
    let names: BTreeSet<String> = copy
        .record
        .dependencies
        .iter()
        .map(|dependency| dependency.name.short().to_string())
        .collect();
    assert_eq!(names, BTreeSet::from(["cats".to_owned(), "dogs".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn saves_at_the_same_time_all_get_their_own_version() {
    let root = Place::new();
    let sessions = [session_on(&root).await, session_on(&root).await];
    let saves = (0..8).map(|number| {
        let rows = chain(
            &sessions[number % 2],
            vec![numbers(number as i64 * 100, number as i64 * 100 + 10)],
        );
        async move { save(&rows, "cats").await }
    });
    let mut versions = BTreeSet::new();
    for (number, saved) in join_all(saves).await.into_iter().enumerate() {
        let saved = saved.unwrap();
        let version = saved.record.version.to_string();
        let expected: Vec<i64> = (number as i64 * 100..number as i64 * 100 + 10).collect();
        assert_eq!(values(&saved.chain, "id").await, expected);
        let other = read(&sessions[(number + 1) % 2], "cats", &version).await.unwrap();
        assert_eq!(values(&other, "id").await, expected);
        versions.insert(version);
    }
    let expected: BTreeSet<String> = (0..8).map(|patch| format!("1.0.{patch}")).collect();
    assert_eq!(versions, expected);
}

#[tokio::test]
async fn an_empty_chain_saves() {
    let session = session().await;
    let none =
        chain(&session, vec![numbers(0, 3)]).filter(&[compare("id", BinaryOp::Gt, 5)]).unwrap();
    let saved = save(&none, "none").await.unwrap();
    assert_eq!(saved.record.rows, 0);
    assert_eq!(saved.chain.count(&Arc::default()).await.unwrap(), 0);
    assert_eq!(rows(&saved.chain).await.num_rows(), 0);
    assert_eq!(saved.chain.schema().field(0).name(), "id");
}

#[tokio::test]
async fn a_taken_version_is_refused_and_nothing_is_left_behind() {
    let session = session().await;
    let rows = chain(&session, vec![numbers(0, 3)]);
    save(&rows, "cats").await.unwrap();
    let mut taken = request(&session, "cats").await;
    taken.wanted = Wanted::Exact("1.0.0".parse().unwrap());
    let others = chain(&session, vec![numbers(3, 4)]);
    let error = others.save(taken, &Arc::default()).await.unwrap_err();
    assert_eq!(error.code(), "catalog.version_taken", "{error}");
    let name = "cats".parse().unwrap();
    assert_eq!(session.catalog().versions(VersionFilter::all_of(&name)).await.unwrap().len(), 1);
    assert_eq!(session.catalog().latest(&name).await.unwrap().rows, 3);
}

#[tokio::test]
async fn the_schema_may_change_between_versions() {
    let session = session().await;
    save(&chain(&session, vec![numbers(0, 2)]), "cats").await.unwrap();
    let names: ArrayRef = Arc::new(StringArray::from(vec!["tom", "kit"]));
    let renamed = batch(vec![("id", names), ("age", integers([3, 4]))]);
    save(&chain(&session, vec![renamed]), "cats").await.unwrap();
    let old = read(&session, "cats", "1.0.0").await.unwrap();
    assert_eq!(values(&old, "id").await, [0, 1]);
    let new = read(&session, "cats", "1.0.1").await.unwrap();
    assert_eq!(values(&new, "age").await, [3, 4]);
    assert_eq!(new.schema().field(0).data_type(), &DataType::Utf8);
}

#[tokio::test]
async fn lists_of_one_length_become_vectors() {
    let session = session().await;
    let given = vec![Some(vec![1.0, 2.0]), Some(vec![3.0, 4.0]), Some(vec![5.0, 6.0])];
    let saved = save(&chain(&session, vec![batch(vec![("emb", lists(given.clone()))])]), "v")
        .await
        .unwrap();
    assert!(is_vector(&saved.chain, 2), "{:?}", saved.chain.schema());
    assert_eq!(read_lists(&saved.chain).await, given);
}

#[tokio::test]
async fn vectors_may_be_null() {
    let session = session().await;
    let given = vec![None, Some(vec![3.0, 4.0]), None];
    let batches =
        vec![batch(vec![("emb", lists(given.clone()))]), batch(vec![("emb", lists(vec![None]))])];
    let saved = save(&chain(&session, batches), "v").await.unwrap();
    assert!(is_vector(&saved.chain, 2), "{:?}", saved.chain.schema());
    assert_eq!(read_lists(&saved.chain).await, [given, vec![None]].concat());
}

#[tokio::test]
async fn a_slice_of_lists_saves_its_own_rows() {
    let session = session().await;
    for odd in [Some(vec![5.0, 6.0]), None] {
        let given = vec![Some(vec![1.0, 2.0]), Some(vec![3.0, 4.0]), odd, Some(vec![7.0, 8.0])];
        let rows = chain(&session, vec![batch(vec![("emb", lists(given.clone()))])]);
        let saved = save(&rows.offset(1).unwrap(), "v").await.unwrap();
        assert!(is_vector(&saved.chain, 2));
        assert_eq!(read_lists(&saved.chain).await, given[1..]);
    }
}

#[tokio::test]
async fn lists_without_a_length_stay_lists() {
    let session = session().await;
    for given in
        [vec![None, None], vec![Some(vec![]), Some(vec![])], vec![Some(vec![1.0]), Some(vec![])]]
    {
        let rows = chain(&session, vec![batch(vec![("emb", lists(given.clone()))])]);
        let saved = save(&rows, "v").await.unwrap();
        assert!(
            matches!(saved.chain.schema().field(0).data_type(), DataType::List(_)),
            "{given:?}"
        );
        assert_eq!(read_lists(&saved.chain).await, given);
    }
}

#[tokio::test]
async fn a_later_row_of_another_length_loses_nothing() {
    let session = session().await;
    let parts = [
        vec![Some(vec![1.0, 2.0]), None],
        vec![Some(vec![3.0, 4.0])],
        vec![Some(vec![5.0]), None, Some(vec![])],
        vec![Some(vec![6.0, 7.0])],
    ];
    let batches = parts.iter().map(|part| batch(vec![("emb", lists(part.clone()))])).collect();
    let saved = save(&chain(&session, batches), "v").await.unwrap();
    assert!(!is_vector(&saved.chain, 2));
    assert_eq!(read_lists(&saved.chain).await, parts.concat());
}

#[tokio::test]
async fn a_row_that_is_no_vector_is_an_error_or_all_are_lists() {
    let session = session().await;
    let row = |id: i64| (id % 7 != 0).then(|| vec![id as f64; if id == MANY - 1 { 3 } else { 2 }]);
    let given: Vec<Option<Vec<f64>>> = (0..MANY).map(row).collect();
    let batches =
        given.chunks(50_000).map(|part| batch(vec![("emb", lists(part.to_vec()))])).collect();
    let all = chain(&session, batches);
    let error = save(&all, "v").await.unwrap_err();
    assert_eq!(error.code(), "engine.value");
    assert!(error.to_string().contains("`emb` has a row of 3 numbers"), "{error}");
    let as_lists = SaveRequest { lists: true, ..request(&session, "v").await };
    let saved = all.save(as_lists, &Arc::default()).await.unwrap();
    assert!(!is_vector(&saved.chain, 2));
    assert_eq!(read_lists(&saved.chain).await, given);
    // Three partitions write, and agree on what the first one sees.
    let without = save(&saved.chain.limit(MANY as usize - 1).unwrap(), "x").await.unwrap();
    assert!(is_vector(&without.chain, 2));
    assert_eq!(read_lists(&without.chain).await, given[..given.len() - 1]);
}
