//! Which listings are made, and when one that is there will do.

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, AsArray, StructArray};
use async_trait::async_trait;
use catalog::{Bump, CatalogExt, NewJob, VersionSpec, Wanted};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::memory::InMemory;
use object_store::{ListResult, ObjectStore, ObjectStoreExt};

use crate::sink::{SaveMode, SaveRequest};
use crate::storage::{Bucket, Location, Uri};
use crate::{Chain, Config, Error, FileKind, Listing, Result, Root, Session};

use super::*;

/// A store in memory that counts its listings.
#[derive(Debug, Default)]
struct Counted {
    store: Arc<InMemory>,
    lists: AtomicUsize,
}

#[async_trait]
impl PaginatedListStore for Counted {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        _options: PaginatedListOptions,
    ) -> object_store::Result<PaginatedListResult> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let all: Vec<_> = self.store.list(None).try_collect().await?;
        let begins = |key: &str| key.starts_with(prefix.unwrap_or_default());
        let objects = all.into_iter().filter(|one| begins(one.location.as_ref())).collect();
        let result =
            ListResult { common_prefixes: vec![], objects, extensions: Default::default() };
        Ok(PaginatedListResult { result, page_token: None })
    }
}

/// A session, and the bucket `s3://b` in it.
struct Pets {
    session: Arc<Session>,
    bucket: Arc<Counted>,
}

impl Pets {
    async fn new(keys: &[&str]) -> Self {
        let session = Session::open(Config::with_root(Root::memory())).await.unwrap();
        let pets = Self { session, bucket: Arc::default() };
        for key in keys {
            pets.put(key).await;
        }
        let store: Arc<dyn ObjectStore> = Arc::clone(&pets.bucket.store) as _;
        let bucket = Bucket::plain("s3://b".to_owned(), store);
        let pages = Some(Arc::clone(&pets.bucket) as _);
        pets.session.buckets().insert(Bucket { pages, ..bucket });
        pets
    }

    async fn put(&self, key: &str) {
        self.bucket.store.put(&Location::from(key), key.to_owned().into()).await.unwrap();
    }

    fn read(&self, uris: &[&str]) -> Chain {
        self.session.read_listing(listing(uris)).unwrap()
    }

    async fn paths(&self, uri: &str) -> Vec<String> {
        paths(&self.read(&[uri])).await.unwrap()
    }

    fn lists(&self) -> usize {
        self.bucket.lists.swap(0, Ordering::Relaxed)
    }

    /// The number of its version, and what it is made of.
    async fn save(&self, uris: &[&str]) -> (String, Vec<String>) {
        let catalog = self.session.catalog();
        let request = SaveRequest {
            name: "pets".parse().unwrap(),
            wanted: Wanted::Bump(Bump::Patch),
            mode: SaveMode::Replace,
            lists: false,
            job: catalog.start_job(NewJob::default()).await.unwrap().id,
            description: None,
            attrs: None,
        };
        let saved = self.read(uris).save(request, &Arc::default()).await.unwrap().record;
        let mut places = Vec::new();
        for one in &saved.dependencies {
            let spec = VersionSpec::Exact(one.version);
            let made_of = catalog.resolve(&one.name, &spec).await.unwrap();
            places.push(made_of.description.unwrap());
        }
        (saved.version.to_string(), places)
    }

    async fn versions(&self) -> usize {
        let all = self.session.catalog().versions(VersionFilter::default()).await.unwrap();
        all.iter().filter(|record| record.dataset.is_listing()).count()
    }
}

fn listing(uris: &[&str]) -> Listing {
    let uris: Vec<String> = uris.iter().map(ToString::to_string).collect();
    Listing::try_new(&uris, true, "file", FileKind::Binary).unwrap()
}

async fn paths(chain: &Chain) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for batch in chain.collect().await? {
        let files: &StructArray = batch.column(0).as_struct();
        let paths = files.column_by_name("path").unwrap().as_string::<i32>();
        found.extend((0..paths.len()).map(|row| paths.value(row).to_owned()));
    }
    Ok(found)
}

const KEYS: [&str; 5] = ["a.txt", "cats/1.jpg", "cats/2.png", "cats/more/3.jpg", "dogs/1.jpg"];

#[tokio::test]
async fn what_a_uri_names_is_found() {
    let pets = Pets::new(&KEYS).await;
    assert_eq!(pets.paths("s3://b").await, KEYS);
    assert_eq!(pets.paths("s3://b/cats").await, KEYS[1..4]);
    assert_eq!(pets.paths("s3://b/cats/*.jpg").await, ["cats/1.jpg"]);
    assert_eq!(pets.paths("s3://b/**/*.jpg").await, [KEYS[1], KEYS[3], KEYS[4]]);
    assert_eq!(pets.paths("s3://b/{dogs,cats/more}").await, [KEYS[4], KEYS[3]]);
    assert_eq!(pets.paths("s3://b/a.txt").await, ["a.txt"]);
    let error = paths(&pets.read(&["s3://b/birds"])).await.unwrap_err();
    assert!(matches!(&error, Error::PathNotFound { path } if path == "s3://b/birds"), "{error}");
}

#[tokio::test]
async fn a_listing_serves_all_below_it() {
    let pets = Pets::new(&KEYS).await;
    pets.paths("s3://b/").await;
    assert_eq!(pets.lists(), 1);
    pets.put("cats/4.jpg").await;
    assert_eq!(pets.paths("s3://b/cats/*.jpg").await, ["cats/1.jpg"]);
    assert_eq!(pets.paths("s3://b/cats").await, KEYS[1..4]);
    assert_eq!(pets.paths("s3://b/dogs/1.jpg").await, ["dogs/1.jpg"]);
    assert_eq!(pets.lists(), 0);
    let newer = pets.session.read_listing(listing(&["s3://b/cats/*.jpg"]).updated()).unwrap();
    assert_eq!(paths(&newer).await.unwrap(), ["cats/1.jpg", "cats/4.jpg"]);
    assert_eq!(pets.lists(), 1);
    // The newer one counts.
    assert_eq!(pets.paths("s3://b/cats/*.jpg").await, ["cats/1.jpg", "cats/4.jpg"]);
    assert_eq!(pets.lists(), 0);
}

#[tokio::test]
async fn what_a_listing_has_not_is_looked_for() {
    let pets = Pets::new(&KEYS).await;
    pets.paths("s3://b").await;
    pets.put("birds/1.jpg").await;
    assert_eq!(pets.paths("s3://b/birds/").await, ["birds/1.jpg"]);
    pets.put("b.txt").await;
    assert_eq!(pets.paths("s3://b/b.txt").await, ["b.txt"]);
}

#[tokio::test]
async fn an_unchanged_bucket_makes_no_version() {
    let pets = Pets::new(&KEYS).await;
    let anew = pets.session.read_listing(listing(&["s3://b/"]).updated()).unwrap();
    for _ in 0..3 {
        assert_eq!(paths(&anew).await.unwrap().len(), KEYS.len());
        assert_eq!(pets.lists(), 1);
    }
    assert_eq!(pets.versions().await, 1);
    pets.put("b.txt").await;
    assert_eq!(paths(&anew).await.unwrap().len(), KEYS.len() + 1);
    assert_eq!(pets.versions().await, 2);
}

#[tokio::test]
async fn rows_are_what_they_are_whichever_listing_tells() {
    let pets = Pets::new(&KEYS).await;
    let first = pets.save(&["s3://b/cats/"]).await;
    assert_eq!(first, ("1.0.0".to_owned(), vec!["s3://b/cats/".to_owned()]));
    let whole = pets.session.read_listing(listing(&["s3://b/"]).updated()).unwrap();
    assert_eq!(whole.count(&Arc::default()).await.unwrap(), KEYS.len() as u64);
    pets.lists();
    assert_eq!(pets.save(&["s3://b/cats"]).await, first);
    assert_eq!(pets.lists(), 0);
    let (version, places) = pets.save(&["s3://b/c*/*", "s3://b/a.txt"]).await;
    assert_eq!(version, "1.0.1");
    assert_eq!(places, ["s3://b/"]);
}

#[tokio::test]
async fn those_who_list_the_same_wait_for_each_other() {
    let pets = Pets::new(&KEYS).await;
    let chains: Vec<Chain> = (0..8).map(|_| pets.read(&["s3://b/cats"])).collect();
    let counts = chains.iter().map(paths);
    for found in futures::future::join_all(counts).await {
        assert_eq!(found.unwrap(), KEYS[1..4]);
    }
    assert_eq!((pets.lists(), pets.versions().await), (1, 1));
}

#[tokio::test]
async fn another_server_has_other_buckets_of_the_same_name() {
    let pets = Pets::new(&KEYS).await;
    pets.paths("s3://b").await;
    let elsewhere = [("endpoint".to_owned(), "http://elsewhere".to_owned())];
    let uri = Uri::parse("s3://b").unwrap().unwrap();
    let open = pets.session.buckets().open(&uri).await.unwrap();
    pets.session.configure("s3://b", &crate::ClientConfig::try_new(elsewhere).unwrap());
    pets.session.buckets().insert((*open).clone());
    pets.lists();
    pets.paths("s3://b").await;
    assert_eq!(pets.lists(), 1);
}

#[tokio::test]
async fn filters_are_seen_before_functions_and_leaves_are_pruned() {
    let pets = Pets::new(&KEYS).await;
    pets.paths("s3://b").await;
    let chain = pets.read(&["s3://b/cats/**/*.jpg"]).select(&["file.size".to_owned()]).unwrap();
    let rows: usize = chain.collect().await.unwrap().iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 2);
    assert_eq!(chain.count(&Arc::default()).await.unwrap(), 2);
}
