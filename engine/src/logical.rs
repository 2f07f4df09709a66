//! Our plan nodes. They are data: no handle, no I/O; two equal nodes hash equal.

mod group_rows;
mod udf;

pub(crate) use group_rows::{GroupRows, KEY_ROW};
pub use udf::UdfOptions;
pub(crate) use udf::{Call, FunctionId, Keep, StageKey, Udf};
