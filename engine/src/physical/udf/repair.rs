//! Repaired code takes over what earlier code had computed before it raised, where both agree.
//!
//! The repaired code computes the rows that the earlier one had computed last, which it would do anyway, because these were
//! not durable yet. It does so in a run of its own: a row that it refuses ends the comparison, and not this run and every
//! later one.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use futures::{StreamExt, stream};
use udf_runtime::FunctionFailure;

use super::unit::OpenUnit;
use super::{Keeping, Run, origins};
use crate::checkpoint::{Failed, Origin, UnitAt};

/// Rows of a comparison that are handed to the function at once, unless somebody said how many.
const ROWS: usize = 64;

/// How a comparison came out.
pub(super) enum Outcome {
    Agrees,
    Differs,
    /// A row fails that had been computed. Rows are counted from the first of the comparison.
    Refuses(Box<FunctionFailure>),
}

impl Run {
    /// The units of earlier code that count as results of this one, and those that this one made to find that out.
    pub(super) async fn taken_over(
        &self,
        keeping: &Keeping,
        failed: Vec<Failed>,
    ) -> Result<Vec<(UnitAt, Origin)>> {
        let (mut units, mut agreed) = (Vec::new(), HashSet::new());
        for one in failed.into_iter().filter(|one| !one.units.is_empty()) {
            let agrees = match one.verdict {
                _ if agreed.contains(&one.code) => true,
                Some(verdict) => verdict,
                None => {
                    let (agrees, made) = self.compare(keeping, &one).await?;
                    units.extend(made.map(|unit| (unit, Origin::Now)));
                    agrees
                }
            };
            if agrees {
                agreed.extend(one.agrees_with);
                units.extend(one.units.into_iter().map(|unit| (unit, Origin::Older)));
            }
        }
        // Of a row that both computed, our results count.
        units.sort_by_key(|(_, origin)| *origin == Origin::Older);
        Ok(units)
    }

    /// Whether the code agrees with earlier code, and what was computed for that.
    async fn compare(&self, keeping: &Keeping, failed: &Failed) -> Result<(bool, Option<UnitAt>)> {
        let Some(sample) = &failed.sample else {
            return Ok((false, None));
        };
        let Some(rows) = keeping.ledger.sample(sample).await? else {
            return Ok((false, None));
        };
        let Some(first) = rows.first() else {
            return Ok((false, None));
        };
        let rows = concat_batches(first.schema_ref(), &rows)?;
        let results = rows.num_columns() - 1;
        let arguments = rows.project(&(0..results).collect::<Vec<_>>())?;
        let (outcome, unit) = self.tried(keeping, &arguments, rows.column(results)).await?;
        let reason = match outcome {
            Outcome::Agrees => None,
            Outcome::Differs => Some("it gives other results for rows that both computed"),
            Outcome::Refuses(_) => Some("rows fail now that it had computed"),
        };
        if let Some(reason) = reason {
            let name = &self.stage.name;
            let what = "nothing of earlier code is taken over";
            self.progress.tell(format!("UDF '{name}': {what}, because {reason}"));
        }
        let made = match unit.height() {
            0 => None,
            _ => Some(Box::pin(unit.close(&keeping.ledger, &keeping.scope)).await?.0),
        };
        keeping.ledger.judge(failed, reason.is_none()).await?;
        Ok((reason.is_none(), made))
    }

    /// Computes rows whose results are known.
    pub(super) async fn tried(
        &self,
        keeping: &Keeping,
        arguments: &RecordBatch,
        known: &ArrayRef,
    ) -> Result<(Outcome, OpenUnit)> {
        let height = self.stage.options.batch_rows.unwrap_or(ROWS).max(1);
        let starts = (0..arguments.num_rows()).step_by(height);
        let piece = |from| arguments.slice(from, height.min(arguments.num_rows() - from));
        let pieces: Vec<RecordBatch> = starts.map(piece).collect();
        let given = stream::iter(pieces.clone()).map(Ok);
        let function = Arc::clone(&self.stage.function);
        let mut answers = self.stage.executor.run(function, given.boxed());
        let mut unit = OpenUnit::new(&self.stage.results);
        for piece in pieces {
            let mut more = true;
            while more {
                let answer = match answers.next().await {
                    Some(Ok(answer)) => answer,
                    Some(Err(udf_runtime::Error::Function { failure, .. })) => {
                        return Ok((Outcome::Refuses(failure), unit.without_rest()?));
                    }
                    Some(Err(error)) => return Err(DataFusionError::External(Box::new(error))),
                    None => return internal_err!("a function owes an answer"),
                };
                more = answer.more;
                let origins = origins(&answer, self.stage.shape, piece.num_rows());
                unit.add(piece.num_rows(), &answer.rows, origins.as_ref(), &answer.failures)?;
            }
            unit.done(keeping.keys.of(&piece)?, piece);
        }
        // The function tears down.
        match answers.next().await {
            // Whether that fails is told by the run itself.
            None | Some(Ok(_) | Err(udf_runtime::Error::Function { .. })) => {}
            Some(Err(error)) => return Err(DataFusionError::External(Box::new(error))),
        }
        let outcome = match unit.first_failure() {
            Some(failure) => Outcome::Refuses(Box::new(failure.clone())),
            None if unit.lists()?.to_data() == known.to_data() => Outcome::Agrees,
            None => Outcome::Differs,
        };
        Ok((outcome, unit))
    }
}
