//! Our optimizer rules, and why each stands where it does.
//!
//! An analyzer rule, which says what a plan means, runs before DataFusion's:
//! 1. `nullable_queries`: DataFusion's then give all schemas anew, and no other rule has asked what may be null.
//!
//! Those that run after DataFusion's:
//! 1. `naive_in_utc`: types have been coerced, so all conversions are there;
//! 2. `compare_floats`: it is known which operands are floats.
//!
//! Logical rules that run before DataFusion's:
//! 1. `first_rows`: queries are still values, and have their limits;
//! 2. `subquery_values`: select lists still hold the queries, which only conditions can;
//! 3. `in_subquery`: conditions still hold the queries, which become joins next.
//!
//! Logical rules that run after DataFusion's, in this order:
//! 1. `push_below_map`: limits have become the fetch of sorts, and the next pass pushes what it moved further down;
//! 2. `drop_unread_map`: DataFusion has pushed columns down, so it is known which results nobody reads;
//! 3. `prune_leaves`: it replaces scans, and the filters that decide what is read are in place;
//! 4. `skip_rows`: limits are as near to the scans as they come;
//! 5. `read_late`: it is known which leaves are read;
//! 6. `decimals`: last, because other rules know the operators that its functions take the place of.
//!
//! Physical rules that run before DataFusion's:
//! 1. `fix_limited_rows`: limits are where the query put them, and nothing has moved yet;
//! 2. `order_below_queries`: all sorts are there still;
//! 3. `hide_constants`: no rule has left out a sort or a key.
//!
//! Physical rules that run after DataFusion's:
//! 1. `release_limited_rows`: nothing moves any more;
//! 2. `low_ranks`: sorts have their places, and conditions are still DataFusion's;
//! 3. `ranks`: no rule looks for DataFusion's operator any more;
//! 4. `keep_row_order`: the plan is final, so every merge of partitions that would shuffle rows is there to be seen;
//! 5. `compare_at_once`: nobody looks into predicates any more;
//! 6. `conditions_in_turn`: what is looked at together is told apart;
//! 7. `joins_apart`: conditions of joins are final;
//! 8. `within_memory`: no other rule knows the operators that take the place of DataFusion's;
//! 9. `leave_out_early`: what it needs are our joins, and where they are;
//! 10. `filter_first`: all filters have their places;
//! 11. `repartition_by_input`: no rule looks for DataFusion's operator any more.

mod compare_at_once;
mod compare_floats;
mod conditions_in_turn;
mod decimals;
mod dependencies;
mod drop_unread_map;
mod filter_first;
mod first_rows;
mod fix_limited_rows;
mod group_by_constant;
mod hide_constants;
mod in_subquery;
mod joins_apart;
mod keep_row_order;
mod leave_out_early;
mod low_ranks;
mod naive_in_utc;
mod nullable_queries;
mod order_below_queries;
mod outer_joins;
mod prune_leaves;
mod push_below_map;
mod push_filters_below_joins;
mod push_safe_filters;
mod ranks;
mod read_late;
mod repartition_by_input;
mod skip_rows;
mod subquery_values;
mod within_memory;
mod wrapped;

use std::sync::Arc;

use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

pub use dependencies::independent;

/// DataFusion's analyzer rules and ours.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(nullable_queries::NullableQueries)];
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(naive_in_utc::NaiveInUtc));
    rules.push(Arc::new(compare_floats::CompareFloats));
    rules
}

/// DataFusion's logical rules and ours.
pub(crate) fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
        Arc::new(first_rows::FirstRows),
        Arc::new(subquery_values::SubqueryValues),
        Arc::new(in_subquery::InSubqueries),
    ];
    rules.extend(Optimizer::new().rules.into_iter().map(|rule| match rule.name() {
        "push_down_filter" => Arc::new(push_safe_filters::push_safe_filters()) as _,
        "eliminate_group_by_constant" => Arc::new(group_by_constant::group_by_constant()) as _,
        "replace_distinct_aggregate" => Arc::new(dependencies::distinct_rows()) as _,
        "eliminate_duplicated_expr" => Arc::new(dependencies::sort_keys()) as _,
        "optimize_projections" => Arc::new(dependencies::group_keys()) as _,
        "eliminate_outer_join" => Arc::new(outer_joins::outer_joins()) as _,
        _ => rule,
    }));
    rules.push(Arc::new(push_below_map::PushBelowMap));
    rules.push(Arc::new(drop_unread_map::DropUnreadMap));
    rules.push(Arc::new(prune_leaves::PruneLeaves));
    rules.push(Arc::new(skip_rows::SkipRows));
    rules.push(Arc::new(read_late::ReadLate));
    rules.push(Arc::new(decimals::Decimals));
    rules
}

/// DataFusion's physical rules and ours.
pub(crate) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![
        Arc::new(fix_limited_rows::FixLimitedRows),
        Arc::new(order_below_queries::OrderBelowQueries),
        Arc::new(hide_constants::HideConstants),
    ];
    rules.extend(PhysicalOptimizer::new().rules.into_iter().map(|rule| {
        match rule.name().starts_with("FilterPushdown") {
            true => Arc::new(push_filters_below_joins::BelowJoins(rule)) as _,
            false => rule,
        }
    }));
    rules.push(Arc::new(fix_limited_rows::ReleaseLimitedRows));
    rules.push(Arc::new(low_ranks::LowRanks));
    rules.push(Arc::new(ranks::Ranks));
    rules.push(Arc::new(keep_row_order::KeepRowOrder));
    rules.push(Arc::new(compare_at_once::CompareAtOnce));
    rules.push(Arc::new(conditions_in_turn::ConditionsInTurn));
    rules.push(Arc::new(joins_apart::JoinsApart));
    rules.push(Arc::new(within_memory::WithinMemory));
    rules.push(Arc::new(leave_out_early::LeaveOutEarly));
    rules.push(Arc::new(filter_first::FilterFirst));
    rules.push(Arc::new(repartition_by_input::RepartitionByInput));
    rules
}
