//! [`Waiting`]: what clients may come back for, by handle. What nobody has asked for longest goes when there is too much.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Result;
use crate::options::random;

/// How many there may be.
pub(super) const MOST: usize = 1_000;

/// A name that nobody can guess.
pub(super) fn new_handle() -> Result<String> {
    let bytes: [u8; 16] = random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Values by handle.
pub(super) struct Waiting<T>(Mutex<Held<T>>);

struct Held<T> {
    /// Each with when it was asked for.
    values: HashMap<String, (u64, T)>,
    handles: BTreeMap<u64, String>,
    now: u64,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::new(Held { values: HashMap::new(), handles: BTreeMap::new(), now: 0 }))
    }
}

impl<T: Clone> Waiting<T> {
    pub(super) fn put(&self, handle: String, value: T) {
        let mut held = self.held();
        held.take(&handle);
        held.put(handle, value);
        if held.values.len() > MOST
            && let Some((_, oldest)) = held.handles.pop_first()
        {
            held.values.remove(&oldest);
        }
    }

    pub(super) fn get(&self, handle: &str) -> Option<T> {
        let mut held = self.held();
        let value = held.take(handle)?;
        held.put(handle.to_owned(), value.clone());
        Some(value)
    }

    pub(super) fn take(&self, handle: &str) -> Option<T> {
        self.held().take(handle)
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Held<T> {
    fn put(&mut self, handle: String, value: T) {
        self.now += 1;
        self.handles.insert(self.now, handle.clone());
        self.values.insert(handle, (self.now, value));
    }

    fn take(&mut self, handle: &str) -> Option<T> {
        let (at, value) = self.values.remove(handle)?;
        self.handles.remove(&at);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Waiting};

    #[test]
    fn what_nobody_asks_for_goes_first() {
        let waiting = Waiting::default();
        waiting.put("old".to_owned(), 0);
        waiting.put("older".to_owned(), 1);
        assert_eq!(waiting.get("old"), Some(0));
        for n in 2..MOST {
            waiting.put(n.to_string(), n);
        }
        waiting.put("new".to_owned(), 7);
        assert_eq!(waiting.get("older"), None);
        assert_eq!(waiting.get("old"), Some(0));
        assert_eq!(waiting.take("new"), Some(7));
    }

    #[test]
    fn what_was_taken_makes_room() {
        let waiting = Waiting::default();
        waiting.put("kept".to_owned(), 0);
        for n in 0..MOST * 2 {
            waiting.put(n.to_string(), n);
            assert_eq!(waiting.take(&n.to_string()), Some(n));
        }
        assert_eq!(waiting.get("kept"), Some(0));
    }
}
