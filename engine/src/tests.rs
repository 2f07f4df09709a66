//! Tests that need several modules, and faults that only the inside can bring about.

mod crash_points;
mod twice;
