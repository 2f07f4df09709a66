//! Which types the parameters of a statement have before their values are known.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use sql::Statement;

use crate::fixture::{batch, chain, integers, save, session};

async fn types(text: &str, told: &[Option<DataType>]) -> Vec<Option<DataType>> {
    let session = session().await;
    let words: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let rows = batch(vec![("id", integers(0..3)), ("word", words)]);
    save(&chain(&session, vec![rows]), "t").await.unwrap();
    let statement = Statement::parse(text).unwrap();
    let prepared = sql::prepare_as(&session, &statement, told).await.unwrap();
    let found = prepared.plan().get_parameter_types().unwrap();
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.into_iter().map(|(_, kind)| kind).collect()
}

async fn check(text: &str, expected: &[Option<DataType>]) {
    assert_eq!(types(text, &[]).await, expected, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_follow_from_where_parameters_stand() {
    let (id, word) = (DataType::Int64, DataType::Utf8);
    let list = |kind: &DataType| Some(DataType::new_list(kind.clone(), true));
    check("SELECT id FROM t WHERE word = ANY($1)", &[list(&word)]).await;
    check("SELECT id FROM t WHERE id <> ALL($1)", &[list(&id)]).await;
    check("SELECT id FROM t WHERE id > ANY($1) OR id = $2", &[list(&id), Some(id.clone())]).await;
    check("SELECT coalesce(word, $1) AS a FROM t", &[Some(word.clone())]).await;
    check("SELECT CASE WHEN id = 1 THEN word ELSE $1 END AS a FROM t", &[Some(word)]).await;
    check("SELECT id FROM t LIMIT $1 OFFSET $2", &[Some(id.clone()), Some(id.clone())]).await;
    check("SELECT CAST($1 AS DATE) AS a", &[Some(DataType::Date32)]).await;
    check("SELECT word FROM t WHERE $1 IN (SELECT id FROM t)", &[Some(id.clone())]).await;
    check("SELECT word FROM t WHERE $1 BETWEEN id AND 7", &[Some(id.clone())]).await;
    check("SELECT word, $1 AS again FROM t WHERE id = $1", &[Some(id)]).await;
    check("SELECT $1 AS a", &[None]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_are_told_count() {
    let told = [Some(DataType::Int32), None];
    let found = types("SELECT id + $1 AS a, id + $2 AS b FROM t", &told).await;
    assert_eq!(found, [Some(DataType::Int32), Some(DataType::Int64)]);
}
