//! [`Lease`]: presence below a root in a bucket. Whoever is there keeps writing a small object; one that was not written
//! for a while is of a process that died.
//!
//! Writers and collectors first say that they are there and then look who else is, so that of two that come at once at
//! least one sees the other. All times are those of the store's clock.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use udf_runtime::task::{self, Task};
use uuid::Uuid;

use super::{Entered, Presence};
use crate::storage::Location;

/// Whoever did not say for so long that it is there is gone.
const LASTING: Duration = Duration::from_mins(2);

/// The pause between attempts to enter a folder that somebody has alone.
const PAUSE: Duration = Duration::from_millis(200);

const ALONE: &str = "alone";
const SHARED: &str = "shared";

/// Leases below a folder of their own.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    lasting: Duration,
    beat: Mutex<Option<Task<()>>>,
}

#[derive(Debug)]
struct Leases {
    store: Arc<dyn ObjectStore>,
    folder: Location,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: HashSet<Location>,
    left: Vec<Location>,
}

impl Lease {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, folder: Location) -> Self {
        Self::lasting(store, folder, LASTING)
    }

    /// Leases that end when they were not renewed for so long.
    fn lasting(store: Arc<dyn ObjectStore>, folder: Location, lasting: Duration) -> Self {
        let leases = Leases { store, folder, state: Mutex::default(), changed: Notify::new() };
        Self { leases: Arc::new(leases), lasting, beat: Mutex::default() }
    }

    /// Says that somebody is at a folder, and who else is; none of them for longer than a lease lasts.
    async fn enter(&self, kind: &str, folder: &Location) -> io::Result<(Guard, Others)> {
        self.leases.remove_left().await?;
        let folder = self.leases.of(folder);
        let mine = folder.clone().join(format!("{kind}-{}", Uuid::new_v4()));
        self.leases.store.put(&mine, PutPayload::new()).await?;
        self.leases.state().held.insert(mine.clone());
        let guard = Guard { leases: Arc::clone(&self.leases), mine: mine.clone() };
        self.keep_beating();
        let found: Vec<_> = self.leases.store.list(Some(&folder)).try_collect().await?;
        let mut times: HashMap<Location, SystemTime> =
            found.into_iter().map(|one| (one.location, one.last_modified.into())).collect();
        let now = times.remove(&mine).ok_or(io::ErrorKind::NotFound)?;
        let is_fresh = |time: &SystemTime| *time + self.lasting > now;
        let (fresh, dead) =
            times.into_iter().partition::<HashMap<_, _>, _>(|(_, time)| is_fresh(time));
        self.leases.state().left.extend(dead.into_keys());
        Ok((guard, Others(fresh.into_keys().collect())))
    }

    /// Renews what is held, as long as there is this object.
    fn keep_beating(&self) {
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        if beat.is_none() {
            let (leases, pause) = (Arc::clone(&self.leases), self.lasting / 4);
            *beat = Some(task::spawn(async move {
                loop {
                    let waited = timeout(pause, leases.changed.notified()).await;
                    // What fails now is tried again at the next beat.
                    drop(leases.remove_left().await);
                    if waited.is_err() {
                        drop(leases.renew().await);
                    }
                }
            }));
        }
    }
}

#[async_trait]
impl Presence for Lease {
    async fn share(&self, folder: &Location) -> io::Result<Entered> {
        loop {
            let (guard, others) = self.enter(SHARED, folder).await?;
            if !others.has(ALONE) {
                return Ok(Box::new(guard));
            }
            drop(guard);
            sleep(PAUSE).await;
        }
    }

    async fn try_alone(&self, folder: &Location) -> io::Result<Option<Entered>> {
        let (guard, others) = self.enter(ALONE, folder).await?;
        Ok((others.0.is_empty()).then(|| Box::new(guard) as Entered))
    }
}

/// Who else is there.
struct Others(Vec<Location>);

impl Others {
    fn has(&self, kind: &str) -> bool {
        self.0.iter().any(|one| one.filename().is_some_and(|name| name.starts_with(kind)))
    }
}

impl Leases {
    /// Where the leases on a folder are.
    fn of(&self, folder: &Location) -> Location {
        let digest = blake3::hash(folder.as_ref().as_bytes()).to_hex();
        self.folder.clone().join(&digest[..32])
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn remove_left(&self) -> io::Result<()> {
        loop {
            let Some(next) = self.state().left.pop() else { return Ok(()) };
            match self.store.delete(&next).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    self.state().left.push(next);
                    return Err(error.into());
                }
            }
        }
    }

    async fn renew(&self) -> io::Result<()> {
        let held: Vec<Location> = self.state().held.iter().cloned().collect();
        for one in held {
            // Not one that was left meanwhile.
            if self.state().held.contains(&one) {
                self.store.put(&one, PutPayload::new()).await?;
            }
        }
        Ok(())
    }
}

/// Somebody who is there.
#[derive(Debug)]
struct Guard {
    leases: Arc<Leases>,
    mine: Location,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.leases.state();
        state.held.remove(&self.mine);
        state.left.push(self.mine.clone());
        drop(state);
        self.leases.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::ObjectStore;
    use object_store::memory::InMemory;

    use super::{Lease, Presence};
    use crate::storage::Location;

    fn two(lasting: Duration) -> (Lease, Lease) {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let one = || Lease::lasting(Arc::clone(&store), Location::from("presence"), lasting);
        (one(), one())
    }

    #[tokio::test]
    async fn a_collector_stays_out_while_somebody_of_another_process_is_there() {
        let (writer, collector) = two(Duration::from_mins(1));
        let folder = Location::from("data/cats");
        let entered = writer.share(&folder).await.unwrap();
        let also = collector.share(&folder).await.unwrap();
        drop(also);
        assert!(collector.try_alone(&folder).await.unwrap().is_none());
        assert!(collector.try_alone(&Location::from("data/dogs")).await.unwrap().is_some());
        drop(entered);
        // Whoever left says so with its next request at the latest.
        drop(writer.share(&Location::from("data/dogs")).await.unwrap());
        let alone = collector.try_alone(&folder).await.unwrap();
        assert!(alone.is_some());
        assert!(writer.try_alone(&folder).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_writer_waits_for_a_collector() {
        let (writer, collector) = two(Duration::from_mins(1));
        let folder = Location::from("data/cats");
        let alone = collector.try_alone(&folder).await.unwrap().unwrap();
        let waiting = writer.share(&folder);
        let left = async {
            tokio::task::yield_now().await;
            drop(alone);
        };
        assert!(tokio::join!(waiting, left).0.is_ok());
    }

    #[tokio::test]
    async fn who_died_is_gone_after_a_while() {
        let (writer, collector) = two(Duration::ZERO);
        let folder = Location::from("data/cats");
        let _died = writer.share(&folder).await.unwrap();
        drop(writer);
        assert!(collector.try_alone(&folder).await.unwrap().is_some());
    }
}
