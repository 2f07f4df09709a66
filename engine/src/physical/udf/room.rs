//! [`Room`]: rows that wait for their results take so much of the memory, and what is read waits for room.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::size::bytes_of;
use crate::memory::Memory;

/// So many batches of a scan may wait.
const BATCHES: u64 = 4;

/// Room is given away in pieces of this size.
const PIECE_BYTES: usize = 1 << 10;

/// What is left for rows that wait.
pub(super) struct Room {
    free: Arc<Semaphore>,
    all: u32,
    memory: MemoryReservation,
}

/// Rows have room until this is dropped.
pub(super) struct Held {
    _room: Option<OwnedSemaphorePermit>,
    _memory: MemoryReservation,
}

impl Room {
    pub(super) fn new(memory: Memory, pool: &Arc<dyn MemoryPool>) -> Self {
        let pieces = BATCHES * memory.batch_bytes() / PIECE_BYTES as u64;
        let all = u32::try_from(pieces).unwrap_or(u32::MAX);
        let memory = MemoryConsumer::new("RowsOfFunctions").register(pool);
        Self { free: Arc::new(Semaphore::new(all as usize)), all, memory }
    }

    /// Waits until there is room; for what is larger than all of it, until all is free.
    pub(super) async fn take(&self, rows: [&RecordBatch; 2]) -> Held {
        let bytes = rows.into_iter().map(bytes_of).sum::<usize>();
        let pieces = u32::try_from(bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
        // Nobody closes the semaphore.
        let room = Arc::clone(&self.free).acquire_many_owned(pieces.min(self.all)).await.ok();
        // These rows are there already: others write down what they hold, where that is too much.
        let memory = self.memory.new_empty();
        memory.grow(bytes);
        Held { _room: room, _memory: memory }
    }
}
