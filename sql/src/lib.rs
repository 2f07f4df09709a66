//! SQL: the text of a statement becomes an [`engine::Chain`], or a new version of a dataset.
//!
//! `query(&session, "SELECT file.path FROM cats WHERE info.width > 100")`: tables are datasets, written as `cats`,
//! `project.cats`, `namespace.project.cats`; of one version as `"cats@1.2.0"`, `dataset('cats', '>=1,<2')` or
//! `cats FOR VERSION AS OF '1.2.0'`. One reference means one version in all of a statement. Identifiers are
//! case-sensitive, as the fields of models are.
//!
//! [`Statement::parse`] reads a text, or [`parsed`] and [`Statement::of`] where names are changed in between; [`read`] runs what only reads, [`run`] also what writes. What they take beside the
//! text, values of parameters and tables that are no datasets, is in [`Inputs`].
//!
//! What it is not: it opens no files, and what is written goes through `engine`.

mod arrows;
mod as_of;
mod casts;
mod column_aliases;
mod conversions;
mod distinct_from;
mod error;
mod functions;
mod independent;
mod inferred_types;
mod inputs;
mod instants;
mod interval_product;
mod json_operators;
mod lateral_unnest;
mod leaf_names;
mod look;
mod operators;
mod parameters;
mod pivots;
mod planner;
mod recursion;
mod relation;
mod row_in;
mod set_operators;
mod shared_columns;
mod short_forms;
mod similar_to;
mod spellings;
mod statement;
mod summary;
mod system;
mod table_functions;
mod table_names;
mod time_patterns;
mod type_of;
mod type_text;
mod words;
mod write;

pub use error::{Error, Result};
pub use functions::UserFunction;
pub use inputs::Inputs;
pub use parameters::Parameters;
pub use planner::{prepare, prepare_as, query, read};
pub use statement::{Statement, parsed};
pub use system::views_and_columns;
pub use write::{Answer, CopyTo, Writing, parameter_types, run};
