//! [`pages`]: the objects of a scope, in the order of their keys, listed from many keys on at once.
//!
//! A store lists in the order of keys, a page after the other, but also from any key on. So what follows a page is cut:
//! where the next characters are known that keys can begin with, each of them is a range of its own. A range is cut
//! again after each of its pages while there are few open ones. Pages are handed on in order; those that come early wait,
//! and when many do, only the first range goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::{ListResult, ObjectMeta};
use udf_runtime::task::{self, Task};

use super::search::Scope;
use crate::error::refused;
use crate::storage::{Bucket, Location};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Requests that are under way at once.
const AT_ONCE: usize = 32;

/// Pages that wait to be handed on.
const WAITING: usize = 64;

/// Objects of a page where the store does not say.
const PAGE: usize = 1000;

/// What sorts behind nearly all characters that are used. Keys with others are found twice, and taken once.
const LAST: char = '\u{FFFD}';

/// Some objects, in the order of their keys.
pub(super) type Page = Vec<ObjectMeta>;

/// All objects of the scope.
pub(super) fn pages(bucket: &Bucket, scope: &Scope) -> BoxStream<'static, Result<Page>> {
    let Some(store) = &bucket.pages else { return one_by_one(bucket, scope) };
    let pages = Pages::new(Arc::clone(store), scope.clone());
    let next = |mut pages: Pages| async move {
        let page = pages.next().await?;
        Ok(page.map(|page| (page, pages)))
    };
    stream::try_unfold(pages, next).boxed()
}

/// The same from a store that lists folders only.
fn one_by_one(bucket: &Bucket, scope: &Scope) -> BoxStream<'static, Result<Page>> {
    // What cannot be named is not there either: then all is listed, and none of it taken.
    let folder = Location::parse(scope.folder()).unwrap_or_default();
    let (found, scope) = (bucket.store.list(Some(&folder)), scope.clone());
    let pages = found.try_chunks(PAGE).map(move |page| {
        let mut page = page.map_err(|error| refused("list", scope.uri(), error.1))?;
        page.retain(|object| scope.has(key(object)));
        Ok(page)
    });
    pages.boxed()
}

fn key(object: &ObjectMeta) -> &str {
    object.location.as_ref()
}

impl Scope {
    fn has(&self, key: &str) -> bool {
        key.starts_with(&self.uri.key)
            && !(self.is_flat && key[self.folder().len()..].contains('/'))
    }
}

/// How far a range is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// Its next page is to be asked for.
    #[default]
    Open,
    /// Its next page is under way.
    Asked,
    /// All of its pages are here.
    Done,
}

/// Keys that begin alike, and come after another.
#[derive(Debug, Default)]
struct Range {
    number: usize,
    prefix: String,
    after: String,
    /// Keys that begin so are another's.
    without: Option<String>,
    token: Option<String>,
    /// The last key before its next page that is known.
    known: Option<String>,
    step: Step,
    pages: VecDeque<Page>,
}

type Answer = (usize, object_store::Result<PaginatedListResult>);

struct Pages {
    store: Arc<dyn PaginatedListStore>,
    scope: Scope,
    /// In the order of their keys.
    ranges: VecDeque<Range>,
    asked: FuturesUnordered<Task<Answer>>,
    numbers: usize,
    /// Whether the store lists from a key on, as far as is known.
    is_ordered: bool,
}

impl Pages {
    fn new(store: Arc<dyn PaginatedListStore>, scope: Scope) -> Self {
        // WHY: the library leaves out a key of Azure's that is the very prefix, and an old server starts from the top.
        let is_azure = scope.uri.place().starts_with("az:");
        let prefix = if is_azure { scope.folder() } else { &scope.uri.key };
        let ranges = [Range { prefix: prefix.to_owned(), ..Range::default() }].into();
        let asked = FuturesUnordered::new();
        Self { store, scope, ranges, asked, numbers: 1, is_ordered: !is_azure }
    }

    /// The next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Page>> {
        loop {
            while let Some(Some(answer)) = self.asked.next().now_or_never() {
                self.take(answer)?;
            }
            self.ask();
            while let Some(first) = self.ranges.front_mut() {
                if let Some(page) = first.pages.pop_front() {
                    return Ok(Some(page));
                }
                if first.step != Step::Done {
                    break;
                }
                self.ranges.pop_front();
            }
            match self.asked.next().await {
                Some(answer) => self.take(answer)?,
                None if self.ranges.is_empty() => return Ok(None),
                None => {}
            }
        }
    }

    /// Asks for the next pages of the first ranges.
    fn ask(&mut self) {
        let waiting: usize = self.ranges.iter().map(|range| range.pages.len()).sum();
        for (at, range) in self.ranges.iter_mut().enumerate() {
            let is_full = at > 0 && waiting + self.asked.len() >= WAITING;
            if is_full || self.asked.len() >= AT_ONCE {
                return;
            }
            if range.step == Step::Open {
                range.step = Step::Asked;
                let (store, number, prefix) =
                    (Arc::clone(&self.store), range.number, range.prefix.clone());
                let options = PaginatedListOptions {
                    offset: (!range.after.is_empty()).then(|| range.after.clone()),
                    delimiter: self.scope.is_flat.then_some("/".into()),
                    page_token: range.token.take(),
                    ..PaginatedListOptions::default()
                };
                self.asked.push(task::spawn(async move {
                    let prefix = (!prefix.is_empty()).then_some(prefix.as_str());
                    (number, store.list_paginated(prefix, options).await)
                }));
            }
        }
    }

    /// Puts a page where it belongs.
    fn take(&mut self, answer: std::result::Result<Answer, impl ToString>) -> Result<()> {
        let (number, answer) = answer.map_err(|error| Error::internal(error.to_string()))?;
        let answer = answer.map_err(|error| refused("list", self.scope.uri(), error))?;
        let Some(at) = self.ranges.iter().position(|range| range.number == number) else {
            return Err(Error::internal("a page of no range"));
        };
        let ListResult { mut objects, common_prefixes, .. } = answer.result;
        let range = &mut self.ranges[at];
        let is_sorted = objects.is_sorted_by(|one, next| one.location < next.location);
        let goes_back = objects.first().is_some_and(|first| key(first) < range.after.as_str());
        if !is_sorted && self.numbers > 1 {
            return Err(out_of_order(&self.scope));
        }
        let (first, last) = (objects.first().map(key), last_of(&objects, &common_prefixes));
        let known = range.known.take().or_else(|| first.map(str::to_owned));
        self.is_ordered &= is_sorted && !goes_back && (last.is_none() || known <= last);
        range.known.clone_from(&last);
        objects.retain(|object| {
            let key = key(object);
            let is_others = range.without.as_deref().is_some_and(|other| key.starts_with(other));
            !is_others && key > range.after.as_str() && self.scope.has(key)
        });
        if !objects.is_empty() {
            range.pages.push_back(objects);
        }
        range.step = if answer.page_token.is_some() { Step::Open } else { Step::Done };
        range.token = answer.page_token;
        if let (Some(known), Some(last)) = (known, last) {
            self.cut(at, &known, &last);
        }
        Ok(())
    }

    /// Cuts what is left of a range, unless many are open.
    fn cut(&mut self, at: usize, known: &str, last: &str) {
        let open = self.ranges.iter().filter(|range| range.step != Step::Done).count();
        let range = &mut self.ranges[at];
        if range.step == Step::Done || !self.is_ordered || open >= AT_ONCE {
            return;
        }
        let rest = range.rest(known, last);
        if rest.is_empty() {
            return;
        }
        (range.step, range.token) = (Step::Done, None);
        for (place, mut part) in rest.into_iter().enumerate() {
            part.number = self.numbers;
            self.numbers += 1;
            self.ranges.insert(at + 1 + place, part);
        }
    }
}

impl Range {
    /// What comes after `last`, in parts: what begins with one character more than both keys have in common, for that
    /// of `last` and for those behind it of its kind; then all else. None where that leads nowhere.
    fn rest(&self, known: &str, last: &str) -> Vec<Self> {
        let stem = &last[..common(known, last)];
        let Some(here) = last[stem.len()..].chars().next() else { return Vec::new() };
        let is_others = self.without.as_deref().is_some_and(|other| last.starts_with(other));
        if is_others || last <= self.after.as_str() || stem.len() < self.prefix.len() {
            return Vec::new();
        }
        let end = match here {
            '0'..='9' => '9',
            'A'..='Z' => 'Z',
            'a'..='z' => 'z',
            other => other,
        };
        let own = Self {
            prefix: format!("{stem}{here}"),
            after: last.to_owned(),
            known: Some(last.to_owned()),
            ..Self::default()
        };
        let part = |next| Self { prefix: format!("{stem}{next}"), ..Self::default() };
        let behind = Self {
            prefix: self.prefix.clone(),
            after: format!("{stem}{end}{LAST}"),
            without: Some(format!("{stem}{end}")),
            known: Some(last.to_owned()),
            ..Self::default()
        };
        let parts = (here..=end).skip(1).map(part);
        [own].into_iter().chain(parts).chain([behind]).collect()
    }
}

/// The bytes that two texts begin with alike, in whole characters.
fn common(one: &str, other: &str) -> usize {
    let alike = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    alike.map(|(one, _)| one.len_utf8()).sum()
}

/// The last key of a page, or what is behind all keys of its last folder.
fn last_of(objects: &[ObjectMeta], folders: &[Location]) -> Option<String> {
    let key = objects.last().map(|last| key(last).to_owned());
    let folder = folders.last().map(|last| format!("{last}/{LAST}"));
    key.max(folder)
}

fn out_of_order(scope: &Scope) -> Error {
    Error::Corrupt {
        what: scope.uri().to_string(),
        reason: "its server lists keys out of order".to_owned(),
        source: None,
    }
}
