//! Our operators. Each belongs to the plan node of the same file name; [`planner`] pairs them and decides nothing.

mod concat_partitions;
mod planner;
mod udf_map;

pub(crate) use concat_partitions::{ConcatPartitionsExec, in_order};
pub(crate) use planner::{Functions, Registration, UdfPlanner};
