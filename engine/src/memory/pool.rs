//! [`Pool`]: what operators hold is taken from it.
//!
//! Those that cannot write rows down may have half of it. Of what they leave, those that can share three eighths, in equal
//! parts, so that none finds everything taken when it begins. Sorts need more than their part to merge what is in it, and
//! take all that they can get to merge what they wrote down: for that there is a half apart. Channels between partitions,
//! many and nearly empty, have an eighth.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use super::shown;

/// Bytes for all operators of a session.
#[derive(Debug)]
pub(super) struct Pool {
    bytes: usize,
    /// The session's ceiling, of which the pool is a part.
    limit_bytes: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// By those that cannot write rows down.
    fixed: usize,
    spillable: usize,
    merges: usize,
    channels: usize,
    /// How many of them there are.
    spillers: usize,
    merge_count: usize,
    channel_count: usize,
}

/// What a sort needs for its batches at the least.
const LEAST_PART: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fixed,
    Spills,
    Merges,
    Channel,
}

impl Kind {
    fn of(consumer: &MemoryConsumer) -> Self {
        match consumer.can_spill() {
            true if consumer.name().starts_with("RepartitionExec") => Self::Channel,
            true => Self::Spills,
            false if consumer.name().starts_with("ExternalSorterMerge") => Self::Merges,
            false => Self::Fixed,
        }
    }
}

/// The names of consumers, and what users call what they do.
const STEPS: [(&str, &str); 10] = [
    ("ExternalSorter", "a sort"),
    ("SortPreservingMerge", "a sort"),
    ("TopK", "a sort"),
    ("GroupedHashAggregate", "a grouping"),
    ("AggregateStream", "an aggregation"),
    ("HashJoin", "a merge"),
    ("SMJStream", "a merge of many equal keys"),
    ("NestedLoopJoin", "a join without equal keys"),
    ("CrossJoin", "a join without keys"),
    ("RepartitionExec", "dealing out rows"),
];

impl Pool {
    pub(super) fn new(bytes: usize, limit_bytes: u64) -> Self {
        Self { bytes, limit_bytes, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Fixed => &mut self.fixed,
            Kind::Spills => &mut self.spillable,
            Kind::Merges => &mut self.merges,
            Kind::Channel => &mut self.channels,
        }
    }

    /// How much more a consumer may take that has `has`.
    fn left(&self, kind: Kind, has: usize, bytes: usize) -> usize {
        let eighth = bytes.saturating_sub(self.fixed) / 8;
        let (part, count) = match kind {
            Kind::Fixed => {
                let free = bytes.saturating_sub(self.all());
                return free.min((bytes / 2).saturating_sub(self.fixed));
            }
            Kind::Spills => (eighth * 3, self.spillers),
            Kind::Merges => (eighth * 4, self.merge_count),
            Kind::Channel => return (eighth / self.channel_count.max(1)).saturating_sub(has),
        };
        // WHY: a sort that cannot hold some batches fails; where there are many, the pool is a little larger than it says.
        (part / count.max(1)).max(bytes / 16).max(LEAST_PART).saturating_sub(has)
    }

    fn all(&self) -> usize {
        self.fixed + self.spillable + self.merges + self.channels
    }

    fn count(&mut self, consumer: &MemoryConsumer) -> Option<&mut usize> {
        match Kind::of(consumer) {
            Kind::Fixed => None,
            Kind::Spills => Some(&mut self.spillers),
            Kind::Merges => Some(&mut self.merge_count),
            Kind::Channel => Some(&mut self.channel_count),
        }
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &'static str {
        "lakebed"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if let Some(count) = self.taken().count(consumer) {
            *count += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if let Some(count) = self.taken().count(consumer) {
            *count = count.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.taken().of(Kind::of(reservation.consumer())) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut taken = self.taken();
        let taken = taken.of(Kind::of(reservation.consumer()));
        *taken = taken.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = reservation.consumer();
        let kind = Kind::of(consumer);
        let mut taken = self.taken();
        let left = taken.left(kind, reservation.size(), self.bytes);
        if additional > left {
            let name = consumer.name();
            let step = STEPS.iter().find(|(start, _)| name.starts_with(start));
            return Err(resources_datafusion_err!(
                "{} needs {} more of memory than the {} that LAKEBED_MEMORY allows; \
                 hint: set LAKEBED_MEMORY to more, or read fewer columns",
                step.map_or(name, |(_, step)| step),
                shown((additional - left) as u64),
                shown(self.limit_bytes)
            ));
        }
        *taken.of(kind) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.taken().all()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.bytes as u64))
    }
}
