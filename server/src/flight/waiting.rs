//! [`Waiting`]: what clients may come back for, by handle. The oldest goes when there is too much.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Result;
use crate::options::random;

const MOST: usize = 1_000;

/// A name that nobody can guess.
pub(super) fn new_handle() -> Result<String> {
    let bytes: [u8; 16] = random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The name of a prepared statement with its values.
pub(super) fn bound(handle: &str) -> String {
    format!("{handle}+")
}

/// Values by handle.
pub(super) struct Waiting<T>(Mutex<Held<T>>);

struct Held<T> {
    values: HashMap<String, T>,
    /// The oldest first; some may be gone.
    order: VecDeque<String>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::new(Held { values: HashMap::new(), order: VecDeque::new() }))
    }
}

impl<T: Clone> Waiting<T> {
    pub(super) fn put(&self, handle: String, value: T) {
        let mut held = self.held();
        if held.values.insert(handle.clone(), value).is_none() {
            held.order.push_back(handle);
        }
        while held.order.len() > MOST {
            if let Some(oldest) = held.order.pop_front() {
                held.values.remove(&oldest);
            }
        }
    }

    pub(super) fn get(&self, handle: &str) -> Option<T> {
        self.held().values.get(handle).cloned()
    }

    pub(super) fn take(&self, handle: &str) -> Option<T> {
        self.held().values.remove(handle)
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
