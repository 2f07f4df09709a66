//! Datasets and chains as tables of another query engine of this process.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Int64Type};
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use engine::{Chain, Session};
use futures::future::join_all;

use crate::fixture::{batch, chain, integers, save, session};

/// Rows with a model, floats and nulls.
fn pets(session: &Arc<Session>, rows: i64) -> Chain {
    let paths: ArrayRef =
        Arc::new((0..rows).map(|id| Some(format!("{id}.jpg"))).collect::<StringArray>());
    let fields = [("path", paths), ("size", integers((0..rows).map(|id| id * 10)))];
    let fields = fields.map(|(name, values)| {
        (Arc::new(Field::new(name, values.data_type().clone(), true)), values)
    });
    let file: ArrayRef = Arc::new(StructArray::from(fields.to_vec()));
    let score = (0..rows).map(|id| if id == 1 { f64::NAN } else { id as f64 });
    let score: ArrayRef = Arc::new(score.collect::<Float64Array>());
    chain(session, vec![batch(vec![("id", integers(0..rows)), ("file", file), ("score", score)])])
}

#[expect(clippy::disallowed_methods, reason = "another engine has rules of its own")]
fn other_engine() -> SessionContext {
    SessionContext::new()
}

/// Another engine over the session's datasets.
fn other(session: &Arc<Session>) -> SessionContext {
    let context = other_engine();
    drop(context.register_catalog("lakebed", session.catalog_provider()));
    context
}

async fn ask(context: &SessionContext, query: &str) -> RecordBatch {
    let frame = context.sql(query).await.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    let found = frame.collect().await.unwrap();
    let schema = found.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &found).unwrap()
}

async fn integers_of(context: &SessionContext, query: &str) -> Vec<i64> {
    ask(context, query).await.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_meets_tables_of_the_other_engine() {
    let session = session().await;
    save(&pets(&session, 100), "pets").await.unwrap();
    let context = other_engine();
    drop(context.register_table("pets", session.table("pets").await.unwrap()).unwrap());
    drop(context.sql("CREATE TABLE names AS VALUES (3, 'tom'), (5, 'kim')").await.unwrap());
    let query =
        "SELECT id FROM pets JOIN names ON id = column1 WHERE file['size'] > 30 ORDER BY id";
    assert_eq!(integers_of(&context, query).await, [5]);
    assert_eq!(integers_of(&context, "SELECT count(*) FROM pets").await, [100]);
    assert_eq!(
        integers_of(&context, "SELECT id FROM pets WHERE id >= 98 ORDER BY 1").await,
        [98, 99]
    );
    assert_eq!(ask(&context, "SELECT id FROM pets LIMIT 3").await.num_rows(), 3);
    // NaN is above all numbers there: the filter is that engine's own.
    assert_eq!(
        integers_of(&context, "SELECT id FROM pets WHERE score > 98.0 ORDER BY 1").await,
        [1, 99]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_models_are_read_alone() {
    let session = session().await;
    save(&pets(&session, 10), "pets").await.unwrap();
    let context = other(&session);
    let query = "SELECT file['path'] AS path FROM lakebed.local.pets WHERE id = 7";
    let told = ask(&context, &format!("EXPLAIN {query}")).await;
    let told = pretty_format_batches(&[told]).unwrap().to_string();
    let scan = told.lines().rfind(|line| line.contains("LakebedRows")).unwrap();
    assert!(!scan.contains("file,") && !scan.contains("file]"), "{told}");
    let found = ask(&context, query).await;
    assert_eq!(found["path"].as_string::<i32>().value(0), "7.jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_has_all_datasets_and_their_versions() {
    let session = session().await;
    save(&pets(&session, 3), "pets").await.unwrap();
    let context = other(&session);
    save(&pets(&session, 5), "pets").await.unwrap();
    save(&pets(&session, 7), "dev.zoo.animals").await.unwrap();
    let count = |table: &str| format!("SELECT count(*) FROM lakebed.{table}");
    assert_eq!(integers_of(&context, &count("local.pets")).await, [5]);
    assert_eq!(integers_of(&context, &count("local.\"pets@1.0.0\"")).await, [3]);
    assert_eq!(integers_of(&context, &count("\"dev.zoo\".animals")).await, [7]);
    let catalog = context.catalog("lakebed").unwrap();
    assert_eq!(catalog.schema_names(), ["dev.zoo", "local"]);
    assert_eq!(catalog.schema("local").unwrap().table_names(), ["pets"]);
    assert!(catalog.schema("local").unwrap().table_exist("pets"));
    assert!(!catalog.schema("local").unwrap().table_exist("dogs"));
    let missing = context.sql(&count("local.dogs")).await.unwrap_err().to_string();
    assert!(missing.contains("dogs"), "{missing}");
}

#[tokio::test]
async fn a_runtime_of_one_thread_lists_too() {
    let session = session().await;
    save(&pets(&session, 3), "pets").await.unwrap();
    let catalog = session.catalog_provider();
    assert_eq!(catalog.schema("local").unwrap().table_names(), ["pets"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inserted_is_a_new_version() {
    let session = session().await;
    save(&pets(&session, 3), "pets").await.unwrap();
    let context = other_engine();
    drop(context.register_table("pets", session.table("pets").await.unwrap()).unwrap());
    drop(context.register_table("old", session.table("pets@1.0.0").await.unwrap()).unwrap());
    let inserted =
        ask(&context, "INSERT INTO pets SELECT id + 10, file, score FROM pets WHERE id > 0").await;
    assert_eq!(inserted.num_rows(), 1);
    assert_eq!(integers_of(&context, "SELECT id FROM pets ORDER BY id").await, [0, 1, 2, 11, 12]);
    assert_eq!(integers_of(&context, "SELECT count(*) FROM old").await, [3]);
    let version = session.read_dataset(&"pets".parse().unwrap(), &"1.0.1".parse().unwrap()).await;
    assert_eq!(version.unwrap().count(&Arc::default()).await.unwrap(), 5);
    let refused = context.sql("INSERT INTO old SELECT * FROM old").await.unwrap();
    let refused = refused.collect().await.unwrap_err().to_string();
    assert!(refused.contains("version of a dataset"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inserted_at_once_is_there_together() {
    let session = session().await;
    save(&pets(&session, 3), "pets").await.unwrap();
    let context = other_engine();
    drop(context.register_table("pets", session.table("pets").await.unwrap()).unwrap());
    let insert = "INSERT INTO pets SELECT id + 10, file, score FROM pets WHERE id = 0";
    join_all((0..8).map(|_| ask(&context, insert))).await;
    assert_eq!(integers_of(&context, "SELECT count(*) FROM pets").await, [11]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_a_table() {
    let session = session().await;
    let context = other_engine();
    let chain = pets(&session, 10).flatten("__").unwrap().limit(4).unwrap();
    drop(context.register_table("pets", chain.table()).unwrap());
    let query = "SELECT sum(file__size) FROM pets";
    assert_eq!(integers_of(&context, query).await, [60]);
}
