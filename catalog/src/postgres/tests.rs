//! The server's store passes the conformance suite, and survives what memory need not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sqlx::{query, query_scalar};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::conformance;
use crate::dataset::Dependency;
use crate::error::Error;
use crate::request::Wanted;
use crate::store::CatalogExt;
use crate::version::Bump;

mod server;

const PATCH: Wanted = Wanted::Bump(Bump::Patch);

async fn start(store: &PostgresCatalog) -> JobId {
    store.start_job(NewJob::default()).await.unwrap().id
}

#[tokio::test]
async fn behaves_as_every_store() {
    let make = async || PostgresCatalog::open(&server::database().await).await;
    let passed = conformance::all(make).await.unwrap();
    assert!(passed >= 20, "only {passed} behaviours were checked");
}

#[tokio::test]
async fn handles_share_the_database() {
    let database = server::database().await;
    let one = PostgresCatalog::open(&database).await.unwrap();
    let other = PostgresCatalog::open(&database).await.unwrap();
    conformance::shared(&one, &other).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_never_get_the_same_number() {
    let database = server::database().await;
    let one = Arc::new(PostgresCatalog::open(&database).await.unwrap());
    let other = Arc::new(PostgresCatalog::open(&database).await.unwrap());
    let job = start(&one).await;
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let store = Arc::clone(if number % 2 == 0 { &one } else { &other });
        let job = job.clone();
        tasks.spawn(async move {
            let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, job);
            let claim = store.claim_version(request).await.unwrap();
            store.complete_version(&claim, CompletedVersion::default()).await.unwrap().version
        });
    }
    let versions: BTreeSet<Version> = tasks.join_all().await.into_iter().collect();
    assert_eq!(versions.len(), 40);
    assert_eq!(versions.last().unwrap().to_string(), "1.0.39");
}

#[tokio::test]
async fn keeps_everything_when_it_is_closed() {
    let database = server::database().await;
    let store = PostgresCatalog::open(&database).await.unwrap();
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    let claim = store.claim_version(request.clone()).await.unwrap();
    let done = store.complete_version(&claim, CompletedVersion::default()).await.unwrap();
    store.close().await;
    assert_eq!(
        store.datasets().await.unwrap_err().to_string(),
        format!("cannot list datasets: the catalog was closed: {}", store.place)
    );

    let store = PostgresCatalog::open(&database).await.unwrap();
    assert_eq!(store.latest(&claim.name).await.unwrap(), done);
    assert_eq!(store.claim_version(request).await.unwrap().version.to_string(), "1.0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_may_create_the_tables_at_once() {
    for _ in 0..4 {
        let database = server::database().await;
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let database = database.clone();
            let open = async move { PostgresCatalog::open(&database).await };
            tasks.spawn(async { start(&open.await.unwrap()).await });
        }
        assert_eq!(tasks.join_all().await.len(), 8);
    }
}

#[tokio::test]
async fn lost_connections_are_made_again() {
    let store = PostgresCatalog::open(&server::database().await).await.unwrap();
    let job = start(&store).await;
    for _ in 0..3 {
        // WHY: the connection that says so is lost, too.
        query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
            .execute(&store.pool())
            .await
            .unwrap_err();
        assert_eq!(store.job(&job).await.unwrap().id, job);
        store.start_job(NewJob::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_call_changes_nothing_and_blocks_nobody() {
    let store = PostgresCatalog::open(&server::database().await).await.unwrap();
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    for pause in 0..20 {
        let claim = store.claim_version(request.clone());
        let done = timeout(Duration::from_micros(200 * pause), claim).await;
        assert!(done.is_err() || done.unwrap().is_ok());
    }
    store.claim_version(request).await.unwrap();
}

#[tokio::test]
async fn texts_of_any_kind_are_kept() {
    let store = PostgresCatalog::open(&server::database().await).await.unwrap();
    let new = NewJob { source: Some("a\0b".to_owned()), ..NewJob::default() };
    let job = store.start_job(new).await.unwrap();
    assert_eq!(job.source.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(store.job(&job.id).await.unwrap(), job);
    let request = ClaimRequest {
        attrs: Some(vec!["a\0b".to_owned(), "\"ä\"".to_owned()]),
        ..ClaimRequest::new("ä#%.'--;.x y".parse().unwrap(), PATCH, job.id)
    };
    let claim = store.claim_version(request.clone()).await.unwrap();
    let given = CompletedVersion {
        preview: json!([{"a\0": "b\0", "number": 1.5e300}]),
        dependencies: vec![Dependency { name: request.name.clone(), version: Version::FIRST }],
        ..CompletedVersion::default()
    };
    let done = store.complete_version(&claim, given.clone()).await.unwrap();
    assert_eq!((&done.preview, done.attrs), (&given.preview, request.attrs.clone().unwrap()));
    let failed = store.claim_version(request).await.unwrap();
    store.abandon_version(&failed, "bad\0byte").await.unwrap();
    let all = store.versions(VersionFilter::all_of(&claim.name)).await.unwrap();
    assert_eq!(all[1].error.as_deref(), Some("bad\u{fffd}byte"));
}

#[track_caller]
fn check(error: &Error, code: &str, expected: &str) {
    assert_eq!((error.code(), error.to_string().as_str()), (code, expected));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn unusable_addresses_are_named_without_their_password() {
    for address in ["mysql://me:secret@host/db", "postgresql//", "postgresql://me:secret@host:x/"] {
        let error = PostgresCatalog::open(address).await.unwrap_err();
        let expected = "cannot open the catalog: the address should be like \
                        `postgresql://user:password@host:5432/database`: `postgresql://…`";
        check(&error, "catalog.store", expected);
    }
    let database = server::database().await;
    let wrong = database.replace("lakebed:right@", "lakebed:secret@");
    let error = PostgresCatalog::open(&wrong).await.unwrap_err();
    let place = PostgresCatalog::open(&database).await.unwrap().place;
    let expected =
        format!("cannot open the catalog: the server refuses the user or password: {place}");
    check(&error, "catalog.store", &expected);

    let (server, _) = database.split_once("/t_").unwrap();
    let (_, socket) = database.split_once('?').unwrap();
    let error = PostgresCatalog::open(&format!("{server}/nowhere?{socket}")).await.unwrap_err();
    assert!(
        error.to_string().starts_with("cannot open the catalog: the database does not exist: ")
    );

    let error = PostgresCatalog::open("postgresql://me:secret@localhost:1/db").await.unwrap_err();
    let place = "`postgresql://localhost:1/db`";
    let expected = format!("cannot open the catalog: the server cannot be reached: {place}");
    check(&error, "catalog.store", &expected);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn its_password_is_not_shown() {
    let store = PostgresCatalog::open(&server::database().await).await.unwrap();
    let shown = format!("{store:?}");
    assert!(shown.starts_with("PostgresCatalog(`postgresql:///"), "{shown}");
    assert!(!shown.contains("right"), "{shown}");
}

#[tokio::test]
async fn newer_and_damaged_tables_are_refused() {
    let database = server::database().await;
    let store = PostgresCatalog::open(&database).await.unwrap();
    let formats: Vec<i64> = query_scalar("SELECT version FROM lakebed.schema_version")
        .fetch_all(&store.pool())
        .await
        .unwrap();
    assert_eq!(formats, [1, 2, 3, 4]);
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    let claim = store.claim_version(request).await.unwrap();
    store.complete_version(&claim, CompletedVersion::default()).await.unwrap();
    for (damage, what) in [
        ("UPDATE lakebed.schemas SET bytes = '\\x00'", "a stored schema cannot be read"),
        (
            "UPDATE lakebed.dataset_versions SET schema = NULL, rows = -1",
            "a version cannot be read",
        ),
        ("UPDATE lakebed.datasets SET attrs = '{}'", "a dataset cannot be read"),
    ] {
        query(damage).execute(&store.pool()).await.unwrap();
        let error = store.versions(VersionFilter::default()).await.unwrap_err();
        check(&error, "catalog.corrupt", &format!("the catalog is damaged: {what}"));
        let mend = "UPDATE lakebed.dataset_versions SET rows = 0";
        query(mend).execute(&store.pool()).await.unwrap();
    }
    query("INSERT INTO lakebed.schema_version VALUES (7, 0)").execute(&store.pool()).await.unwrap();
    let error = PostgresCatalog::open(&database).await.unwrap_err();
    assert_eq!(error.code(), "catalog.newer_store");
}

#[tokio::test]
async fn a_database_is_the_catalog_of_one_root() {
    let database = server::database().await;
    let open = async |root| PostgresCatalog::open(&database).await.unwrap().of_root(root).await;
    open("s3://bucket/lake/").await.unwrap();
    open("s3://bucket/lake/").await.unwrap();
    let error = open("/data/lake").await.unwrap_err();
    assert_eq!(error.code(), "catalog.other_root");
    assert!(error.to_string().contains("`s3://bucket/lake/`, not of `/data/lake`"), "{error}");
}
