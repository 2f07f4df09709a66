//! The one async runtime, and the one place that waits for it: without the GIL, watching for Ctrl-C.

use std::future::Future;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use engine::{Progress, StageProgress};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::runtime::{Builder, Runtime};
use udf_runtime::{OwnedByProcess, task};

use crate::look::Looking;
use crate::{error, gate, interrupt};

/// How often a waiting call looks for signals and reports progress.
const TICK: Duration = Duration::from_millis(100);

/// Long chains are deep plans, which are walked by recursion.
const STACK_BYTES: usize = 32 << 20;

type Slot = RwLock<Option<OwnedByProcess<Arc<Runtime>>>>;

static RUNTIME: OnceLock<Slot> = OnceLock::new();

/// The runtime of this process; a forked child, whose threads are gone, gets a new one.
pub(crate) fn runtime() -> PyResult<Arc<Runtime>> {
    let slot = RUNTIME.get_or_init(RwLock::default);
    if let Some(runtime) = &*slot.read().unwrap_or_else(PoisonError::into_inner)
        && runtime.is_ours()
    {
        return Ok(Arc::clone(runtime));
    }
    let mut slot = slot.write().unwrap_or_else(PoisonError::into_inner);
    let mut threads = Builder::new_multi_thread();
    threads.thread_name("lakebed").thread_stack_size(STACK_BYTES);
    threads.max_blocking_threads(engine::blocking_threads());
    let runtime = Arc::new(threads.enable_all().build()?);
    let owned = OwnedByProcess::new(Arc::clone(&runtime), |_| {});
    if let Some(old) = slot.replace(owned) {
        // Dropping the parent's runtime would wait for threads that do not exist here.
        leak(old);
    }
    Ok(runtime)
}

/// Waits for `future` with the GIL released.
///
/// Every [`TICK`] the calling thread runs signal handlers and calls `on_tick` with the stages so far, and before anything
/// becomes durable the former. An exception in either drops the future, which stops what it started, and is raised.
pub(crate) fn wait<T, F>(
    py: Python<'_>,
    future: F,
    progress: Option<(&Arc<Progress>, &Bound<'_, PyAny>)>,
) -> PyResult<T>
where
    F: Future<Output = engine::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let runtime = runtime()?;
    let entered = runtime.enter();
    let looking = Looking::start(py)?;
    let mut running = task::spawn(future);
    drop(entered);
    let mut next_report = Instant::now() + TICK;
    loop {
        let asked = looking.asked();
        let ticked = gate::detach(py, || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    ended = &mut running => Some(ended),
                    () = asked => None,
                    () = tokio::time::sleep_until(next_report.into()) => None,
                }
            })
        });
        let reported = || match progress {
            Some((so_far, callback)) if ticked.is_some() || Instant::now() >= next_report => {
                report(so_far, callback)
            }
            _ => Ok(()),
        };
        let reported = looking.check(py).and_then(|()| reported());
        if Instant::now() >= next_report {
            next_report = Instant::now() + TICK;
        }
        if let Err(raised) = reported {
            looking.stop();
            drop(running);
            interrupt::after_run(py);
            return Err(raised);
        }
        match ticked {
            None => {}
            Some(Ok(result)) => return result.map_err(|failed| error::raise(py, failed)),
            Some(Err(stopped)) => return Err(error::panicked(py, stopped)),
        }
    }
}

/// Tells the callback the name, rows, total, failed and kept rows of each stage, and all remarks so far.
fn report(progress: &Progress, callback: &Bound<'_, PyAny>) -> PyResult<()> {
    let counters = |stage: &Arc<StageProgress>| {
        let name = stage.name().to_owned();
        (name, stage.rows(), stage.total(), stage.failed_rows(), stage.kept())
    };
    let stages: Vec<_> = progress.stages().iter().map(counters).collect();
    callback.call1((stages, progress.remarks())).map(drop)
}

/// How long the end of the interpreter waits for calls under way, and again once they are interrupted.
const CALL_PATIENCE: Duration = Duration::from_millis(200);

/// How long it waits for what takes no time, or is in good order.
const EXIT_PATIENCE: Duration = Duration::from_secs(10);

/// A thread that asks for the GIL while the interpreter goes down crashes the process: none may be left by then.
pub(crate) fn stop_functions_at_exit(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let stop = wrap_pyfunction!(stop_functions, module)?;
    py.import("atexit")?.call_method1("register", (stop,))?;
    let os = py.import("os")?;
    if os.hasattr("register_at_fork")? {
        let forget = wrap_pyfunction!(forget_functions, module)?;
        let named = PyDict::new(py);
        named.set_item("after_in_child", forget)?;
        os.call_method("register_at_fork", (), Some(&named))?;
    }
    Ok(())
}

#[pyfunction]
fn stop_functions(py: Python<'_>) {
    gate::hold_back();
    let stopped = || py.detach(|| udf_runtime::stop_all(CALL_PATIENCE));
    if !stopped() {
        interrupt::interrupt(py);
        stopped();
    }
    py.detach(|| udf_runtime::end_workers(EXIT_PATIENCE));
    gate::close(py, EXIT_PATIENCE);
}

#[pyfunction]
fn forget_functions() {
    udf_runtime::forget_all();
    interrupt::forget_all();
    gate::forget_all();
}

/// Waits from a thread that may or may not hold the GIL, such as a consumer of an exported stream.
pub(crate) fn block<T, F>(future: F) -> PyResult<T>
where
    F: Future<Output = T> + Send,
    T: Send,
{
    let runtime = runtime()?;
    // WHY: the consumer may hold the GIL that a user function on another thread needs.
    Ok(gate::detached(|| runtime.block_on(future)))
}

#[expect(clippy::mem_forget, reason = "a forked runtime can neither run nor end")]
fn leak<T>(value: T) {
    std::mem::forget(value);
}
