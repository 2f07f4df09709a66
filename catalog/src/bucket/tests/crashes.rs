//! Whichever request fails: a call happens as a whole or not at all, and what it leaves behind is
//! in nobody's way.

use std::sync::Arc;

use object_store::memory::InMemory;

use crate::memory::MemoryCatalog;

use super::faulty::{Faulty, Kind};
use super::open;
use super::script::{Caller, Step, shown};

/// Every method, and the datasets that renames make special.
const SCRIPT: [Step; 24] = [
    Step::Start,
    Step::Claim("first", "cats", "cats"),
    Step::Complete("first", 1, "far.away.gone"),
    Step::Claim("heir", "dogs", "dogs"),
    Step::Complete("heir", 2, "cats"),
    Step::Claim("open", "cats", "cats"),
    Step::Rename("cats", "felines"),
    Step::Complete("open", 3, "cats"),
    Step::Claim("anew", "cats", "cats.2"),
    Step::Complete("anew", 4, "felines"),
    Step::Claim("late", "cats", "cats"),
    Step::Abandon("late"),
    Step::Remove("felines", "1.0.0"),
    Step::Describe("dogs", "good dogs"),
    Step::Rename("dogs", "hounds"),
    Step::Rename("felines", "dogs"),
    Step::Claim("next", "dogs", "cats"),
    Step::Follow("next", "1.0.1"),
    Step::Claim("other", "felines", "felines.2"),
    Step::Claim("again", "dogs", "dogs.2"),
    Step::Complete("again", 5, "hounds"),
    Step::Abandon("other"),
    Step::Remove("felines", "1.0.0"),
    Step::Finish,
];

/// What the reference shows before the first step, and after each.
async fn expected() -> Vec<Vec<String>> {
    let (store, mut caller) = (MemoryCatalog::new(), Caller::default());
    let mut expected = vec![shown(&store).await];
    for step in SCRIPT {
        caller.make(&store, step).await.unwrap();
        expected.push(shown(&store).await);
    }
    expected
}

/// Strikes at one request; false if there were not so many.
async fn strike(kind: Kind, at: usize, expected: &[Vec<String>]) -> bool {
    let bucket = InMemory::new();
    let faulty = Arc::new(Faulty::new(bucket.clone(), kind, at));
    let (store, mut caller) = (open(&faulty), Caller::default());
    let mut left = SCRIPT.len();
    for (number, step) in SCRIPT.into_iter().enumerate() {
        if let Err(error) = caller.make(&store, step).await {
            assert_ne!(kind, Kind::Repeats, "{step:?} at {at}: {error}");
            assert_eq!((error.code(), error.is_retryable()), ("catalog.store", true), "{error}");
            left = number;
            break;
        }
    }
    let healthy = open(&Arc::new(bucket));
    if let Some(struck) = SCRIPT.get(left) {
        let found = shown(&healthy).await;
        if found != expected[left] {
            assert_eq!(found, expected[left + 1], "{kind:?} at {at}, {struck:?}");
            caller.find_claim(&healthy, *struck).await;
            left += 1;
        }
        for step in &SCRIPT[left..] {
            caller.make(&healthy, *step).await.unwrap();
        }
    }
    assert_eq!(&shown(&healthy).await, expected.last().unwrap(), "{kind:?} at {at}");
    faulty.struck()
}

async fn strike_everywhere(kind: Kind) {
    let expected = expected().await;
    let mut at = 0;
    while strike(kind, at, &expected).await {
        at += 1;
    }
    assert!(at > 60, "only {at} requests");
}

#[tokio::test]
async fn a_request_may_fail() {
    strike_everywhere(Kind::Fails).await;
}

#[tokio::test]
async fn a_request_may_take_place_unheard() {
    strike_everywhere(Kind::Unheard).await;
}

#[tokio::test]
async fn a_process_may_die_before_a_request() {
    strike_everywhere(Kind::Dies).await;
}

#[tokio::test]
async fn a_process_may_die_after_a_request() {
    strike_everywhere(Kind::DiesUnheard).await;
}

#[tokio::test]
async fn a_request_may_be_repeated_by_the_client() {
    strike_everywhere(Kind::Repeats).await;
}

/// A rename that dies leaves a name reserved, and a claim a location settled.
#[tokio::test]
async fn what_the_dead_leave_behind_can_be_taken_by_anybody() {
    let begin = [
        Step::Start,
        Step::Claim("cats", "cats", "cats"),
        Step::Complete("cats", 1, "gone"),
        Step::Claim("dogs", "dogs", "dogs"),
        Step::Complete("dogs", 2, "gone"),
    ];
    for dying in [Step::Rename("cats", "birds"), Step::Claim("new", "birds", "nest")] {
        for next in [
            Step::Claim("next", "birds", "nest"),
            Step::Claim("next", "birds", "elsewhere"),
            Step::Claim("next", "hens", "nest"),
            Step::Rename("dogs", "birds"),
            Step::Rename("cats", "birds"),
        ] {
            for at in 0..8 {
                let bucket = InMemory::new();
                let (store, mut caller) = (open(&Arc::new(bucket.clone())), Caller::default());
                let (model, mut reference) = (MemoryCatalog::new(), Caller::default());
                for step in begin {
                    caller.make(&store, step).await.unwrap();
                    reference.make(&model, step).await.unwrap();
                }
                let faulty = Arc::new(Faulty::new(bucket, Kind::Dies, at));
                if caller.clone().make(&open(&faulty), dying).await.is_ok() {
                    break;
                }
                let done = caller.make(&store, next).await.unwrap();
                assert_eq!(done, reference.make(&model, next).await.unwrap());
                assert_eq!(shown(&store).await, shown(&model).await, "{dying:?} at {at}, {next:?}");
            }
        }
    }
}
