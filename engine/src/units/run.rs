//! [`Session::run_unit`]: a unit is computed, wherever that is.

use std::sync::Arc;

use datafusion::logical_expr::{Extension, LogicalPlan};
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};

use super::StageSpec;
use super::spec::parsed;
use crate::checkpoint::Ledger;
use crate::logical::{Keep, Reuse, StageKey, Udf};
use crate::physical::in_order;
use crate::progress::Progress;
use crate::{Error, Expr, Result, Session, Stage};

/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its rows, all of which have durable results now.
    pub rows: u64,
    /// Those whose results were there already: somebody began to compute the unit before.
    pub kept: u64,
    /// Those that failed, as they were allowed to.
    pub failed: u64,
}

impl Session {
    /// The copy of the function that the units of a stage call.
    ///
    /// # Errors
    /// A copy that is damaged or gone.
    pub fn function_of<'a>(&'a self, spec: &'a StageSpec) -> BoxFuture<'a, Result<Vec<u8>>> {
        let read = async {
            let copy = self.ledger_of(spec).given_function(&parsed(&spec.function)?).await?;
            copy.ok_or_else(|| gone(spec, "the copy of its function"))
        };
        read.boxed()
    }

    /// Computes the rows of a unit and makes their results durable. `stage` is what the copy of the function was made into,
    /// and how it is run.
    ///
    /// # Errors
    /// What the function raises, rows that are damaged or gone, and [`Error::Storage`].
    pub fn run_unit<'a>(
        self: &'a Arc<Self>,
        spec: &'a StageSpec,
        number: usize,
        stage: Stage,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Receipt>> {
        self.run_rows(spec, number, stage, progress).boxed()
    }

    async fn run_rows(
        self: &Arc<Self>,
        spec: &StageSpec,
        number: usize,
        stage: Stage,
        progress: &Arc<Progress>,
    ) -> Result<Receipt> {
        let unit = spec.unit(number)?;
        let rows = self.ledger_of(spec).given_rows(&parsed(&unit.file)?).await?;
        let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
            return Err(gone(spec, "the rows of the unit"));
        };
        let chain = self.read_batches(rows[0].schema_ref(), &rows)?;
        let names = (0..spec.arguments).map(|at| Expr::Column(at.to_string()));
        let arguments = chain.resolved(&names.collect::<Vec<_>>())?;
        let chain = chain.call(chain.plan().clone(), stage, arguments, Keep::Columns(vec![]))?;
        let Some(function) = Udf::of(chain.plan()) else {
            return Err(Error::internal("a stage is no function"));
        };
        // Results of equal rows in other units are not those of these rows.
        let reuse = Reuse::Unit(unit.file.as_str().into());
        let function = function.with_key(StageKey { reuse, ..spec.key.clone() });
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(function) });
        let ready = chain.operators_of(&plan, progress).await?;
        let mut results = in_order(&ready.plan, &ready.context, None)?;
        while results.try_next().await?.is_some() {}
        let Some(done) = progress.stages().pop() else {
            return Err(Error::internal("a unit was not run"));
        };
        let (kept, failed) = (done.kept(), done.failed_rows());
        Ok(Receipt { rows: unit.rows, kept, failed })
    }

    /// Removes what the units of a stage were given, once nobody computes any more.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn forget_stage<'a>(&'a self, spec: &'a StageSpec) -> BoxFuture<'a, Result<()>> {
        let forget = async {
            let rows = spec.units.iter().map(|unit| parsed(&unit.file));
            let rows = rows.collect::<Result<Vec<_>>>()?;
            // There is none where nobody has to call it.
            let function = Some(&spec.function).filter(|name| !name.is_empty());
            let function = function.map(|name| parsed(name)).transpose()?;
            self.ledger_of(spec).forget_given(&rows, function.as_ref()).await
        };
        forget.boxed()
    }

    fn ledger_of(&self, spec: &StageSpec) -> Ledger {
        Ledger::new(Arc::clone(self.storage()), &spec.key)
    }
}

fn gone(spec: &StageSpec, what: &str) -> Error {
    Error::Corrupt {
        what: format!("a unit of `{}`", spec.name),
        reason: format!(
            "{what} cannot be found in this root: it goes when the next stage is asked for, or this is not the root of the chain"
        ),
        source: None,
    }
}
