//! [`Strangers`]: who has connected and has not said the password. There is room for few; the oldest makes way.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How many there may be.
const MOST: usize = 64;

/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// All of them, the oldest first.
#[derive(Default)]
pub(super) struct Strangers(Mutex<VecDeque<Arc<Notify>>>);

/// One of them, until it is dropped.
pub(super) struct Stranger {
    among: Arc<Strangers>,
    leave: Arc<Notify>,
    until: Instant,
}

impl Strangers {
    pub(super) fn enter(self: &Arc<Self>) -> Stranger {
        let leave = Arc::<Notify>::default();
        let mut all = self.all();
        all.push_back(Arc::clone(&leave));
        if all.len() > MOST
            && let Some(oldest) = all.pop_front()
        {
            oldest.notify_one();
        }
        Stranger { among: Arc::clone(self), leave, until: Instant::now() + PATIENCE }
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    /// Ends when it has to go; never for who is none any more.
    pub(super) async fn has_to_go(this: Option<&Self>) {
        match this {
            Some(stranger) => tokio::select! {
                () = stranger.leave.notified() => {}
                () = sleep_until(stranger.until) => {}
            },
            None => pending().await,
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.among.all().retain(|other| !Arc::ptr_eq(other, &self.leave));
    }
}
