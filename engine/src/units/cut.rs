//! [`Chain::stage_spec`]: the rows whose results nobody has are written down in units.

use std::mem;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Extension, LogicalPlan};
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use udf_runtime::task;

use super::StageSpec;
use super::spec::{FORMAT, Unit};
use crate::checkpoint::Ledger;
use crate::logical::{Udf, inputs_first};
use crate::physical::{bytes_of, missing_rows};
use crate::progress::Progress;
use crate::{Chain, Error, Result, config};

/// A unit whose arguments have more bytes ends early: who computes it holds them in memory.
const MOST_BYTES: usize = 64 << 20;

impl Chain {
    /// The chain's function with this number, inputs first, as data, with the rows that it has to be called for: those
    /// whose results are not kept. `None` behind the last function whose results can be. Its input is computed, with the
    /// functions below.
    ///
    /// # Errors
    /// A chain that is updated, a function that cannot be copied, and what the input fails with.
    pub fn stage_spec<'a>(
        &'a self,
        number: usize,
        unit_rows: Option<usize>,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Option<StageSpec>>> {
        self.cut(number, unit_rows, progress).boxed()
    }

    async fn cut(
        &self,
        number: usize,
        unit_rows: Option<usize>,
        progress: &Arc<Progress>,
    ) -> Result<Option<StageSpec>> {
        let refused = |what: &str, instead: &str| Error::NotSupported {
            what: what.to_owned(),
            instead: instead.to_owned(),
        };
        if !self.deltas().is_empty() {
            let instead = "`save` computes the changes alone, in this process and its workers";
            return Err(refused("a chain with `delta=True` in units", instead));
        }
        if config::ignores_checkpoints() {
            let what = format!("a chain in units under `{}`", config::IGNORE_CHECKPOINTS_VARIABLE);
            return Err(refused(&what, "without it, the results of units are found again"));
        }
        let Some(function) = self.function(number, progress).await? else {
            return Ok(None);
        };
        let Some(key) = function.key.clone() else {
            return Err(Error::internal("a function has no place for its results"));
        };
        let session = self.session();
        let ledger = Ledger::new(Arc::clone(session.storage()), &key);
        let call = &function.call;
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(function.clone()) });
        let ready = self.operators_of(&plan, progress).await?;
        let unit_rows = unit_rows.unwrap_or(call.options.unit_rows).max(1);
        let units =
            cut_into(&ledger, unit_rows, missing_rows(&ready.plan, &ready.context)?).await?;
        // A function that nobody has to call need not be one that can be copied.
        let copy = match units.is_empty() {
            true => String::new(),
            false => self.give_function(&function, &ledger).await?,
        };
        Ok(Some(StageSpec {
            format: FORMAT,
            name: call.name.clone(),
            key,
            shape: call.shape,
            arguments: call.arguments.len(),
            options: call.options.clone(),
            function: copy,
            units,
        }))
    }

    /// Writes down a copy of the function: its name there.
    async fn give_function(&self, function: &Udf, ledger: &Ledger) -> Result<String> {
        let call = &function.call;
        let Some(callable) = self.session().functions().get(call.function) else {
            return Err(Error::internal("a function is gone"));
        };
        // Calls user code.
        let copy = task::spawn_blocking(move || callable.ship_anywhere());
        let copy = copy.await.map_err(|error| Error::internal(error.to_string()))?;
        let copy = copy.map_err(|failure| udf_runtime::Error::Function {
            name: call.name.clone(),
            failure: Box::new(failure),
        })?;
        Ok(ledger.give_function(copy).await?.to_string())
    }

    /// The function with this number of those whose results are kept, as a run would have it.
    async fn function(&self, number: usize, progress: &Arc<Progress>) -> Result<Option<Udf>> {
        let keyed = self.keyed(self.visible_plan()?, progress).await?;
        // Rows that filters and limits leave out are not computed, nor is what nobody reads.
        let plan = self.session().state_for(progress).optimize(&keyed)?;
        let functions = inputs_first(&plan).into_iter().filter_map(Udf::of);
        Ok(functions.filter(|function| function.key.is_some()).nth(number).cloned())
    }
}

/// Writes down rows in units of so many.
async fn cut_into(
    ledger: &Ledger,
    unit_rows: usize,
    mut rows: impl futures::Stream<Item = Result<RecordBatch, DataFusionError>> + Unpin,
) -> Result<Vec<Unit>> {
    let (mut units, mut open) = (Vec::new(), Open::default());
    while let Some(mut batch) = rows.try_next().await? {
        while batch.num_rows() > 0 {
            let taken = batch.num_rows().min(unit_rows - open.rows);
            open.add(batch.slice(0, taken));
            batch = batch.slice(taken, batch.num_rows() - taken);
            if open.rows == unit_rows || open.bytes > MOST_BYTES {
                units.push(mem::take(&mut open).written(ledger).await?);
            }
        }
    }
    if open.rows > 0 {
        units.push(open.written(ledger).await?);
    }
    Ok(units)
}

/// The unit that gets the next rows.
#[derive(Default)]
struct Open {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Open {
    fn add(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += bytes_of(&batch);
        self.batches.push(batch);
    }

    async fn written(self, ledger: &Ledger) -> Result<Unit> {
        let rows = self.rows as u64;
        Ok(Unit { file: ledger.give_rows(self.batches).await?.to_string(), rows })
    }
}
