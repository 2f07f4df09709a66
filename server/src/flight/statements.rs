//! [`Asked`] and [`Prepared`]: what a handle of a client stands for, and [`values`], what it binds.

use std::sync::Arc;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::server::PeekableFlightDataStream;
use datafusion::arrow::array::{Int64Array, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use tonic::{Request, Status};

use super::rows::status;
use crate::query::{Planned, Sent};
use crate::service::Service;
use crate::text::statements;
use crate::write::Write;
use crate::{Error, Result};

/// Clients have no name here: all have the same token.
const USER: &str = "lakebed";

/// A statement of a text.
#[derive(Clone)]
pub(super) enum Asked {
    Reads(Box<Planned>),
    Writes(Write),
    /// It has written: how many rows are new, changed or gone.
    Done(u64),
}

impl Asked {
    pub(super) async fn of(service: &Arc<Service>, text: &str) -> Result<Self, Status> {
        let asked = match statements(text).map_err(|error| status(&error))?.as_slice() {
            // A client says what its values are when it binds them.
            [text] => Self::of_one(service, Sent { text, user: USER, types: &[] }).await,
            [] => {
                let what = "the text is empty: one statement is expected";
                return Err(Status::invalid_argument(what));
            }
            _ => {
                return Err(Status::invalid_argument("the text has several statements: send one"));
            }
        };
        asked.map_err(|error| status(&error))
    }

    async fn of_one(service: &Arc<Service>, sent: Sent<'_>) -> Result<Self> {
        Ok(match Write::of(service, sent).await? {
            Some(write) => Self::Writes(write),
            None => Self::Reads(Box::new(Planned::of(service, sent).await?)),
        })
    }

    /// The columns; of what writes there are none before it has.
    pub(super) fn schema(&self) -> SchemaRef {
        match self {
            Self::Reads(planned) => planned.schema(),
            Self::Writes(_) => Arc::new(Schema::empty()),
            Self::Done(_) => counted(0).schema(),
        }
    }

    /// The types of `$1`, `$2`, …, where they are known.
    pub(super) fn parameters(&self) -> Result<Vec<Option<DataType>>, Status> {
        match self {
            Self::Reads(planned) => planned.parameters().map_err(|error| status(&error)),
            Self::Writes(write) => Ok(write.parameters().to_vec()),
            Self::Done(_) => Ok(Vec::new()),
        }
    }
}

/// A statement that a client comes back to, with the values that it has bound last.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) asked: Asked,
    /// What is read with them.
    pub(super) bound: Option<Planned>,
    /// What is written with them.
    pub(super) values: Vec<ScalarValue>,
    /// What was written.
    pub(super) done: Option<u64>,
}

impl Prepared {
    pub(super) fn new(asked: Asked) -> Self {
        Self { asked, bound: None, values: Vec::new(), done: None }
    }

    /// The same with other values.
    pub(super) fn with(mut self, values: Vec<ScalarValue>) -> Result<Self, Status> {
        match &self.asked {
            Asked::Reads(planned) => {
                let bound = planned.with(values.into()).map_err(|error| status(&error))?;
                self.bound = Some(bound);
            }
            Asked::Writes(_) | Asked::Done(_) => self.values = values,
        }
        Ok(self)
    }
}

/// How many rows a statement has written, as a row.
pub(super) fn counted(rows: u64) -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![Field::new("rows", DataType::Int64, false)]));
    let rows = Int64Array::from(vec![i64::try_from(rows).unwrap_or(i64::MAX)]);
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let made =
        RecordBatch::try_new_with_options(Arc::clone(&schema), vec![Arc::new(rows)], &options);
    // One column of that type and height.
    made.unwrap_or_else(|_| RecordBatch::new_empty(schema))
}

/// The rows of values that a client binds, as the parameters have them.
pub(super) async fn values(
    types: &[Option<DataType>],
    request: Request<PeekableFlightDataStream>,
) -> Result<Vec<Vec<ScalarValue>>, Status> {
    let data = request.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
    // What only names the statement has no values.
    let data = data.try_skip_while(|message| {
        let is_empty = message.data_header.is_empty();
        async move { Ok(is_empty) }
    });
    let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
    let mut found = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        for row in 0..batch.num_rows() {
            let values =
                batch.columns().iter().map(|column| ScalarValue::try_from_array(column, row));
            let values = values.collect::<Result<Vec<_>, _>>();
            found.push(typed(values.map_err(|error| status(&error.into()))?, types)?);
        }
    }
    Ok(found)
}

fn typed(values: Vec<ScalarValue>, types: &[Option<DataType>]) -> Result<Vec<ScalarValue>, Status> {
    if values.len() != types.len() {
        let (given, asked) = (values.len(), types.len());
        let what = format!("{given} values are bound, and the statement has {asked} parameters");
        return Err(Status::invalid_argument(what));
    }
    let typed = values.into_iter().zip(types).map(|(value, kind)| match kind {
        Some(kind) if !kind.is_null() => value.cast_to(kind),
        _ => Ok(value),
    });
    let typed = typed.collect::<Result<_, _>>();
    typed.map_err(|error| status(&Error::from(error)))
}
