//! Two calls at once do what one after the other does, whenever the second comes in between.

use std::sync::Arc;

use futures::FutureExt;
use object_store::memory::InMemory;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::memory::MemoryCatalog;
use crate::store::CatalogStore;

use super::faulty::Faulty;
use super::open;
use super::script::{Caller, Step, shown};

const BEGIN: [Step; 7] = [
    Step::Start,
    Step::Claim("cats", "cats", "cats"),
    Step::Complete("cats", 1, "gone"),
    Step::Claim("dogs", "dogs", "dogs"),
    Step::Complete("dogs", 2, "cats"),
    Step::Claim("open", "cats", "cats"),
    Step::Claim("second", "cats", "cats"),
];

const CALLS: [Step; 18] = [
    Step::Claim("more", "cats", "cats"),
    Step::Claim("new", "felines", "felines"),
    Step::Claim("more", "felines", "cats"),
    Step::Claim("other", "cats", "elsewhere"),
    Step::Claim("new", "birds", "felines"),
    Step::Complete("open", 3, "cats"),
    Step::Complete("open", 4, "dogs"),
    Step::Follow("open", "1.0.0"),
    Step::Follow("second", "1.0.0"),
    Step::Abandon("open"),
    Step::Abandon("second"),
    Step::Remove("dogs", "1.0.0"),
    Step::Describe("cats", "good cats"),
    Step::Describe("cats", "bad cats"),
    Step::Rename("cats", "felines"),
    Step::Rename("cats", "birds"),
    Step::Rename("dogs", "felines"),
    Step::Rename("dogs", "dogs"),
];

/// What came of two calls, and what the catalog shows after them.
#[derive(Debug, PartialEq)]
struct Outcome {
    one: Result<String, &'static str>,
    other: Result<String, &'static str>,
    shown: Vec<String>,
}

async fn make(
    caller: &mut Caller,
    store: &dyn CatalogStore,
    step: Step,
) -> Result<String, &'static str> {
    caller.make(store, step).await.map_err(|error: Error| error.code())
}

async fn begin(store: &dyn CatalogStore) -> Caller {
    let mut caller = Caller::default();
    for step in BEGIN {
        caller.make(store, step).await.unwrap();
    }
    caller
}

/// Both orders, by the reference.
async fn in_turn(one: Step, other: Step) -> [Outcome; 2] {
    let store = MemoryCatalog::new();
    let mut caller = begin(&store).await;
    let (first, second) =
        (make(&mut caller, &store, one).await, make(&mut caller, &store, other).await);
    let forth = Outcome { one: first, other: second, shown: shown(&store).await };
    let store = MemoryCatalog::new();
    let mut caller = begin(&store).await;
    let (first, second) =
        (make(&mut caller, &store, other).await, make(&mut caller, &store, one).await);
    [forth, Outcome { one: second, other: first, shown: shown(&store).await }]
}

/// The second call before a request of the first; none if the first has fewer requests.
async fn at_once(one: Step, other: Step, at: usize) -> Option<Outcome> {
    let bucket = InMemory::new();
    let store = open(&Arc::new(bucket.clone()));
    let mut caller = begin(&store).await;
    let (told, outcome) = oneshot::channel();
    let (mut second, others) = (caller.clone(), open(&Arc::new(bucket.clone())));
    let meanwhile = Box::new(move || {
        async move { told.send(make(&mut second, &others, other).await).unwrap() }.boxed()
    });
    let faulty = Arc::new(Faulty::meanwhile(bucket, at, meanwhile));
    let one = make(&mut caller, &open(&faulty), one).await;
    if !faulty.struck() {
        return None;
    }
    Some(Outcome { one, other: outcome.await.unwrap(), shown: shown(&store).await })
}

/// A rename looks when it begins whether its dataset is visible.
fn is_documented(one: Step, other: Step) -> bool {
    matches!((one, other), (Step::Remove(removed, _), Step::Rename(from, _)) if removed == from)
}

#[tokio::test]
async fn two_calls_are_as_one_after_the_other() {
    let mut checked = 0;
    for one in CALLS {
        for other in CALLS {
            if is_documented(one, other) || is_documented(other, one) {
                continue;
            }
            let expected = in_turn(one, other).await;
            let mut at = 0;
            while let Some(found) = at_once(one, other, at).await {
                assert!(
                    expected.contains(&found),
                    "{one:?}, {other:?} before request {at}: {found:#?}, not one of {expected:#?}"
                );
                at += 1;
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "only {checked}");
}
