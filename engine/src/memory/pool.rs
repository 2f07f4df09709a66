//! [`Pool`]: what operators hold is taken from it.
//!
//! DataFusion's sorts and groupings (54) write down what they hold when they are refused more, but fail when they are
//! refused while they merge it. So what each of a plan's may have is known before the plan runs, and stays as it is
//! whoever comes and goes: a sharer has three eighths of its part for batches and four for merging them, and never both,
//! for they are handed from one to the other. Operators that cannot write rows down have three eighths of the pool
//! together, and those that may write down at any time an eighth.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use super::{HotVectors, shown};

/// Bytes for all operators of a session.
#[derive(Debug)]
pub(crate) struct Pool {
    bytes: usize,
    /// Of what one sharer may have.
    eighth: usize,
    /// The session's ceiling, of which the pool is a part.
    limit_bytes: u64,
    taken: Arc<Mutex<Taken>>,
    /// What lies in the rest.
    hot: Arc<HotVectors>,
}

/// By the operators of all plans.
#[derive(Debug, Default)]
struct Taken {
    fixed: usize,
    shared: usize,
    buffers: usize,
    buffer_count: usize,
}

/// What a batch of rows that are sorted should hold.
const LEAST_BATCH: usize = 64 << 10;
const MOST_BATCH: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Cannot write rows down.
    Fixed,
    /// Writes down what it has when it is refused more.
    Shares,
    /// Merges what a sharer has, or has written down.
    Merges,
    /// Writes down what it is refused.
    Buffers,
}

impl Kind {
    fn of(consumer: &MemoryConsumer) -> Self {
        let is = |name| consumer.name().starts_with(name);
        match consumer.can_spill() {
            _ if is("SMJStream") => Self::Buffers,
            true if is("RepartitionExec") => Self::Buffers,
            true => Self::Shares,
            false if is("ExternalSorterMerge") => Self::Merges,
            false => Self::Fixed,
        }
    }
}

/// The names of consumers, and what users call what they do.
const STEPS: [(&str, &str); 11] = [
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
    ("KeptResults", "finding kept results of a function"),
];

impl Pool {
    pub(super) fn new(bytes: usize, limit_bytes: u64) -> Self {
        let hot = Arc::<HotVectors>::default();
        hot.leave(bytes);
        Self { bytes, eighth: bytes / 8, limit_bytes, taken: Arc::default(), hot }
    }

    /// The same bytes for one plan more, whose sharers are so many.
    pub(crate) fn for_plan(&self, sharers: usize) -> Self {
        // Plans that run already keep what they were promised.
        let plans = Arc::strong_count(&self.taken);
        let eighth = self.bytes / 8 / plans / sharers.max(1);
        let (taken, hot) = (Arc::clone(&self.taken), Arc::clone(&self.hot));
        Self { eighth, taken, hot, ..*self }
    }

    /// How large the batches of a sharer should be: some of each part that is merged are there at once.
    pub(crate) fn batch_bytes(&self) -> usize {
        (self.eighth / 8).clamp(LEAST_BATCH, MOST_BATCH)
    }

    /// What is kept in memory that no operator needs.
    pub(crate) fn hot(&self) -> &Arc<HotVectors> {
        &self.hot
    }

    fn leave_rest(&self, taken: &Taken) {
        self.hot.leave(self.bytes.saturating_sub(taken.all()));
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a consumer may have that has `has` and asks for `more`, as far as that is up to the others.
    fn most(&self, taken: &Taken, kind: Kind, has: usize, more: usize) -> usize {
        let half = self.bytes / 2;
        match kind {
            Kind::Fixed => (self.bytes / 8 * 3 + has).saturating_sub(taken.fixed),
            Kind::Buffers => self.bytes / 8 / taken.buffer_count.max(1),
            // WHY: who has next to nothing has nothing to write down, and two parts are the least that can be merged.
            Kind::Shares if has <= more / 4 => half.max(self.eighth * 3),
            Kind::Merges if has < more * 2 => half.max(self.eighth * 4),
            Kind::Shares => self.eighth * 3,
            Kind::Merges => self.eighth * 4,
        }
    }
}

impl Taken {
    fn all(&self) -> usize {
        self.fixed + self.shared + self.buffers
    }

    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Fixed => &mut self.fixed,
            Kind::Shares | Kind::Merges => &mut self.shared,
            Kind::Buffers => &mut self.buffers,
        }
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &'static str {
        "lakebed"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if Kind::of(consumer) == Kind::Buffers {
            self.taken().buffer_count += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if Kind::of(consumer) == Kind::Buffers {
            let mut taken = self.taken();
            taken.buffer_count = taken.buffer_count.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut taken = self.taken();
        *taken.of(Kind::of(reservation.consumer())) += additional;
        self.leave_rest(&taken);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut taken = self.taken();
        let of_kind = taken.of(Kind::of(reservation.consumer()));
        *of_kind = of_kind.saturating_sub(shrink);
        self.leave_rest(&taken);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let (consumer, has) = (reservation.consumer(), reservation.size());
        let kind = Kind::of(consumer);
        let mut taken = self.taken();
        let left = self.most(&taken, kind, has, additional).saturating_sub(has);
        if additional > left {
            let name = consumer.name();
            let step = STEPS.iter().find(|(start, _)| name.starts_with(start));
            return Err(resources_datafusion_err!(
                "{} needs {} more of memory than the {} that the session may use; \
                 hint: allow more by LAKEBED_MEMORY or Session(memory=…), or read fewer columns",
                step.map_or(name, |(_, step)| step),
                shown((additional - left) as u64),
                shown(self.limit_bytes)
            ));
        }
        *taken.of(kind) += additional;
        self.leave_rest(&taken);
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
