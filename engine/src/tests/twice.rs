//! A function that counts how many rows it computed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};
use udf_runtime::{Answer, BatchFunction, FunctionFailure, Identity, RunningFunction, Stop};

use crate::{Expr, Stage, UdfOptions};

/// `2 * id`; counts its rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Twice {
    pub(super) computed: Arc<AtomicUsize>,
    begun: VecDeque<RecordBatch>,
}

impl Twice {
    pub(super) fn stage(&self) -> Stage {
        Stage {
            function: Arc::new(self.clone()),
            arguments: vec![Expr::Column("id".to_owned())],
            results: vec![Arc::new(Field::new("twice", DataType::Int64, true))],
            options: UdfOptions { unit_rows: 10, ..UdfOptions::default() },
        }
    }
}

impl BatchFunction for Twice {
    fn name(&self) -> &str {
        "twice"
    }

    fn identity(&self) -> Result<Identity, String> {
        let [stage, code] = ["twice", "2 * id"].map(str::to_owned);
        Ok(Identity { stage, code, ..Identity::default() })
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        Ok(Box::new(self.clone()))
    }
}

impl RunningFunction for Twice {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.push_back(arguments);
    }

    fn complete(&mut self, _stop: &Stop) -> Result<Answer, FunctionFailure> {
        let Some(arguments) = self.begun.pop_front() else { panic!("nothing was begun") };
        self.computed.fetch_add(arguments.num_rows(), Ordering::SeqCst);
        let ids = arguments.column(0).as_primitive::<Int64Type>();
        let twice: ArrayRef = Arc::new(ids.unary::<_, Int64Type>(|id| 2 * id));
        Ok(Answer::one_per_row(named(twice)))
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        Ok(())
    }
}

fn named(twice: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("twice", twice, true)]).unwrap()
}
