//! What exists: dataset names, versions, where they came from. No data, no engine.
//!
//! # Glossary
//!
//! * **namespace** and **project**: two levels of folders for dataset names; both default to
//!   `local`.
//! * **folder**: a namespace or a project; it is there once a dataset is in it, or a user made it.
//! * **dataset**: a [`QualifiedName`] with versions. It is visible once it has a complete version.
//! * **version**: one immutable state of a dataset, numbered `MAJOR.MINOR.PATCH`. A number is used
//!   once: neither a removed nor a failed version gives its number back.
//! * **view**: a query under a name, which holds no rows.
//! * **claim**: the right to write one version. A number is claimed before its data is written and
//!   becomes visible only by [`CatalogStore::complete_version`], after the data is durable.
//! * **job**: one run of a script; every version knows the job that made it.
//! * **lineage**: the versions that a version was made from, its `dependencies`.
//!
//! # Stores
//!
//! [`CatalogStore`] is the contract, [`CatalogExt`] its conveniences. [`SqliteCatalog`] is a file
//! that the processes of one machine share, [`BucketCatalog`] is for machines that share nothing
//! but a bucket, [`PostgresCatalog`] for those that have a server; [`MemoryCatalog`] is the
//! reference that says what is right.
//!
//! ```
//! use catalog::{Bump, CatalogExt, CatalogStore, ClaimRequest, CompletedVersion, MemoryCatalog, NewJob, Wanted};
//!
//! # async fn example() -> catalog::Result<()> {
//! let store = MemoryCatalog::new();
//! let job = store.start_job(NewJob { name: "photos.py".into(), ..NewJob::default() }).await?;
//! let name = "cats".parse()?;
//! let request = ClaimRequest::new(name, Wanted::Bump(Bump::Patch), job.id);
//! let claim = store.claim_version(request).await?;
//! // … write the data, make it durable …
//! store.complete_version(&claim, CompletedVersion { rows: 3, ..CompletedVersion::default() }).await?;
//! assert_eq!(store.latest(&claim.name).await?.version.to_string(), "1.0.0");
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # What it is not
//!
//! It never touches data files, and knows neither tables nor queries: a location is a text to it.

mod bucket;
mod dataset;
mod error;
mod folder;
mod job;
mod memory;
mod name;
mod near;
mod patience;
mod per_process;
mod postgres;
mod request;
mod schema;
mod sqlite;
mod store;
mod stored;
mod time;
mod version;
mod view;

#[cfg(any(test, feature = "test-util"))]
pub mod conformance;

pub use bucket::BucketCatalog;
pub use dataset::{Changes, Dataset, DatasetVersion, Delta, Dependency, VersionStatus};
pub use error::{Error, Result};
pub use folder::{Folder, FolderName};
pub use job::{Job, JobId, JobNotes, JobStatus, NewJob};
pub use memory::MemoryCatalog;
pub use name::{DatasetRef, NamePart, QualifiedName};
pub use near::near_names;
pub use postgres::PostgresCatalog;
pub use request::{
    Claim, ClaimRequest, CompletedVersion, DatasetEdit, Newest, VersionFilter, Wanted,
};
pub use schema::{schema_from_bytes, schema_to_bytes};
pub use sqlite::SqliteCatalog;
pub use store::{CatalogExt, CatalogStore};
pub use version::{Bump, Version, VersionSpec};
pub use view::View;
