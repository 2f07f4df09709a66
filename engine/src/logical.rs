//! Our plan nodes. They are data: no handle, no I/O; two equal nodes hash equal.

mod udf_map;

pub(crate) use udf_map::{FunctionId, UdfMap};
