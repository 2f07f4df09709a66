//! [`Turns`]: those who would do the same work do it one after the other, so that the later ones find it done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Who is at what, by name.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<Semaphore>>>);

/// Whoever holds it is alone at it.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits until nobody else is at what is called so.
    pub(crate) async fn take(&self, name: &str) -> Turn {
        // Nobody ever closes it.
        Turn { _permit: self.of(name).acquire_owned().await.ok() }
    }

    fn of(&self, name: &str) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, of| of.strong_count() > 0);
        if let Some(of) = all.get(name).and_then(Weak::upgrade) {
            return of;
        }
        let of = Arc::new(Semaphore::new(1));
        all.insert(name.to_owned(), Arc::downgrade(&of));
        of
    }
}
