//! What user functions computed is kept, and used again when it would come out the same.
//!
//! A stage is a function and its input. Its results are kept in units, ranges of input rows, each durable as soon as
//! it is written ([`ledger`]). A unit is used again when the stage is the same, when the code is the same or failed
//! before, and when the arguments of its rows are the same to the byte ([`content`]). What a plan is, as far as its
//! results go, is its fingerprint ([`fingerprint`]); to have one, a plan must name everything that it reads, so
//! listings are taken once a run ([`pin`]). A plan or function that has none is computed anew, and the reason is told.

mod content;
mod fingerprint;
mod ledger;
mod pin;
mod stages;
mod unit;

pub(crate) use content::Content;
pub(crate) use fingerprint::fingerprint;
pub(crate) use ledger::{Kept, Ledger, UnitName};
pub(crate) use pin::pin;
pub(crate) use stages::{all_kept, has_stages, key_stages};
pub(crate) use unit::{Unit, UnitWriter};
