//! The durable store passes the conformance suite, and survives what memory need not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use sqlx::{query, query_scalar, raw_sql};
use tempfile::TempDir;
use tokio::join;
use tokio::task::JoinSet;

use super::*;
use crate::conformance;
use crate::dataset::Dependency;
use crate::error::Error;
use crate::request::Wanted;
use crate::store::CatalogExt;
use crate::version::Bump;

const PATCH: Wanted = Wanted::Bump(Bump::Patch);

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("catalog.db")
}

async fn start(store: &SqliteCatalog) -> JobId {
    store.start_job(NewJob::default()).await.unwrap().id
}

#[tokio::test]
async fn behaves_as_every_store() {
    let folder = TempDir::new().unwrap();
    let path = || folder.path().join(JobId::random().to_string()).join("catalog.db");
    let passed = conformance::all(async || SqliteCatalog::open(path()).await).await.unwrap();
    assert!(passed >= 20, "only {passed} behaviours were checked");
}

#[tokio::test]
async fn handles_share_the_file() {
    let folder = TempDir::new().unwrap();
    let one = SqliteCatalog::open(file(&folder)).await.unwrap();
    let other = SqliteCatalog::open(file(&folder)).await.unwrap();
    conformance::shared(&one, &other).await.unwrap();
}

#[tokio::test]
async fn keeps_everything_when_it_is_closed() {
    let folder = TempDir::new().unwrap();
    let store = SqliteCatalog::open(file(&folder)).await.unwrap();
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    let claim = store.claim_version(request.clone()).await.unwrap();
    let done = store.complete_version(&claim, CompletedVersion::default()).await.unwrap();
    let open = store.claim_version(request.clone()).await.unwrap();
    store.close().await;

    let store = SqliteCatalog::open(file(&folder)).await.unwrap();
    assert_eq!(store.latest(&claim.name).await.unwrap(), done);
    store.complete_version(&open, CompletedVersion::default()).await.unwrap();
    store.remove_version(&open.name, open.version).await.unwrap();
    drop(store);

    let store = SqliteCatalog::open(file(&folder)).await.unwrap();
    assert_eq!(store.claim_version(request).await.unwrap().version.to_string(), "1.0.2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_never_get_the_same_number() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let (one, other) = join!(SqliteCatalog::open(path.clone()), SqliteCatalog::open(path));
    let stores = [Arc::new(one.unwrap()), Arc::new(other.unwrap())];
    let job = start(&stores[0]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        for store in &stores {
            let (store, job) = (Arc::clone(store), job.clone());
            tasks.spawn(async move {
                let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, job);
                let claim = store.claim_version(request).await.unwrap();
                store.complete_version(&claim, CompletedVersion::default()).await.unwrap().version
            });
        }
    }
    let versions: BTreeSet<Version> = tasks.join_all().await.into_iter().collect();
    assert_eq!(versions.len(), 100);
    assert_eq!(versions.last().unwrap().to_string(), "1.0.99");
    let name = "cats".parse().unwrap();
    assert_eq!(stores[1].versions(VersionFilter::of(&name)).await.unwrap().len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_may_create_the_file_at_once() {
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let path = folder.path().join("new").join("catalog.db");
            tasks.spawn(async move { start(&SqliteCatalog::open(path).await.unwrap()).await });
        }
        assert_eq!(tasks.join_all().await.len(), 8);
    }
}

#[tokio::test]
async fn a_dropped_call_changes_nothing_and_blocks_nobody() {
    let folder = TempDir::new().unwrap();
    let store = SqliteCatalog::open(file(&folder)).await.unwrap();
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    for pause in 0..20 {
        let claim = store.claim_version(request.clone());
        let done = tokio::time::timeout(Duration::from_micros(50 * pause), claim).await;
        assert!(done.is_err() || done.unwrap().is_ok());
    }
    store.claim_version(request).await.unwrap();
}

#[tokio::test]
async fn migrates_an_empty_file_and_refuses_a_newer_one() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    fs::write(&path, b"").unwrap();
    let store = SqliteCatalog::open(&path).await.unwrap();
    let formats: Vec<i64> = query_scalar("SELECT version FROM schema_version")
        .fetch_all(&store.pools().readers)
        .await
        .unwrap();
    let newest = i64::try_from(formats.len()).unwrap();
    assert!(formats.iter().copied().eq(1..=newest));
    let mode: String =
        query_scalar("PRAGMA journal_mode").fetch_one(&store.pools().writer).await.unwrap();
    let safety: i64 =
        query_scalar("PRAGMA synchronous").fetch_one(&store.pools().writer).await.unwrap();
    assert_eq!((mode.as_str(), safety), ("wal", 2));
    query("INSERT INTO schema_version VALUES (7, 0)").execute(&store.pools().writer).await.unwrap();
    store.close().await;

    let error = SqliteCatalog::open(&path).await.unwrap_err();
    assert_eq!(error.code(), "catalog.newer_store");
    let path = path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "the catalog has format `7`, this release knows up to `{newest}`; hint: upgrade; `{path}`"
        )
    );
}

#[tokio::test]
async fn older_files_are_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut old = options(&path).create_if_missing(true).connect().await.unwrap();
    raw_sql(include_str!("format_1.sql")).execute(&mut old).await.unwrap();
    raw_sql(
        "INSERT INTO schema_version VALUES (1, 0);
         INSERT INTO namespaces VALUES (1, 'n', 'lab', 0);
         INSERT INTO projects VALUES (1, 'p', 1, 'vision', 0);
         INSERT INTO datasets (id, uuid, project, name, created_at) VALUES (1, 'd', 1, 'cats', 0);
         INSERT INTO jobs (id, name, status, created_at, params, environment)
           VALUES ('j', '', 'running', 0, 'null', 'null');
         INSERT INTO dataset_versions (uuid, dataset, major, minor, patch, status, job, created_at)
           VALUES ('v', 1, 1, 0, 0, 'pending', 'j', 0);",
    )
    .execute(&mut old)
    .await
    .unwrap();
    old.close().await.unwrap();

    let store = SqliteCatalog::open(&path).await.unwrap();
    let name = "lab.vision.cats".parse().unwrap();
    let found = store.versions(VersionFilter::all_of(&name)).await.unwrap();
    assert_eq!(found[0].location, "data/lab/vision/cats.lance");
}

#[tokio::test]
async fn a_file_that_was_removed_or_replaced_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let store = SqliteCatalog::open(&path).await.unwrap();
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    let claim = store.claim_version(request.clone()).await.unwrap();
    for file in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
        fs::remove_file(folder.path().join(file)).unwrap();
    }
    let said = |doing| {
        let path = path.display();
        format!(
            "cannot {doing}: the catalog at `{path}` was removed or replaced while open; hint: start a new session"
        )
    };
    let error = store.claim_version(request.clone()).await.unwrap_err();
    assert_eq!((error.code(), error.to_string()), ("catalog.store", said("claim a version")));
    let error = store.versions(VersionFilter::default()).await.unwrap_err();
    assert_eq!(error.to_string(), said("list versions"));

    let other = SqliteCatalog::open(&path).await.unwrap();
    let done = store.complete_version(&claim, CompletedVersion::default()).await.unwrap_err();
    assert_eq!(done.to_string(), said("complete a version"));
    assert!(!done.is_retryable());
    let request = ClaimRequest { job: start(&other).await, ..request };
    assert_eq!(other.claim_version(request).await.unwrap().version, Version::FIRST);
}

#[track_caller]
fn check(error: &Error, expected: &str, path: &Path) {
    assert_eq!(format!("{}: {error}", error.code()), format!("{expected}: `{}`", path.display()));
}

#[tokio::test]
async fn unusable_paths_are_named_last() {
    let folder = TempDir::new().unwrap();
    let error = SqliteCatalog::open(folder.path()).await.unwrap_err();
    let expected =
        "catalog.store: cannot open the catalog: the file or its folder is missing or read-only";
    check(&error, expected, folder.path());

    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "these are notes, not a database, and long enough to be read as one".repeat(20),
    )
    .unwrap();
    let error = SqliteCatalog::open(&text).await.unwrap_err();
    let expected = "catalog.corrupt: the catalog is damaged: cannot open the catalog: the file is not a readable catalog";
    check(&error, expected, &text);

    let below = text.join("catalog.db");
    let error = SqliteCatalog::open(&below).await.unwrap_err();
    let expected =
        "catalog.store: cannot open the catalog: its folder cannot be created, or is read-only";
    check(&error, expected, &below);
}

#[tokio::test]
async fn a_read_only_file_can_be_read_but_not_changed() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    SqliteCatalog::open(&path).await.unwrap().close().await;
    let store = SqliteCatalog::open(&path).await.unwrap();
    let writer = PoolOptions::new().connect_lazy_with(options(&path).read_only(true));
    let readers = store.pools().readers;
    store.pools.renew(|| Pools { writer, readers });
    assert_eq!(store.datasets().await.unwrap(), []);
    let error = store.start_job(NewJob::default()).await.unwrap_err();
    let expected =
        "catalog.store: cannot start a job: the file or its folder is missing or read-only";
    check(&error, expected, &path);
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn damaged_rows_are_told_from_bugs() {
    let folder = TempDir::new().unwrap();
    let store = SqliteCatalog::open(file(&folder)).await.unwrap();
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, start(&store).await);
    let claim = store.claim_version(request).await.unwrap();
    store.complete_version(&claim, CompletedVersion::default()).await.unwrap();
    for (damage, what) in [
        ("UPDATE schemas SET bytes = x'00'", "a stored schema cannot be read"),
        ("UPDATE dataset_versions SET schema = NULL, rows = -1", "a version cannot be read"),
        ("UPDATE datasets SET attrs = '{'", "attrs cannot be read"),
        ("UPDATE datasets SET name = 'a/b'", "a name cannot be read"),
    ] {
        query(damage).execute(&store.pools().writer).await.unwrap();
        let error = store.versions(VersionFilter::default()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the catalog is damaged: {what}"));
        query("UPDATE dataset_versions SET rows = 0").execute(&store.pools().writer).await.unwrap();
        if what.starts_with("attrs") {
            query("UPDATE datasets SET attrs = '[]'").execute(&store.pools().writer).await.unwrap();
        }
    }
}

/// Prints times; asserts only that they are not off by an order of magnitude.
#[tokio::test]
async fn large_catalogs_list_quickly() {
    let folder = TempDir::new().unwrap();
    let store = SqliteCatalog::open(file(&folder)).await.unwrap();
    let job = start(&store).await;
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, job);
    let dependency = Dependency { name: request.name.clone(), version: Version::FIRST };
    let row = json!({"path": "images/0001.jpg", "size": 12345, "score": 0.25});
    let given = CompletedVersion {
        preview: Value::from(vec![row; 20]),
        dependencies: vec![dependency],
        ..CompletedVersion::default()
    };
    let started = Instant::now();
    for _ in 0..100 {
        let claim = store.claim_version(request.clone()).await.unwrap();
        store.complete_version(&claim, given.clone()).await.unwrap();
    }
    println!("claim and complete: {:?}", started.elapsed() / 100);
    copy_versions(&store).await;

    for filter in [VersionFilter::default(), VersionFilter::of(&request.name)] {
        let started = Instant::now();
        let versions = store.versions(filter).await.unwrap();
        println!("list {}: {:?}", versions.len(), started.elapsed());
        assert_eq!(versions.len(), 10_000);
        assert!(versions.iter().all(|version| version.dependencies.len() == 1));
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    let started = Instant::now();
    let latest = store.latest(&request.name).await.unwrap();
    println!("latest of 10,000: {:?}", started.elapsed());
    assert_eq!(latest.version.to_string(), "1.99.99");
}

/// From 100 versions to 10,000.
async fn copy_versions(store: &SqliteCatalog) {
    let mut tx = store.begin().await.unwrap();
    query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
         INSERT INTO dataset_versions (uuid, dataset, major, minor, patch, status, job, created_at, finished_at,
           location, storage_version, rows, bytes, schema, preview)
         SELECT uuid || i, dataset, major, i, patch, status, job, created_at, finished_at,
           location, storage_version, rows, bytes, schema, preview FROM dataset_versions, n",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    query(
        "INSERT INTO dependencies SELECT v.id, 0, e.namespace, e.project, e.name, e.major, e.minor, e.patch
         FROM dataset_versions v, dependencies e WHERE v.minor > 0 AND e.version = 1",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}
