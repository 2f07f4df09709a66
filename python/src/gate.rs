//! The way into the interpreter and out of it, and how threads stay out once it ends.
//!
//! Before Python 3.14 a thread that wants the GIL while the interpreter goes down is unwound by force, through frames
//! that cannot be: the process crashes. So the end of the process [closes](close) the gate: it waits for the threads
//! that are inside, which takes no time, and no other comes in. A thread in a [`call`] counts as outside, because the
//! user's code may never return; when it does, it waits here for the end of the process.

#![expect(
    unsafe_code,
    reason = "a call that survives the end of the interpreter is none of pyo3's"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{ptr, thread};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use crate::interrupt;

/// How often [`close`] looks whether all are out.
const LOOK: Duration = Duration::from_millis(1);

/// Added to [`INSIDE`] once the gate is closed.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// How many threads are inside.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Whether the process is about to end.
static ENDS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// How many times this thread went in and has not come out.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread ends the process: the gate stays open for it.
    static HAS_KEY: Cell<bool> = const { Cell::new(false) };
}

// The functions of pyo3, but prepared for a thread that is unwound inside. They are called through pointers that the
// compiler cannot see through: it would take them for pyo3's, which never unwind.
unsafe extern "C-unwind" {
    fn PyObject_Call(
        callable: *mut PyObject,
        arguments: *mut PyObject,
        named: *mut PyObject,
    ) -> *mut PyObject;
    fn PyIter_Next(iterator: *mut PyObject) -> *mut PyObject;
}

type Call =
    unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Next = unsafe extern "C-unwind" fn(*mut PyObject) -> *mut PyObject;

/// Takes the GIL; for threads that do not hold it, or took it here.
#[expect(clippy::disallowed_methods, reason = "here the GIL is taken")]
pub(crate) fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    let _inside = Inside::enter();
    Python::attach(work)
}

/// Does without the GIL, on a thread that may or may not hold it.
#[expect(clippy::disallowed_methods, reason = "here the GIL is taken")]
pub(crate) fn detached<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    Python::attach(|py| detach(py, work))
}

/// Does without the GIL for as long as `work` takes.
pub(crate) fn detach<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let away = Away::leave();
    py.detach(|| {
        let result = work();
        drop(away);
        result
    })
}

/// Calls what may run for ever.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    // SAFETY: both are objects, and the GIL is held.
    let result = outside(py, || unsafe {
        let call = black_box(PyObject_Call as Call);
        call(function.as_ptr(), arguments.as_ptr(), ptr::null_mut())
    });
    // SAFETY: the result is a new reference, or null and an exception is set.
    unsafe { Bound::from_owned_ptr_or_err(py, result) }
}

/// Calls a method that may run for ever.
pub(crate) fn call_method<'py>(
    object: &Bound<'py, PyAny>,
    name: &str,
    arguments: &[&Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    call(&object.getattr(name)?, &PyTuple::new(object.py(), arguments)?)
}

/// The next item of what may run for ever.
pub(crate) fn next<'py>(iterator: &Bound<'py, PyIterator>) -> Option<PyResult<Bound<'py, PyAny>>> {
    let py = iterator.py();
    // SAFETY: it is an iterator, and the GIL is held.
    let item = outside(py, || unsafe { black_box(PyIter_Next as Next)(iterator.as_ptr()) });
    // SAFETY: the item is a new reference; or null, and an exception is set or there are no more.
    match unsafe { Bound::from_owned_ptr_or_opt(py, item) } {
        Some(item) => Some(Ok(item)),
        None => PyErr::take(py).map(Err),
    }
}

/// Keeps the threads out that wait for a query, and would tell users that it was stopped.
pub(crate) fn hold_back() {
    HAS_KEY.set(true);
    ENDS.store(true, Ordering::Release);
}

/// Keeps all other threads out and waits until those that are inside have left, at most `patience`.
pub(crate) fn close(py: Python<'_>, patience: Duration) {
    INSIDE.fetch_or(CLOSED, Ordering::AcqRel);
    py.detach(|| {
        let began = Instant::now();
        while INSIDE.load(Ordering::Acquire) != CLOSED && began.elapsed() < patience {
            thread::sleep(LOOK);
        }
    });
}

/// For a forked child, which has none of its parent's threads.
pub(crate) fn forget_all() {
    INSIDE.store(0, Ordering::Release);
}

/// Calls out with the GIL held.
fn outside(py: Python<'_>, call: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    let away = Away::leave();
    let unwound = Stay;
    let result = interrupt::interruptible(call);
    stays_not(unwound);
    // The gate is closed with the GIL held, which is held here.
    if is_closed() {
        py.detach(|| drop(away));
    }
    result
}

/// A thread that is inside for as long as this is held.
struct Inside;

impl Inside {
    fn enter() -> Self {
        let depth = DEPTH.get();
        if depth == 0 {
            come_in();
        }
        DEPTH.set(depth + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE.fetch_sub(1, Ordering::Release);
        }
    }
}

/// A thread that is outside for as long as this is held. It remembers how deep inside it was.
struct Away(usize);

impl Away {
    fn leave() -> Self {
        let depth = DEPTH.replace(0);
        if depth > 0 {
            INSIDE.fetch_sub(1, Ordering::Release);
        }
        Self(depth)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if self.0 > 0 {
            come_in();
            DEPTH.set(self.0);
        } else if ENDS.load(Ordering::Acquire) && !HAS_KEY.get() {
            stay();
        }
    }
}

/// Keeps a thread that is unwound from going on.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        stay();
    }
}

#[expect(clippy::mem_forget, reason = "its drop is for a thread that is unwound")]
fn stays_not(stay: Stay) {
    std::mem::forget(stay);
}

fn come_in() {
    if INSIDE.fetch_add(1, Ordering::AcqRel) & CLOSED != 0 && !HAS_KEY.get() {
        INSIDE.fetch_sub(1, Ordering::Release);
        stay();
    }
}

fn is_closed() -> bool {
    INSIDE.load(Ordering::Acquire) & CLOSED != 0 && !HAS_KEY.get()
}

/// Waits for the end of the process.
fn stay() -> ! {
    loop {
        thread::park();
    }
}
