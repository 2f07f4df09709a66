//! [`Schemas`]: versions share few schemas, so each is stored and read once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use futures::{FutureExt, TryFutureExt};
use object_store::path::Path;

use crate::schema::{schema_from_bytes, schema_to_bytes};

use super::documents::{Documents, corrupt};
use super::failure::Failure;

/// How many schemas are remembered.
const REMEMBERED: usize = 4096;

/// The schemas that this process knows to be stored, by digest.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    known: Mutex<HashMap<String, SchemaRef>>,
}

impl Schemas {
    /// Stores the schema if that is not known to be done, and returns its digest.
    pub(super) async fn keep(
        &self,
        documents: &Documents,
        schema: &SchemaRef,
    ) -> Result<String, Failure> {
        let bytes = schema_to_bytes(schema);
        let digest = blake3::hash(&bytes).to_hex().to_string();
        if !self.known().contains_key(&digest) {
            documents.put(&path(documents, &digest)?, bytes).await?;
            self.remember(&digest, schema);
        }
        Ok(digest)
    }

    /// The schemas with these digests.
    pub(super) async fn read<'d>(
        &self,
        documents: &Documents,
        digests: impl Iterator<Item = &'d str>,
    ) -> Result<HashMap<&'d str, SchemaRef>, Failure> {
        let wanted: HashSet<&'d str> = digests.collect();
        let read = |digest| self.read_one(documents, digest).map_ok(move |it| (digest, it)).boxed();
        let read = Documents::all(wanted.into_iter().map(read).collect()).await?;
        Ok(read.into_iter().collect())
    }

    async fn read_one(&self, documents: &Documents, digest: &str) -> Result<SchemaRef, Failure> {
        if let Some(schema) = self.known().get(digest) {
            return Ok(Arc::clone(schema));
        }
        let path = path(documents, digest)?;
        let Some(found) = documents.bytes(&path).await? else {
            return Err(corrupt(&path, "the schema is lost".into()));
        };
        let schema = schema_from_bytes(&found.document)?;
        self.remember(digest, &schema);
        Ok(schema)
    }

    fn remember(&self, digest: &str, schema: &SchemaRef) {
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(digest.to_owned(), Arc::clone(schema));
    }

    // WHY: no change leaves the map half done, so a panic elsewhere does not spoil it.
    fn known(&self) -> MutexGuard<'_, HashMap<String, SchemaRef>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The schema of a version that has none yet.
pub(super) fn no_schema() -> SchemaRef {
    Arc::new(Schema::empty())
}

fn path(documents: &Documents, digest: &str) -> Result<Path, Failure> {
    documents.path(format_args!("schemas/{digest}"))
}
