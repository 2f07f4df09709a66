//! User functions in Rust, for tests that need one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};
use engine::{Expr, Stage, UdfOptions};
use udf_runtime::{Answer, BatchFunction, FunctionFailure, RunningFunction, Stop};

/// Adds one to integers and counts the rows that it saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddOne {
    rows: Arc<AtomicUsize>,
    begun: VecDeque<RecordBatch>,
}

impl AddOne {
    /// The stage `result = add_one(argument)`.
    pub(crate) fn stage(&self, argument: &str, result: &str, batch_rows: usize) -> Stage {
        Stage {
            function: Arc::new(self.clone()),
            arguments: vec![Expr::Column(argument.to_owned())],
            results: vec![Arc::new(Field::new(result, DataType::Int64, true))],
            options: UdfOptions { batch_rows: Some(batch_rows), ..UdfOptions::default() },
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.load(Ordering::SeqCst)
    }
}

impl BatchFunction for AddOne {
    fn name(&self) -> &str {
        "add_one"
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        Ok(Box::new(self.clone()))
    }
}

impl RunningFunction for AddOne {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.push_back(arguments);
    }

    fn complete(&mut self, _stop: &Stop) -> Result<Answer, FunctionFailure> {
        let arguments = self.begun.pop_front().unwrap();
        self.rows.fetch_add(arguments.num_rows(), Ordering::SeqCst);
        let values = arguments.column(0).as_primitive::<Int64Type>();
        let sums: Int64Array = values.unary(|value| value + 1);
        let sums: ArrayRef = Arc::new(sums);
        let rows = RecordBatch::try_from_iter_with_nullable([("sums", sums, true)]).unwrap();
        Ok(Answer::one_per_row(rows))
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        Ok(())
    }
}
