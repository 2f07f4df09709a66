//! [`Files`]: what some rows wait for, and have until they are answered.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use udf_runtime::task;

use super::trial::{Seen, Trial};
use crate::blocking::blocking;
use crate::storage::cache::{Pin, was_used};
use crate::storage::{Keep, ObjectKey};
use crate::{Error, Objects, StorageKind};

/// What came of a download.
#[derive(Clone, Debug)]
enum Arrival {
    /// The file's path.
    Here(String),
    /// There is no room for it.
    NoRoom,
    /// The row that reads it finds out why not.
    Not,
}

type Download = Shared<BoxFuture<'static, Arrival>>;

/// A file that is fetched, and there until nothing holds it any more.
pub(super) struct Held {
    download: Download,
    _pin: Pin,
    _budget: Arc<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn begin(
        objects: &Objects,
        key: &ObjectKey,
        keep: Keep,
        downloads: &Arc<Semaphore>,
        budget: &Arc<OwnedSemaphorePermit>,
    ) -> Self {
        let pin = objects.pin(key, keep);
        let (objects, key, downloads) = (objects.clone(), key.clone(), Arc::clone(downloads));
        let download = task::spawn(async move {
            let _permit = downloads.acquire_owned().await;
            match objects.fetched(&key, keep).await {
                Ok(path) => Arrival::Here(path),
                Err(Error::Storage { kind: StorageKind::Full, .. }) => Arrival::NoRoom,
                Err(_) => Arrival::Not,
            }
        });
        let download = download.map(|done| done.unwrap_or(Arrival::Not)).boxed().shared();
        Self { download, _pin: pin, _budget: Arc::clone(budget) }
    }
}

/// Files on their way.
pub(in super::super) struct Arriving(Vec<Download>);

impl Arriving {
    /// Until all are there that come.
    pub(in super::super) async fn arrive(self) {
        join_all(self.0).await;
    }
}

/// The files of some rows. Those that are not kept go when nobody holds them any more.
pub(in super::super) struct Files {
    held: Vec<Arc<Held>>,
    rows: usize,
    trial: Arc<Trial>,
}

impl Files {
    pub(super) fn new(held: Vec<Arc<Held>>, rows: usize, trial: &Arc<Trial>) -> Self {
        Self { held, rows, trial: Arc::clone(trial) }
    }

    pub(in super::super) fn arriving(&self) -> Arriving {
        Arriving(self.held.iter().map(|held| held.download.clone()).collect())
    }

    /// The rows are answered: nothing reads the files any more.
    pub(in super::super) async fn answered(self) -> Result<(), DataFusionError> {
        blocking(move || {
            drop(self);
            Ok(())
        })
        .await
    }

    /// What was seen of the function's use of them.
    fn seen(&self) -> Seen {
        let mut seen = Seen::Nothing;
        for arrival in self.held.iter().filter_map(|held| held.download.peek()) {
            match arrival {
                Arrival::NoRoom => return Seen::NoRoom,
                Arrival::Here(path) if self.trial.is_open() && was_used(path) => return Seen::Used,
                Arrival::Here(_) => seen = Seen::Unused,
                Arrival::Not => {}
            }
        }
        seen
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.trial.judge(self.rows, self.seen());
    }
}
