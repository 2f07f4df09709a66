//! What user functions computed is kept, and used again for equal arguments.
//!
//! A function has a folder ([`ledger`]). What it computed lies there in units, each durable as soon as it is written
//! ([`unit`]), beside the keys of the rows of arguments that it was computed from ([`keys`]). A run reads these keys
//! ([`index`]) and finds the results of its rows by them ([`results`]), wherever the rows come from and whatever stands
//! around them; who saves the rows hears where they lie ([`placed`]) and can have files of much room ([`columns`]) as they
//! are. What a function is, and what a plan is as far as its results go, is told by [`crate::identity`] and, for what nodes
//! refer to, by [`facts`]; to have an identity, a plan must name everything that it reads, so listings are taken once a run
//! ([`pin`]). A function that has none is called anew, and the reason is told.

pub(crate) mod columns;
mod facts;
mod index;
mod keys;
mod ledger;
mod pin;
mod placed;
mod results;
mod stages;
mod unit;

pub(crate) use facts::RunFacts;
pub(crate) use index::Place;
pub(crate) use keys::{Key, RowKeys};
pub(crate) use ledger::{Failed, GIVEN, Ledger, Listed, UnitAt, UnitName, now};
pub(crate) use pin::pin;
pub(crate) use placed::{Placed, PlacedRows, UnitFile};
pub(crate) use results::{Cut, Finder, Origin, Reader, results};
pub(crate) use stages::{all_kept, has_stages, key_stages};
pub(crate) use unit::{Facts as UnitFacts, Results, Scope, UnitKeys, UnitWriter};
