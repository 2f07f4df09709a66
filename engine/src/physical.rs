//! Our operators. Most belong to the plan node of the same file name; [`planner`] pairs them and decides nothing.

mod apart;
mod concat_partitions;
mod first_rows;
mod fixed_rows;
mod given;
mod group_rows;
mod in_turn;
mod join;
mod key_bytes;
mod low_ranks;
mod no_constants;
mod one_partition;
mod planner;
mod ranks;
mod repartition_by_input;
mod sort_rows;
mod spill;
mod top_k;
mod udf;
mod window_groups;

pub(crate) use apart::ApartExec;
pub(crate) use concat_partitions::{concat_partitions, in_any_order, in_order, is_concatenated};
pub(crate) use first_rows::FIRST_ROWS;
pub(crate) use fixed_rows::FixedRowsExec;
pub(crate) use given::GivenExec;
pub(crate) use in_turn::InTurn;
pub(crate) use join::{AmongKeys, JoinExec, Keys};
pub(crate) use low_ranks::{LowRanksExec, Ranking};
pub(crate) use no_constants::NoConstantsExec;
pub(crate) use planner::{UdfContext, UdfPlanner};
pub(crate) use ranks::{Rank, RanksExec};
pub(crate) use repartition_by_input::RepartitionByInputExec;
pub(crate) use sort_rows::SortRowsExec;
pub(crate) use spill::{may_spill, sharers};
pub(crate) use udf::{Placing, bytes_of, missing_rows, placing};
pub(crate) use window_groups::WindowGroupsExec;

/// What the planner knows of columns, which a session keeps.
pub(crate) use crate::source::Samples;
