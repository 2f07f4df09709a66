//! `lakebed._native`: the engine seen from Python. Registration only.
//!
//! Python is held here to convert arguments and results, to call a user's function and to raise; never while a query
//! runs. Nothing below this crate knows that Python exists.

#![expect(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    reason = "pyo3 hands over owned arguments, by name"
)]
#![cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "pyo3's prelude is made for it"))]

mod allocator;
mod arrow;
mod born;
mod chain;
mod codec;
mod error;
mod export;
mod expr;
mod gate;
mod interrupt;
mod json;
mod look;
mod names;
mod records;
mod rows;
mod runtime;
mod server;
mod session;
mod statements;
mod storage;
mod tables;
mod udf;
mod units;
mod values;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    allocator::configure(false);
    runtime::stop_functions_at_exit(module)?;
    module.add_class::<expr::Expr>()?;
    module.add_class::<server::Server>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<chain::Chain>()?;
    module.add_class::<storage::Storage>()?;
    module.add_class::<storage::Writer>()?;
    module.add_class::<storage::Pages>()?;
    module.add_class::<rows::Rows>()?;
    module.add_class::<arrow::StreamFailure>()?;
    module.add_class::<udf::Function>()?;
    module.add_function(wrap_pyfunction!(udf::serve, module)?)?;
    module.add_function(wrap_pyfunction!(born::born, module)?)?;
    module.add_function(wrap_pyfunction!(statements::look_at_sql, module)?)?;
    module.add_function(wrap_pyfunction!(units::stage, module)?)?;
    module.add_function(wrap_pyfunction!(units::run_unit, module)?)?;
    module.add_function(wrap_pyfunction!(units::forget_stage, module)?)?;
    Ok(())
}
