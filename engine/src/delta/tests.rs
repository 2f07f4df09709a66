//! What an update computes, writes and records; that it equals a full run is tested through Python.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use catalog::{Changes, VersionSpec};

use crate::tests::request;
use crate::{
    BinaryOp, Chain, Config, DeltaOptions, Expr, NamedExpr, Progress, Result, Root, SaveMode,
    Saved, Session,
};

async fn session() -> Arc<Session> {
    let config = Config::with_root(Root::memory());
    Session::open(Config { target_partitions: 2, ..config }).await.unwrap()
}

fn column(path: &str) -> Arc<Expr> {
    Arc::new(Expr::Column(path.to_owned()))
}

async fn save(chain: &Chain, name: &str) -> Result<(Saved, Vec<String>)> {
    let progress = Arc::<Progress>::default();
    let request = request(chain.session(), name, SaveMode::Replace).await?;
    let saved = chain.save(request, &progress).await?;
    Ok((saved, progress.remarks()))
}

/// The source: ids, and what else there is of them.
async fn keep(session: &Arc<Session>, ids: &[i64], names: &[&str]) {
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
        ("name", Arc::new(StringArray::from(names.to_vec()))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    save(&session.read_batches(&rows.schema(), &[rows]).unwrap(), "source").await.unwrap();
}

async fn read(session: &Arc<Session>) -> Chain {
    let (name, on) = ("source".parse().unwrap(), vec!["id".to_owned()]);
    let source = session.read_dataset(&name, &VersionSpec::Latest).await.unwrap();
    source.delta(DeltaOptions { on, ..DeltaOptions::default() }).unwrap()
}

async fn ids(chain: &Chain) -> Vec<i64> {
    let batches = chain.collect().await.unwrap();
    let ids = |batch: &RecordBatch| batch["id"].as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(ids).collect()
}

async fn files(session: &Arc<Session>, saved: &Saved) -> HashSet<String> {
    let dataset = session.open_version(&saved.record).await.unwrap();
    let files = dataset.fragments().iter().flat_map(|fragment| fragment.files.clone());
    files.map(|file| file.path).collect()
}

#[tokio::test]
async fn rows_that_stay_are_in_the_files_that_they_were_in() {
    let session = session().await;
    keep(&session, &[1, 2, 3], &["a", "b", "c"]).await;
    let (first, told) = save(&read(&session).await, "made").await.unwrap();
    assert!(told.is_empty() && first.record.delta.as_ref().unwrap().changes.is_none());
    keep(&session, &[1, 2, 4, 5], &["a", "other", "d", "e"]).await;
    let (second, told) = save(&read(&session).await, "made").await.unwrap();
    assert_eq!(told, ["Dataset 'made@1.0.1': +2 records, 1 replaced"]);
    let changes = second.record.delta.as_ref().unwrap().changes;
    assert_eq!(changes, Some(Changes { added: 2, replaced: 1, dropped: 0 }));
    assert_eq!(ids(&second.chain).await, [1, 3, 2, 4, 5]);
    assert!(files(&session, &first).await.is_subset(&files(&session, &second).await));
    assert_eq!(ids(&first.chain).await, [1, 2, 3]);
    let (third, _) = save(&read(&session).await, "made").await.unwrap();
    assert_eq!((third.is_new, third.record.version), (false, second.record.version));
}

#[tokio::test]
async fn only_rows_of_touched_keys_are_computed() {
    let session = session().await;
    keep(&session, &[1, 2, 3], &["a", "b", "c"]).await;
    let doubled = async |session: &Arc<Session>| {
        let sum = Expr::Binary { op: BinaryOp::Add, left: column("id"), right: column("id") };
        let twice = NamedExpr { name: "twice".to_owned(), expr: sum };
        read(session).await.mutate(&[twice]).unwrap()
    };
    save(&doubled(&session).await, "made").await.unwrap();
    keep(&session, &[1, 2, 3, 4], &["a", "b", "c", "d"]).await;
    let (saved, _) = save(&doubled(&session).await, "made").await.unwrap();
    assert_eq!(ids(&saved.computed.unwrap()).await, [4]);
    let (saved, _) = save(&doubled(&session).await, "made").await.unwrap();
    assert!(ids(&saved.computed.unwrap()).await.is_empty());
}

#[tokio::test]
async fn groups_that_lost_or_gained_rows_are_computed_from_all_of_theirs() {
    let session = session().await;
    keep(&session, &[1, 2, 3, 4], &["a", "a", "b", "c"]).await;
    let firsts = async |session: &Arc<Session>| {
        read(session).await.distinct(&[Expr::Column("name".to_owned())]).unwrap()
    };
    save(&firsts(&session).await, "made").await.unwrap();
    keep(&session, &[2, 3, 4, 5], &["a", "b", "c", "d"]).await;
    let (saved, told) = save(&firsts(&session).await, "made").await.unwrap();
    assert_eq!(told, ["Dataset 'made@1.0.1': +1 records, 1 replaced"]);
    assert_eq!(ids(&saved.chain).await, [3, 4, 2, 5]);
    assert_eq!(ids(&saved.computed.unwrap()).await, [2, 5]);
}

#[tokio::test]
async fn what_would_be_computed_is_told() {
    let session = session().await;
    let made = "made".parse().unwrap();
    keep(&session, &[1, 2, 3], &["a", "b", "c"]).await;
    let told = read(&session).await.explain_update(&made).await.unwrap();
    assert_eq!(told, "all rows of `made` are computed: it has no version yet");
    save(&read(&session).await, "made").await.unwrap();
    keep(&session, &[1, 2, 4], &["a", "other", "d"]).await;
    let told = read(&session).await.explain_update(&made).await.unwrap();
    assert_eq!(
        told,
        "source@1.0.1: 1 rows new, 1 changed, 1 gone, 1 kept\n\
         1 of 3 rows of `made@1.0.0` are replaced or dropped"
    );
}

#[tokio::test]
async fn a_limit_is_refused_by_name() {
    let session = session().await;
    keep(&session, &[1, 2, 3], &["a", "b", "c"]).await;
    let refused = save(&read(&session).await.limit(2).unwrap(), "made").await.unwrap_err();
    assert_eq!(refused.code(), "engine.not_supported");
    assert!(refused.to_string().starts_with("`limit`, `offset` or `sample`"), "{refused}");
}
