//! Objects of buckets as rows of `File`: one that is looked at, or those that a scope has.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStoreExt};

use super::FileAt;
use super::pages::{Page, pages};
use super::rows::{BATCH_ROWS, Batch, FileRow, Rows};
use super::search::{Scope, Search};
use crate::error::refused;
use crate::storage::Buckets;
use crate::{Error, Result};

impl Search {
    /// The one object that it is, if it is one: its row. Nothing is asked where it is none by its name.
    pub(crate) async fn look(&self, buckets: &Buckets, schema: &SchemaRef) -> Option<Batch> {
        let object = match self.object(buckets).await? {
            Ok(object) => object,
            Err(error) => return Some(Err(error)),
        };
        let mut rows = Rows::new(Arc::clone(schema));
        // Of the web, keys are escaped, and stay so.
        let path = self.one().map_or_else(|| object.location.as_ref(), |one| &one.key);
        rows.push(&row(&self.place(), path, &object));
        Some(rows.finish())
    }

    async fn object(&self, buckets: &Buckets) -> Option<Result<ObjectMeta>> {
        let one = self.one()?;
        let looked = async {
            let (bucket, location) = (buckets.open(one).await?, one.location()?);
            match bucket.store.head(&location).await {
                Ok(object) => Ok(Some(object)),
                Err(object_store::Error::NotFound { .. }) if self.is_one() => Err(self.missing()),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(refused("look at", self, error)),
            }
        };
        looked.await.transpose()
    }

    /// The error of a place where nothing is.
    pub(crate) fn missing(&self) -> Error {
        Error::PathNotFound { path: self.to_string() }
    }

    /// What there is, object by object.
    async fn found(&self, buckets: &Buckets) -> Result<BoxStream<'static, Result<Page>>> {
        match self.object(buckets).await.transpose()? {
            Some(object) => Ok(stream::once(async { Ok(vec![object]) }).boxed()),
            None => self.scope().pages(buckets).await,
        }
    }
}

impl Scope {
    async fn pages(&self, buckets: &Buckets) -> Result<BoxStream<'static, Result<Page>>> {
        let bucket = buckets.open(self.uri()).await?;
        Ok(pages(&bucket, self))
    }

    /// Rows of all its objects, in the order of their keys.
    pub(crate) async fn rows(
        &self,
        buckets: &Buckets,
        schema: &SchemaRef,
    ) -> Result<BoxStream<'static, Batch>> {
        Ok(in_batches(self.pages(buckets).await?, self.uri().place(), schema))
    }
}

/// Rows of all objects that are named, found now.
pub(super) fn batches(
    buckets: &Arc<Buckets>,
    search: Search,
    schema: &SchemaRef,
) -> BoxStream<'static, Batch> {
    let (buckets, schema) = (Arc::clone(buckets), Arc::clone(schema));
    let opened = async move {
        let found = search.found(&buckets).await?;
        let place = search.place();
        let named = found.map_ok(move |mut page| {
            page.retain(|object| search.matches(object.location.as_ref()));
            page
        });
        Ok::<_, Error>(in_batches(named.boxed(), place, &schema))
    };
    stream::once(opened).try_flatten().boxed()
}

/// The objects that are named and whose names end so.
pub(super) async fn files_of(
    buckets: &Buckets,
    search: &Search,
    endings: &[&str],
) -> Result<Vec<FileAt>> {
    let mut found = search.found(buckets).await?;
    let mut files = Vec::new();
    while let Some(page) = found.try_next().await? {
        for object in page {
            let key = object.location.as_ref();
            if search.matches(key)
                && let Some(below) = search.file(key, endings)
            {
                let uri = search.scope().uri().with_key(key);
                let (path, uri) = (uri.to_string(), Some(uri));
                files.push(FileAt { path, below, uri, listed: Some(object) });
            }
        }
    }
    Ok(files)
}

fn in_batches(
    pages: BoxStream<'static, Result<Page>>,
    place: String,
    schema: &SchemaRef,
) -> BoxStream<'static, Batch> {
    let rows = Rows::new(Arc::clone(schema));
    let batches = stream::try_unfold((pages, rows), move |(mut pages, mut rows)| {
        let place = place.clone();
        async move {
            while rows.len() < BATCH_ROWS
                && let Some(page) = pages.try_next().await?
            {
                for object in &page {
                    rows.push(&row(&place, object.location.as_ref(), object));
                }
            }
            if rows.len() == 0 {
                return Ok(None);
            }
            Ok(Some((rows.finish()?, (pages, rows))))
        }
    });
    batches.boxed()
}

fn row<'a>(place: &'a str, path: &'a str, object: &'a ObjectMeta) -> FileRow<'a> {
    FileRow {
        source: place,
        path,
        size: object.size,
        version: object.version.as_deref().unwrap_or_default(),
        etag: object.e_tag.as_deref().unwrap_or_default().trim_matches('"'),
        modified_micros: object.last_modified.timestamp_micros(),
    }
}
