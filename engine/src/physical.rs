//! Our operators. Most belong to the plan node of the same file name; [`planner`] pairs them and decides nothing.

mod concat_partitions;
mod fixed_rows;
mod group_rows;
mod in_turn;
mod keep_rows;
mod one_partition;
mod planner;
mod top_k;
mod udf;

pub(crate) use concat_partitions::{concat_partitions, in_order};
pub(crate) use fixed_rows::FixedRowsExec;
pub(crate) use in_turn::InTurn;
pub(crate) use planner::{UdfContext, UdfPlanner};
