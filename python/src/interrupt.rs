//! Ctrl-C for calls on other threads: by itself, Python raises `KeyboardInterrupt` on the main thread only.

#![expect(unsafe_code, reason = "pyo3 has no function that raises an exception on another thread")]

use std::ffi::{c_long, c_ulong};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{ptr, thread};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi::{PyObject, PyThreadState_SetAsyncExc};
use pyo3::prelude::*;
use udf_runtime::Stop;

/// How long a call may take to end by itself once nobody waits for its result.
const GRACE: Duration = Duration::from_millis(100);

/// How long a run may take to tell its functions that nobody waits for them.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a thread is interrupted that goes on calling, and with which pauses.
const INTERRUPTS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(10);

/// How often the calls are looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The threads that run functions.
static CALLERS: Mutex<Vec<Weak<Caller>>> = Mutex::new(Vec::new());

thread_local! {
    static CALLER: Option<Arc<Caller>> = Caller::of_this_thread();
}

unsafe extern "C" {
    fn PyThread_get_thread_ident() -> c_ulong;
}

/// A thread that runs a function. It changes while its thread holds the GIL.
struct Caller {
    thread: c_long,
    stop: Stop,
    is_calling: AtomicBool,
    is_interrupted: AtomicBool,
}

impl Caller {
    fn of_this_thread() -> Option<Arc<Self>> {
        let stop = Stop::of_this_thread()?;
        // SAFETY: it only asks the system.
        let thread = unsafe { PyThread_get_thread_ident() };
        let caller = Arc::new(Self {
            thread: thread.cast_signed(),
            stop,
            is_calling: AtomicBool::new(false),
            is_interrupted: AtomicBool::new(false),
        });
        let mut all = callers();
        all.retain(|caller| caller.strong_count() > 0);
        all.push(Arc::downgrade(&caller));
        Some(caller)
    }

    fn is_calling(&self) -> bool {
        self.is_calling.load(Ordering::Relaxed)
    }

    /// Raises an exception in the thread when it next runs bytecode, or takes back one that was not raised yet.
    fn raise(&self, exception: *mut PyObject) {
        // SAFETY: the GIL is held, and `exception` is a class or null.
        unsafe { PyThreadState_SetAsyncExc(self.thread, exception) };
    }
}

/// Makes a call that [`interrupt`] can end, with the GIL held before and after.
pub(crate) fn interruptible<T>(call: impl FnOnce() -> T) -> T {
    CALLER.with(|caller| {
        let Some(caller) = caller else {
            return call();
        };
        caller.is_calling.store(true, Ordering::Relaxed);
        let result = call();
        caller.is_calling.store(false, Ordering::Relaxed);
        if caller.is_interrupted.load(Ordering::Relaxed) {
            caller.is_interrupted.store(false, Ordering::Relaxed);
            caller.raise(ptr::null_mut());
        }
        result
    })
}

/// Raises `KeyboardInterrupt` in the calls whose results nobody waits for. Whether there were any.
pub(crate) fn interrupt(py: Python<'_>) -> bool {
    let exception = py.get_type::<PyKeyboardInterrupt>();
    let mut calls = alive();
    calls.retain(|caller| caller.is_calling() && caller.stop.is_set());
    for caller in &calls {
        caller.is_interrupted.store(true, Ordering::Relaxed);
        caller.raise(exception.as_ptr());
    }
    // Nobody is left to hear that it went wrong.
    drop(interrupt_threads(py));
    !calls.is_empty()
}

/// The same for the calls on threads of `lakebed._udf.calls`, if it was ever used.
fn interrupt_threads(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    let calls = modules.call_method1("get", ("lakebed._udf.calls",))?;
    if calls.is_none() { Ok(()) } else { calls.call_method0("interrupt").map(drop) }
}

/// Ends the calls of a run that was interrupted, gently at first. A thread may have one call after the other in it.
pub(crate) fn after_run(py: Python<'_>) {
    await_calls(py);
    for _ in 0..INTERRUPTS {
        if !interrupt(py) {
            return;
        }
        py.detach(|| thread::sleep(BETWEEN));
    }
}

/// Waits until the calls that nobody waits for have ended by themselves, but not for long.
fn await_calls(py: Python<'_>) {
    let began = Instant::now();
    py.detach(|| {
        loop {
            let mut left = alive();
            left.retain(|caller| caller.is_calling() || caller.stop.is_set());
            let all_know = left.iter().all(|caller| caller.stop.is_set());
            let patience = if all_know { GRACE } else { PATIENCE };
            if left.is_empty() || began.elapsed() >= patience {
                return;
            }
            drop(left);
            thread::sleep(LOOK);
        }
    });
}

/// For a forked child, which has none of its parent's threads.
pub(crate) fn forget_all() {
    callers().clear();
}

/// The threads that run functions and have made a call.
fn alive() -> Vec<Arc<Caller>> {
    callers().iter().filter_map(Weak::upgrade).collect()
}

fn callers() -> MutexGuard<'static, Vec<Weak<Caller>>> {
    CALLERS.lock().unwrap_or_else(PoisonError::into_inner)
}
