//! [`PerProcess`]: what a forked child must not use, nor close.

use std::sync::{PoisonError, RwLock};
use std::{mem, process};

/// Connections of one process; a forked child makes its own and leaves its parent's alone.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    slot: RwLock<(u32, T)>,
}

impl<T: Clone> PerProcess<T> {
    /// This process's.
    pub(crate) fn new(own: T) -> Self {
        Self { slot: RwLock::new((process::id(), own)) }
    }

    /// This process's; made anew if they are still the parent's.
    pub(crate) fn get(&self, make: impl FnOnce() -> T) -> T {
        let own = process::id();
        let (owner, known) = self.slot.read().unwrap_or_else(PoisonError::into_inner).clone();
        if owner == own {
            return known;
        }
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.0 != own {
            forget(mem::replace(&mut *slot, (own, make())));
        }
        // WHY: closing them here would close the parent's.
        forget(known);
        slot.1.clone()
    }

    /// Others in place of this process's.
    pub(crate) fn renew(&self, make: impl FnOnce() -> T) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.0 == process::id() {
            slot.1 = make();
        }
    }
}

#[expect(clippy::mem_forget, reason = "what belongs to a forked child's parent")]
fn forget<T>(parents: T) {
    mem::forget(parents);
}
