//! The bucket's store passes the conformance suite, and survives what a bucket does to it.

use std::sync::Arc;

use futures::future::try_join_all;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tempfile::TempDir;

use super::*;
use crate::conformance;
use crate::error::Error;
use crate::request::Wanted;
use crate::store::CatalogExt;
use crate::version::Bump;

mod crashes;
mod faulty;
mod interleaved;
mod requests;
mod script;

use faulty::{Faulty, Kind};

const PATCH: Wanted = Wanted::Bump(Bump::Patch);

fn open(store: &Arc<impl ObjectStore>) -> BucketCatalog {
    BucketCatalog::new(
        Arc::clone(store) as Arc<dyn ObjectStore>,
        &Path::from("root"),
        "s3://bucket/root",
    )
}

#[tokio::test]
async fn behaves_as_every_store() {
    let passed = conformance::all(async || Ok(open(&Arc::new(InMemory::new())))).await.unwrap();
    assert!(passed >= 20, "only {passed} behaviours were checked");
}

#[tokio::test]
async fn handles_share_the_bucket() {
    // It lets other tasks run at every request, so that they get into each other's way.
    let bucket = Arc::new(Faulty::counting(InMemory::new()));
    conformance::shared(&open(&bucket), &open(&bucket)).await.unwrap();
}

#[tokio::test]
async fn several_may_create_the_catalog_at_once() {
    let bucket = Arc::new(Faulty::counting(InMemory::new()));
    let stores = [(); 8].map(|()| open(&bucket));
    let jobs = stores.iter().map(|store| store.start_job(NewJob::default()));
    let jobs = try_join_all(jobs).await.unwrap();
    for job in jobs {
        assert_eq!(stores[0].job(&job.id).await.unwrap(), job);
    }
    let left = bucket.paths().await;
    assert_eq!(left.iter().filter(|path| !path.contains("/jobs/")).count(), 1, "{left:?}");
}

#[tokio::test]
async fn reading_an_empty_bucket_finds_nothing_and_writes_nothing() {
    let bucket = Arc::new(Faulty::counting(InMemory::new()));
    let store = open(&bucket);
    let name = "cats".parse().unwrap();
    assert_eq!(store.datasets().await.unwrap(), []);
    assert_eq!(store.versions(VersionFilter::all_of(&name)).await.unwrap(), []);
    assert_eq!(store.versions(VersionFilter::all_at("there")).await.unwrap(), []);
    let unknown = JobId::from("../no/such job".to_owned());
    assert_eq!(store.job(&unknown).await.unwrap_err().code(), "catalog.job_not_found");
    assert_eq!(bucket.count("PUT"), 0);
}

#[tokio::test]
async fn names_of_any_kind_have_objects_of_their_own() {
    let store = open(&Arc::new(InMemory::new()));
    let job = store.start_job(NewJob::default()).await.unwrap().id;
    let long = "字".repeat(42);
    let names = ["100%", "100%25", "a b", "[x]", "ä#", "A", "a", "~`{^}"];
    let names = names.map(|name| format!("{name}.{name}.{name}"));
    let mut names: Vec<QualifiedName> = names.iter().map(|name| name.parse().unwrap()).collect();
    names.push(format!("{long}.{long}.{long}").parse().unwrap());
    for name in &names {
        let claim = ClaimRequest::new(name.clone(), PATCH, job.clone());
        let claim = store.claim_version(claim).await.unwrap();
        store.complete_version(&claim, CompletedVersion::default()).await.unwrap();
        assert_eq!(store.latest(name).await.unwrap().version, Version::FIRST);
    }
    names.sort();
    let found = store.datasets().await.unwrap().into_iter().map(|dataset| dataset.name);
    assert_eq!(found.collect::<Vec<_>>(), names);
}

#[track_caller]
fn check(error: &Error, retryable: bool, expected: &str) {
    assert_eq!((error.code(), error.is_retryable()), ("catalog.store", retryable));
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn buckets_without_conditional_writes_are_refused() {
    let told = "cannot start a job: the bucket ignores conditional writes, so that writers would overwrite each \
                other's versions; hint: use a bucket that honours `If-None-Match` and `If-Match`, or a catalog in \
                PostgreSQL: `s3://bucket/root`";
    for kind in [Kind::IgnoresCreate, Kind::IgnoresUpdate] {
        let bucket = Arc::new(Faulty::new(InMemory::new(), kind, 0));
        let error = open(&bucket).start_job(NewJob::default()).await.unwrap_err();
        check(&error, false, told);
        assert_eq!(bucket.paths().await, Vec::<String>::new());
    }
    let folder = TempDir::new().unwrap();
    let disk = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let error = open(&disk).start_job(NewJob::default()).await.unwrap_err();
    check(&error, false, told);
}

#[tokio::test]
async fn failures_say_what_and_where() {
    let bucket = Arc::new(Faulty::new(InMemory::new(), Kind::Dies, 0));
    let error = open(&bucket).datasets().await.unwrap_err();
    check(
        &error,
        true,
        "cannot list datasets: the bucket cannot be reached, or failed: `s3://bucket/root`",
    );
    assert_eq!(format!("{:?}", open(&bucket)), "BucketCatalog(`s3://bucket/root`)");
}

#[test]
fn refusals_are_told_from_outages() {
    for (status, retryable, reason) in [
        ("404 Not Found", false, "the bucket does not exist"),
        ("400 Bad Request", false, "the bucket refuses the request"),
        ("429 Too Many Requests", true, "the bucket cannot be reached, or failed"),
        ("503 Slow Down", true, "the bucket cannot be reached, or failed"),
    ] {
        let source = format!("Server returned non-2xx status code: {status}: ").into();
        let failure = Failure::Bucket(object_store::Error::Generic { store: "S3", source });
        check(&failure.explain("list", &"`x`"), retryable, &format!("cannot list: {reason}: `x`"));
    }
}

#[tokio::test]
async fn newer_and_damaged_catalogs_are_refused() {
    let bucket = Arc::new(InMemory::new());
    let store = open(&bucket);
    let head = Path::from("root/catalog/catalog.json");
    store.documents.put(&head, br#"{"format": 2, "steps": []}"#.to_vec()).await.unwrap();
    let error = store.start_job(NewJob::default()).await.unwrap_err();
    assert_eq!(error.code(), "catalog.newer_store");
    store.documents.put(&head, b"{".to_vec()).await.unwrap();
    let error = store.datasets().await.unwrap_err();
    let expected = "the catalog is damaged: `root/catalog/catalog.json` cannot be read";
    assert_eq!((error.code(), error.to_string().as_str()), ("catalog.corrupt", expected));
}

#[tokio::test]
async fn lost_previews_and_schemas_are_told() {
    let bucket = Arc::new(Faulty::counting(InMemory::new()));
    let store = open(&bucket);
    let job = store.start_job(NewJob::default()).await.unwrap().id;
    let request = ClaimRequest::new("cats".parse().unwrap(), PATCH, job);
    let claim = store.claim_version(request).await.unwrap();
    store.complete_version(&claim, CompletedVersion::default()).await.unwrap();
    for folder in ["previews", "schemas"] {
        bucket.remove(folder).await;
        let error = open(&bucket).latest(&claim.name).await.unwrap_err();
        assert!(error.to_string().contains(&format!("`root/catalog/{folder}/")), "{error}");
        assert_eq!(error.code(), "catalog.corrupt");
    }
}
