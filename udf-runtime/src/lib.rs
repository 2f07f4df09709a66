//! How user functions run: batches in, batches out.
//!
//! The model in four words:
//!
//! * a **function** ([`BatchFunction`]) is what a user wrote, seen as "a batch of arguments in, a batch of
//!   results out, one result row for each argument row";
//! * a **running function** ([`RunningFunction`]) is that function after its set-up, on the one thread that may call it;
//! * an **executor** ([`Executor`]) turns a stream of argument batches into a stream of result batches, in order;
//! * a **failure** ([`FunctionFailure`]) is the user's own error as data: which row, what was raised, where.
//!
//! This crate knows no query engine, no storage and no Python. The `python` crate supplies a [`BatchFunction`] that
//! calls a Python callable; tests supply functions written in Rust.

mod error;
mod executor;
mod failure;
mod function;
mod in_process;
mod stop;
pub mod task;

#[cfg(any(test, feature = "test-util"))]
pub mod conformance;

pub use error::{Error, Result};
pub use executor::{BatchStream, Executor};
pub use failure::FunctionFailure;
pub use function::{BatchFunction, RunningFunction};
pub use in_process::InProcess;
pub use stop::{Stop, forget_all, stop_all};
