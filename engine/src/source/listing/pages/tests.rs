//! Listings in ranges find each key once, in order, whatever the keys are.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::executor::block_on;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use proptest::collection::btree_set;
use proptest::prelude::*;
use tokio::runtime::Builder;

use super::*;
use crate::storage::Uri;

/// A store that lists pages of so many keys.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
struct Paged {
    keys: BTreeSet<String>,
    most: usize,
    /// Whether a listing from a key on has that key too.
    is_inclusive: bool,
    /// Whether a listing starts from the top, wherever it is to start.
    forgets: bool,
    /// Whether the order is the other way.
    is_reversed: bool,
    asked: AtomicUsize,
}

#[async_trait]
impl PaginatedListStore for Paged {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        options: PaginatedListOptions,
    ) -> object_store::Result<PaginatedListResult> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let prefix = prefix.unwrap_or_default();
        let after = options.offset.filter(|_| !self.forgets).unwrap_or_default();
        let mut entries: Vec<String> = Vec::new();
        for key in self.keys.iter().filter(|key| key.starts_with(prefix)) {
            let folder = key[prefix.len()..].find('/').filter(|_| options.delimiter.is_some());
            let entry =
                folder.map_or_else(|| key.clone(), |at| key[..=prefix.len() + at].to_owned());
            let is_behind = *key > after || (self.is_inclusive && *key == after);
            if is_behind && entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        if self.is_reversed {
            entries.reverse();
        }
        let from = options.page_token.map_or(0, |token| token.parse::<usize>().unwrap());
        let to = entries.len().min(from + self.most);
        let (folders, keys): (Vec<_>, Vec<_>) =
            entries[from..to].iter().partition(|entry| entry.ends_with('/'));
        Ok(PaginatedListResult {
            result: ListResult {
                common_prefixes: folders.iter().map(|key| Location::parse(key).unwrap()).collect(),
                objects: keys.into_iter().map(|key| object(key)).collect(),
                extensions: Default::default(),
            },
            page_token: (to < entries.len()).then(|| to.to_string()),
        })
    }
}

fn object(key: &str) -> ObjectMeta {
    ObjectMeta {
        location: Location::parse(key).unwrap(),
        last_modified: Default::default(),
        size: 1,
        e_tag: None,
        version: None,
    }
}

fn scope(uri: &str, is_flat: bool) -> Scope {
    Scope { uri: Uri::parse(uri).unwrap().unwrap(), is_flat }
}

/// What is listed, and in how many requests.
#[expect(clippy::unwrap_in_result, reason = "what is tested is the listing's error")]
fn listed(paged: Paged, scope: &Scope) -> Result<(Vec<String>, usize)> {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let paged = Arc::new(paged);
    let mut bucket = Bucket::plain(scope.uri.place(), Arc::new(InMemory::new()));
    bucket.pages = Some(Arc::clone(&paged) as _);
    let found: Vec<Page> = runtime.block_on(async { pages(&bucket, scope).try_collect().await })?;
    let keys = found.iter().flatten().map(|object| key(object).to_owned()).collect();
    Ok((keys, paged.asked.load(Ordering::Relaxed)))
}

fn expected(keys: &BTreeSet<String>, scope: &Scope) -> Vec<String> {
    keys.iter().filter(|key| scope.has(key)).cloned().collect()
}

#[track_caller]
fn check(paged: Paged, scope: &Scope) -> usize {
    let expected = expected(&paged.keys, scope);
    let (found, asked) = listed(paged, scope).unwrap();
    assert_eq!(found, expected);
    asked
}

/// Keys of few characters, among them what sorts before, between and behind those that ranges are cut at.
fn keys() -> impl Strategy<Value = BTreeSet<String>> {
    let step = "[019aZz_\u{e4}\u{fffd}\u{1f600}]{1,4}";
    let key = (proptest::collection::vec(step, 1..4)).prop_map(|steps| steps.join("/"));
    btree_set(key, 0..200)
}

proptest! {
    #[test]
    fn no_key_is_lost_or_found_twice(
        keys in keys(),
        most in 1_usize..9,
        (is_flat, is_inclusive, forgets) in any::<(bool, bool, bool)>(),
        prefix in "([019aZ]{0,2}/)?[019aZ]{0,1}",
        azure in any::<bool>(),
    ) {
        let scheme = if azure { "az" } else { "s3" };
        let scope = scope(&format!("{scheme}://b/{prefix}"), is_flat);
        let expected = expected(&keys, &scope);
        let paged = Paged { keys, most, is_inclusive, forgets, ..Paged::default() };
        prop_assert_eq!(listed(paged, &scope).unwrap().0, expected);
    }
}

#[test]
fn numbers_are_listed_side_by_side() {
    let keys = (0..20_000).map(|number| format!("img_{number:07}.jpg")).collect();
    let asked = check(Paged { keys, most: 100, ..Paged::default() }, &scope("s3://b/", false));
    assert!((200..400).contains(&asked), "{asked} requests");
}

#[test]
fn names_at_random_are_listed_side_by_side() {
    let name = |number: u64| blake3::hash(&number.to_le_bytes()).to_hex().to_string();
    let keys = (0..5000).map(|number| format!("{}.png", name(number))).collect();
    let asked = check(Paged { keys, most: 100, ..Paged::default() }, &scope("s3://b/", true));
    assert!((50..400).contains(&asked), "{asked} requests");
}

#[test]
fn few_objects_are_one_request() {
    let keys = (0..50).map(|number| format!("a/{number}")).collect();
    let asked = check(Paged { keys, most: 100, ..Paged::default() }, &scope("s3://b/a/", false));
    assert_eq!(asked, 1);
}

#[test]
fn a_store_without_an_order_is_listed_page_by_page() {
    let keys: BTreeSet<String> = (0..95).map(|number| format!("{number:03}")).collect();
    let paged = Paged { keys: keys.clone(), most: 10, is_reversed: true, ..Paged::default() };
    let (mut found, asked) = listed(paged, &scope("s3://b/", false)).unwrap();
    found.sort();
    assert_eq!((found, asked), (keys.into_iter().collect(), 10));
}

#[test]
fn a_store_that_lists_folders_only_will_do() {
    let store = InMemory::new();
    block_on(async {
        for key in ["a/b", "a/c/d", "ab", "b"] {
            store.put(&Location::from(key), "x".into()).await.unwrap();
        }
    });
    let bucket = Bucket::plain("memory://m".to_owned(), Arc::new(store));
    let found = |uri: &str, is_flat| -> Vec<String> {
        let pages: Vec<Page> =
            block_on(pages(&bucket, &scope(uri, is_flat)).try_collect()).unwrap();
        pages.iter().flatten().map(|object| key(object).to_owned()).collect()
    };
    assert_eq!(found("memory://m/", false), ["a/b", "a/c/d", "ab", "b"]);
    assert_eq!(found("memory://m/a/", true), ["a/b"]);
    assert_eq!(found("memory://m/a", true), ["ab"]);
}
