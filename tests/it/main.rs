//! Tests that cross crates, in one binary.

mod checkpoints;
mod damage;
mod explain;
mod fixture;
mod functions;
mod gc;
mod joins;
mod leaves;
mod parameters;
mod properties;
mod ranks;
mod tables;
mod tidy;
mod top_k;
mod versions;
