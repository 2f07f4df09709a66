//! How user functions run: batches in, batches out.
//!
//! The model in five words:
//!
//! * a **function** ([`BatchFunction`]) is what a user wrote, seen as "a batch of arguments in, an [`Answer`] out":
//!   result rows, and for each the argument row that it came from;
//! * a **running function** ([`RunningFunction`]) is that function after its set-up, on the one thread that may call it;
//! * an **executor** ([`Executor`]) turns a stream of argument batches into a stream of answers, in order;
//! * a **worker** ([`WorkerPool`], [`serve`]) is a process of its own that runs functions for an executor;
//! * a **failure** ([`FunctionFailure`]) is the user's own error as data: which row, what was raised, where.
//!
//! This crate knows no query engine, no storage and no Python. The `python` crate supplies a [`BatchFunction`] that
//! calls a Python callable; tests supply functions written in Rust.

mod answer;
mod check;
mod drive;
mod error;
mod executor;
mod failure;
mod function;
mod in_process;
mod owned_by_process;
mod pool;
mod process;
mod protocol;
mod serve;
mod stop;
pub mod task;
mod transport;
mod worker;

#[cfg(any(test, feature = "test-util"))]
pub mod conformance;

pub use answer::{Answer, RowFailure, Spent};
pub use error::{Error, Result};
pub use executor::{AnswerStream, BatchStream, Executor};
pub use failure::FunctionFailure;
pub use function::{BatchFunction, Identity, RunningFunction, Shape};
pub use in_process::InProcess;
pub use owned_by_process::OwnedByProcess;
pub use pool::{DeadRows, PoolOptions, WorkerPool};
pub use process::WorkerCommand;
pub use serve::{Loader, serve};
pub use stop::{Stop, end_workers, forget_all, stop_all};
