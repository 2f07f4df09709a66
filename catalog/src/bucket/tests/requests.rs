//! How many requests each method makes, as the module's documentation says.

use std::sync::Arc;

use object_store::memory::InMemory;

use crate::request::VersionFilter;
use crate::store::{CatalogExt, CatalogStore};

use super::faulty::Faulty;
use super::open;
use super::script::{Caller, Step};

#[tokio::test]
async fn requests_are_few() {
    let bucket = Arc::new(Faulty::counting(InMemory::new()));
    let (store, mut caller) = (open(&bucket), Caller::default());
    for (step, expected) in [
        (Step::Start, "2 GET 6 PUT 1 DELETE"),
        (Step::Start, "1 GET 1 PUT"),
        (Step::Claim("first", "cats", "cats"), "3 GET 2 PUT"),
        (Step::Complete("first", 1, "gone"), "2 GET 3 PUT"),
        (Step::Claim("second", "cats", "cats"), "3 GET 1 PUT"),
        (Step::Complete("second", 1, "gone"), "2 GET 2 PUT"),
        (Step::Claim("third", "cats", "cats"), "3 GET 1 PUT"),
        (Step::Abandon("third"), "2 GET 1 PUT"),
        (Step::Remove("cats", "1.0.1"), "2 GET 1 PUT"),
        (Step::Describe("cats", "good cats"), "2 GET 1 PUT"),
        (Step::Rename("cats", "felines"), "2 GET 2 PUT"),
        (Step::Claim("fourth", "felines", "cats"), "4 GET 1 PUT"),
        (Step::Finish, "1 GET 1 PUT"),
    ] {
        caller.make(&store, step).await.unwrap();
        assert_eq!(bucket.take_counts(), expected, "{step:?}");
    }
    caller.make(&store, Step::Claim("dogs", "dogs", "dogs")).await.unwrap();
    caller.make(&store, Step::Complete("dogs", 1, "cats")).await.unwrap();
    bucket.take_counts();

    let (dogs, felines) = ("dogs".parse().unwrap(), "felines".parse().unwrap());
    store.latest(&dogs).await.unwrap();
    assert_eq!(bucket.take_counts(), "3 GET");
    store.latest(&felines).await.unwrap();
    assert_eq!(bucket.take_counts(), "4 GET");
    store.versions(VersionFilter::of(&dogs)).await.unwrap();
    assert_eq!(bucket.take_counts(), "2 GET");
    open(&bucket).versions(VersionFilter::of(&dogs)).await.unwrap();
    assert_eq!(bucket.take_counts(), "3 GET");
    store.versions(VersionFilter::all_at("cats")).await.unwrap();
    assert_eq!(bucket.take_counts(), "3 GET");
    store.newest(&"unknown".parse().unwrap()).await.unwrap();
    assert_eq!(bucket.take_counts(), "2 GET");
    store.datasets().await.unwrap();
    assert_eq!(bucket.take_counts(), "1 LIST 3 GET");
    store.versions(VersionFilter::default()).await.unwrap();
    assert_eq!(bucket.take_counts(), "1 LIST 3 GET");
}
