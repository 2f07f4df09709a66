//! What user functions computed is kept, and used again when it would come out the same.
//!
//! A stage is a function and its input. Its results are kept in units, ranges of input rows, each durable as soon as
//! it is written ([`ledger`]). A unit is used again when the stage is the same, when the code is the same or failed
//! before, and when the arguments of its rows are the same to the byte ([`Content`]). What a plan is, as far as its
//! results go, is told by [`crate::identity`] and, for what its nodes refer to, by [`facts`]; to have an identity, a plan
//! must name everything that it reads, so listings are taken once a run ([`pin`]). A plan or function that has none is
//! computed anew, and the reason is told.

mod facts;
mod ledger;
mod pin;
mod stages;
mod unit;

pub(crate) use crate::identity::Content;
pub(crate) use facts::RunFacts;
pub(crate) use ledger::{Kept, Ledger, UnitName};
pub(crate) use pin::pin;
pub(crate) use stages::{all_kept, has_stages, key_stages};
pub(crate) use unit::{Unit, UnitWriter};
