//! Tests that cross crates, in one binary.

mod checkpoints;
mod damage;
mod explain;
mod fixture;
mod functions;
mod gc;
mod leaves;
mod low_ranks;
mod properties;
mod tidy;
mod top_k;
mod versions;
