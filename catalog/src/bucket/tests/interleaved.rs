//! Calls at once do what one after the other does, whenever they come in between.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use object_store::memory::InMemory;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::memory::MemoryCatalog;
use crate::store::CatalogStore;

use super::faulty::{Chance, Faulty};
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

/// What came of calls, and what the catalog shows after them.
#[derive(Debug, PartialEq)]
struct Outcome {
    told: Vec<Result<String, &'static str>>,
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

/// What the reference says if the calls are made in this order; told in the order of the calls.
async fn in_turn(calls: &[Step], order: &[usize]) -> Outcome {
    let store = MemoryCatalog::new();
    let mut caller = begin(&store).await;
    let mut told = vec![Ok(String::new()); calls.len()];
    for number in order {
        told[*number] = make(&mut caller, &store, calls[*number]).await;
    }
    Outcome { told, shown: shown(&store).await }
}

/// The second call before a request of the first; none if the first has fewer requests.
async fn in_between(one: Step, other: Step, at: usize) -> Option<Outcome> {
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
    Some(Outcome { told: vec![one, outcome.await.unwrap()], shown: shown(&store).await })
}

/// All calls at once, by handles of their own.
async fn at_once(calls: &[Step], seed: u64) -> Outcome {
    let bucket = InMemory::new();
    let store = open(&Arc::new(bucket.clone()));
    let caller = begin(&store).await;
    let shuffled = Arc::new(Faulty::shuffling(bucket, seed));
    let made = calls.iter().map(async |call| {
        let mut caller = caller.clone();
        make(&mut caller, &open(&shuffled), *call).await
    });
    Outcome { told: join_all(made).await, shown: shown(&store).await }
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
            let calls = [one, other];
            let expected = [in_turn(&calls, &[0, 1]).await, in_turn(&calls, &[1, 0]).await];
            let mut at = 0;
            while let Some(found) = in_between(one, other, at).await {
                assert!(
                    expected.contains(&found),
                    "{calls:?} before request {at}: {found:#?}, not one of {expected:#?}"
                );
                at += 1;
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "only {checked}");
}

#[tokio::test]
async fn three_calls_are_as_one_after_the_other() {
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for seed in 0..500 {
        let mut chance = Chance(seed);
        let calls = [(); 3].map(|()| CALLS[chance.below(CALLS.len())]);
        let pairs = calls.iter().flat_map(|one| calls.iter().map(move |other| (*one, *other)));
        if pairs.into_iter().any(|(one, other)| is_documented(one, other)) {
            continue;
        }
        let found = at_once(&calls, seed).await;
        let mut expected = Vec::new();
        for order in ORDERS {
            expected.push(in_turn(&calls, &order).await);
        }
        assert!(
            expected.contains(&found),
            "{calls:?}, seed {seed}: {found:#?}, not one of {expected:#?}"
        );
    }
}
