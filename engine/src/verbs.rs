//! The verbs of [`Chain`](crate::Chain), one or one family a file.
//!
//! A verb checks its arguments against the schema and returns a chain with one more step; it does no I/O and takes no
//! lock. It is an `impl Chain` block over `plan()`, `resolver()` and `with_plan()`; what it alone needs is in its file.

mod aggregate;
mod filter;
mod generate;
mod group_by;
mod limit;
mod map;
mod mutate;
mod new_names;
mod order_by;
mod select;
mod stage;

pub use stage::Stage;
