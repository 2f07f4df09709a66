//! A function that still has to be called, as data, so that other processes and machines call it.
//!
//! [`Chain::stage_spec`] cuts the rows whose results nobody has into units, and writes their arguments and a copy of the
//! function beside what is kept of that ([`cut`]). [`Session::run_unit`] needs nothing but the root and the [`StageSpec`] to
//! compute a unit ([`run`]); it makes results durable as every run does, and what a killed process had of a unit counts for
//! the next one. Whoever then runs the chain finds all results by content, whoever computed them: so a unit that was computed
//! twice, or by nobody, makes no difference to any row.

mod cut;
mod run;
mod spec;

pub use run::Receipt;
pub use spec::StageSpec;
