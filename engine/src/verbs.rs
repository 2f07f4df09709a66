//! The verbs of [`Chain`](crate::Chain), one or one family a file.
//!
//! A verb checks its arguments against the schema and returns a chain with one more step; it does no I/O and takes no
//! lock. It is an `impl Chain` block over `plan()`, `resolver()` and `with_plan()`; what it alone needs is in its file.

mod aggregate;
mod apart;
mod diff;
mod distinct;
mod filter;
mod fitted;
mod flatten;
mod generate;
mod group_by;
mod limit;
mod map;
mod merge;
mod mutate;
mod new_names;
mod nth;
mod order_by;
mod random;
mod select;
mod shaped;
mod sides;
mod stage;
mod subtract;
#[cfg(test)]
mod tests;
mod unflatten;
mod union;

pub use diff::Diff;
pub use merge::How;
pub use shaped::Shaped;
pub use stage::Stage;
