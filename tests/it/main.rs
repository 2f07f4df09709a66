//! Tests that cross crates, in one binary.

mod damage;
mod explain;
mod fixture;
mod functions;
mod properties;
mod tidy;
mod versions;
