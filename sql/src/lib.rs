//! SQL: the text of one reading statement becomes an [`engine::Chain`].
//!
//! `query(&session, "SELECT file.path FROM cats WHERE info.width > 100")`: tables are datasets, written as `cats`,
//! `project.cats`, `namespace.project.cats`, or with a version in quotes: `"cats@1.2.0"`, `"cats@>=1,<2"`. One
//! reference means one version in all of a query. Identifiers are case-sensitive, as the fields of models are.
//!
//! What it is not: it runs nothing, writes nothing, and has no statements of its own.

mod distinct_from;
mod error;
mod leaf_names;
mod planner;
mod relation;
mod shared_columns;

pub use error::{Error, Result};
pub use planner::query;
