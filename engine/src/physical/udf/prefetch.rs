//! [`Prefetch`]: the files of buckets that rows are about are fetched before the function is called with these rows.
//!
//! Nothing fails here: a file that cannot be fetched is read by the row itself, whose error it then is.

mod files;
mod trial;
mod wanted;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use datafusion::error::Result;
use tokio::sync::Semaphore;

use self::files::Held;
use self::trial::{Leave, Trial};
use super::UdfStage;
use crate::Objects;
use crate::progress::Progress;
use crate::storage::{Keep, ObjectKey};

pub(super) use self::files::{Arriving, Files};
pub(super) use self::wanted::Wanted;

/// Pieces of rows that are on their way to the function at once.
pub(super) const AHEAD: usize = 64;

/// Downloads at once: enough for small objects that are far away; large ones are bounded by [`BUDGET`].
const DOWNLOADS: usize = 64;

/// What is fetched, or on its way, and not answered yet, in [`UNIT`]s. Tests have small files.
const BUDGET: u64 = if cfg!(test) { 8 } else { (256 << 20) / UNIT };

/// Bytes that one permit of the budget stands for.
const UNIT: u64 = 1024;

/// How many rows are tried for each that the function computes at once.
const TRIED: usize = 2;

/// Fetches what rows are about, in their order.
pub(super) struct Prefetch {
    objects: Objects,
    keep: Keep,
    /// Larger files are read where they are: a function may want little of them, and the way to them is the least.
    most_bytes: u64,
    /// Whether calls may get fewer rows, so that none waits for the files of many others.
    cuts: bool,
    downloads: Arc<Semaphore>,
    budget: Arc<Semaphore>,
    /// What is held for rows that are not answered yet, by the names of the files.
    held: HashMap<String, Weak<Held>>,
    trial: Arc<Trial>,
    /// Rows so far that were part of the trial.
    tried: usize,
    /// Rows of the trial that belong together.
    at_once: usize,
}

impl Prefetch {
    /// `None` where no argument can be a file, or nobody wants it.
    pub(super) fn for_stage(
        stage: &UdfStage,
        input: &Schema,
        progress: &Arc<Progress>,
    ) -> Result<Option<Self>> {
        let options = &stage.options;
        let mut may_be_files = false;
        for argument in &stage.arguments {
            may_be_files |= wanted::may_be_files(&argument.data_type(input)?);
        }
        if !may_be_files || options.prefetch == Some(0) {
            return Ok(None);
        }
        let at_once = options.concurrency.max(1);
        let tried = TRIED * options.parallel.unwrap_or(1).max(1) * at_once + options.known_rows;
        // Who says so, or that files are to be kept, means all.
        let (trial, most_bytes) = if options.prefetch.is_some() || options.keeps_files {
            (Trial::decided(progress), u64::MAX)
        } else {
            (Trial::of(tried, progress), BUDGET * UNIT)
        };
        Ok(Some(Self {
            objects: stage.objects.clone(),
            keep: if options.keeps_files { Keep::Yes } else { Keep::No },
            most_bytes,
            cuts: options.batch_rows.is_none(),
            downloads: Arc::new(Semaphore::new(options.prefetch.unwrap_or(DOWNLOADS))),
            budget: Arc::new(Semaphore::new(usize::try_from(BUDGET).unwrap_or(usize::MAX))),
            held: HashMap::new(),
            trial: Arc::new(trial),
            tried: 0,
            at_once,
        }))
    }

    /// What rows with these arguments are about.
    pub(super) fn wanted(&self, arguments: &RecordBatch) -> Wanted {
        Wanted::by_rows_of(arguments, self.most_bytes)
    }

    /// Begins to fetch what the rows from `from` on are about, at most so many. How many rows that is, and what they
    /// wait for. Waits while too much is fetched and not answered.
    pub(super) async fn begin(
        &mut self,
        wanted: &Wanted,
        from: usize,
        most: usize,
    ) -> (usize, Option<Files>) {
        if wanted.of(from, most).is_empty() {
            return (most, None);
        }
        let leave = self.trial.leave(self.tried).await;
        let most = match leave {
            Leave::Refused => return (most, None),
            Leave::Trial(left) if self.cuts => most.min(left).min(self.at_once),
            Leave::Trial(_) | Leave::Granted => most,
        };
        let height = if self.cuts { wanted.cut(from, most) } else { most };
        if leave != Leave::Granted {
            self.tried += height;
        }
        let held = self.hold(wanted.of(from, height)).await;
        (height, Some(Files::new(held, height, &self.trial)))
    }

    async fn hold(&mut self, wanted: &[(usize, ObjectKey)]) -> Vec<Arc<Held>> {
        self.held.retain(|_, held| held.strong_count() > 0);
        let mut all: HashMap<&str, Arc<Held>> = HashMap::new();
        let mut missing: HashMap<&str, &ObjectKey> = HashMap::new();
        for (_, key) in wanted {
            match self.held.get(key.name()).and_then(Weak::upgrade) {
                Some(held) => drop(all.insert(key.name(), held)),
                None => drop(missing.insert(key.name(), key)),
            }
        }
        let bytes: u64 = missing.values().map(|key| key.bytes()).sum();
        let permits = u32::try_from(bytes.div_ceil(UNIT).min(BUDGET)).unwrap_or(u32::MAX);
        // All at once: who has a part and waits for the rest may wait for itself.
        let Ok(permit) = Arc::clone(&self.budget).acquire_many_owned(permits).await else {
            return Vec::new();
        };
        let permit = Arc::new(permit);
        for (_, key) in wanted {
            if missing.remove(key.name()).is_some() {
                let held = Held::begin(&self.objects, key, self.keep, &self.downloads, &permit);
                let held = Arc::new(held);
                self.held.insert(key.name().to_owned(), Arc::downgrade(&held));
                all.insert(key.name(), held);
            }
        }
        all.into_values().collect()
    }
}
