//! Rows on their way to a client of Flight SQL, and what can stop them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_flight::Ticket;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::ProstMessageExt;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;
use tonic::{Code, Response, Status};

use super::{Answer, Rows};
use crate::limits::Stop;
use crate::query::Batches;
use crate::{Error, Result};

/// The statements that run, by handle.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<String, Stop>>);

/// A statement that runs as long as this is there.
pub(super) struct Entry {
    running: Arc<Running>,
    handle: String,
}

impl Running {
    pub(super) fn enter(self: &Arc<Self>, handle: String, stop: Stop) -> Entry {
        self.stops().insert(handle.clone(), stop);
        Entry { running: Arc::clone(self), handle }
    }

    /// Stops the statement whose handle is in a message, if it runs.
    pub(super) fn cancel(&self, message: &[u8]) -> bool {
        // WHY: a handle is there as it is, and cannot be guessed; the message has a dozen other fields.
        let is_in =
            |handle: &str| message.windows(handle.len()).any(|window| window == handle.as_bytes());
        let stops = self.stops();
        let found = stops.iter().find(|(handle, _)| is_in(handle));
        found.inspect(|(_, stop)| stop.ask()).is_some()
    }

    fn stops(&self) -> MutexGuard<'_, HashMap<String, Stop>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.running.stops().remove(&self.handle);
    }
}

/// The rows as messages. They are made by a task of their own, so that time passes also while the client reads nothing;
/// `held` is kept until it ends.
pub(super) fn sent<H: Send + 'static>(
    schema: SchemaRef,
    batches: Batches,
    ends: impl Future<Output = Error> + Send + 'static,
    held: H,
) -> Rows {
    let (sender, receiver) = channel(2);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let stopped = tokio::select! {
            biased;
            error = ends => Some(error),
            () = pump(batches, &sender) => None,
        };
        drop(held);
        if let Some(error) = stopped {
            // A client that is gone need not know.
            drop(sender.send(Err(error)).await);
        }
    });
    let batches = stream::unfold((receiver, task), |(mut receiver, task)| async move {
        receiver.recv().await.map(|batch| (batch, (receiver, task)))
    });
    encoded(schema, batches.boxed())
}

async fn pump(mut batches: Batches, sender: &Sender<Result<RecordBatch>>) {
    while let Some(batch) = batches.next().await {
        let is_last = batch.is_err();
        if sender.send(batch).await.is_err() || is_last {
            return;
        }
    }
}

/// Rows that are there already.
pub(super) fn whole(batch: Result<RecordBatch>) -> Answer<Rows> {
    let batch = batch.map_err(|error| status(&error))?;
    Ok(Response::new(encoded(batch.schema(), stream::iter([Ok(batch)]).boxed())))
}

fn encoded(schema: SchemaRef, batches: Batches) -> Rows {
    let batches = batches.map_err(|error| FlightError::Tonic(Box::new(status(&error))));
    let encoder = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
    encoder.map_err(Status::from).boxed()
}

/// A ticket with a message in it, whose type is written beside it.
pub(super) fn ticket(message: &impl ProstMessageExt) -> Ticket {
    let any = message.as_any();
    let mut bytes = Vec::new();
    for (tag, field) in [(0x0a, any.type_url.as_bytes()), (0x12, any.value.as_ref())] {
        bytes.push(tag);
        let mut length = field.len();
        while length >= 0x80 {
            bytes.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        bytes.push(length.to_le_bytes()[0]);
        bytes.extend_from_slice(field);
    }
    Ticket::new(bytes)
}

/// The error as a client is told.
pub(super) fn status(error: &Error) -> Status {
    let text = error.to_string();
    let code = match error.state() {
        "57014" if text.contains("timeout") => Code::DeadlineExceeded,
        "57014" => Code::Cancelled,
        "57P01" => Code::Unavailable,
        "53200" | "53300" | "54000" => Code::ResourceExhausted,
        "42P01" => Code::NotFound,
        "0A000" | "25006" => Code::Unimplemented,
        state if state.starts_with("42") || state.starts_with("22") => Code::InvalidArgument,
        "54001" => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Status::new(code, text)
}
