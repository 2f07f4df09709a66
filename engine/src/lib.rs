//! The engine: lazy chains over files and datasets, run by DataFusion, stored by Lance.
//!
//! A query's way: a [`Chain`] is a lazy plan whose verbs return new chains and do no I/O; expressions ([`Expr`]) are
//! resolved against the chain's schema as they arrive, so that a misspelt column is an error at once. A terminal
//! (`count`, `stream`, `save`) optimizes the plan ([`optimizer`]), pairs our nodes with their operators
//! ([`physical`]) and polls the result. `save` writes fragments, commits them, tags the commit and only then tells
//! the catalog ([`sink`]).
//!
//! This crate is the only one that names DataFusion's execution and Lance. It knows nothing of Python or SQL text.

mod adapter;
mod blocking;
mod chain;
mod checkpoint;
mod config;
mod delta;
mod environment;
mod error;
mod explain;
mod export;
mod expr;
mod functions;
mod gc;
mod identity;
mod kind;
mod layout;
mod logical;
mod memory;
mod model;
mod objects;
mod optimizer;
mod pause;
mod physical;
mod progress;
mod read;
mod registry;
mod schema_text;
mod session;
mod sink;
mod source;
mod storage;
mod stored;
mod sys;
mod table;
#[cfg(test)]
mod tests;
mod turns;
mod units;
mod verbs;
mod words;

pub(crate) use chain::Ready;
pub use chain::{BatchStream, Chain, CodeChange, Deleted, DeltaOptions, Retry};
pub use config::{
    Config, IGNORE_CHECKPOINTS_VARIABLE, LISTING_TTL_VARIABLE, MEMORY_VARIABLE, ROOT_VARIABLE,
    blocking_threads, default_folder, has_ceiling, listing_ttl,
};
pub use error::{Error, Result, StorageKind};
pub use export::{
    CsvStyle, Export, ExportFormat, JsonStyle, Others, ParquetStyle, Quoting, Uploads,
};
pub use expr::{BinaryOp, Expr, Frame, NamedExpr, OfRows, SortKey, Window};
pub use gc::{Garbage, GcOptions, GcReport};
pub use logical::UdfOptions;
pub use memory::Memory;
pub use model::{ANNOTATION_KEY, HIDDEN_KEY, TYPE_KEY};
pub use objects::{BucketStatus, Listed, ObjectInfo, Objects, Wanted, Writer};
pub use optimizer::independent;
pub use pause::Pause;
pub use progress::{Progress, StageProgress, Times};
pub use session::Session;
pub use sink::{RowAddresses, RowChange, SaveMode, SaveRequest, Saved};
pub use source::{
    CsvRequest, FileKind, JsonColumn, JsonFormat, JsonRequest, Listing, ParquetRequest, RaggedRow,
    RaggedRows, TableFiles, Typed,
};
pub use storage::{CacheOptions, ClientConfig, Root};
pub use table::{foreign_catalog, foreign_table};
pub use units::{Receipt, StageSpec};
pub use verbs::{Diff, How, Shaped, Stage};
