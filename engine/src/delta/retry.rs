//! `delta_retry`: what is computed again although nothing of it changed, because it failed.

use std::sync::Arc;

use catalog::{DatasetVersion, VersionSpec};
use datafusion::common::TableReference;
use datafusion::logical_expr::{LogicalPlan, TableScan};

use super::base::{Base, failed};
use super::changes::{Queries, filtered};
use super::leaf::Value;
use super::part::When;
use super::sources::keys_of;
use super::{Updating, part_of_all, values};
use crate::chain::Retry;
use crate::logical::Reuse;
use crate::progress::Progress;
use crate::source::Source;
use crate::{Chain, Result, checkpoint, config};

impl Updating<'_> {
    /// What is computed again although it did not change.
    pub(super) async fn retried(
        &self,
        scans: &[(TableScan, Arc<dyn Source>)],
        base: &Base,
        known_by: &[&TableReference],
    ) -> Result<Vec<u128>> {
        let mut retried: Vec<u128> = Vec::new();
        for (name, options) in self.chain.deltas() {
            let scan = scans.iter().find(|(scan, _)| scan.table_name == *name);
            let Some((scan, _)) = scan else { continue };
            let source = self.chain.of_same_run(LogicalPlan::TableScan(scan.clone()))?;
            let keys: Vec<_> = keys_of(&source, options)?.iter().map(Value::expr).collect();
            match &options.retry {
                Retry::Nothing => {}
                Retry::Missing => {
                    let known = self.queries().units(base.rows()?, base.keys.clone()).await?;
                    let now = self.queries().units(source.plan().clone(), keys).await?;
                    retried.extend(now.iter().filter(|unit| !known.contains(*unit)));
                }
                Retry::Failed(path) => {
                    let failed =
                        self.queries().units(base.failed(path)?, base.keys.clone()).await?;
                    if !known_by.contains(&name) || failed.is_empty() {
                        retried.extend(failed.iter());
                        continue;
                    }
                    // A result whose source is gone stays as it is.
                    let failed = Arc::new(failed);
                    let there = filtered(source.plan(), keys.clone(), &failed)?;
                    retried.extend(self.queries().units(there, keys).await?.iter());
                }
            }
        }
        Ok(retried)
    }
}

pub(super) fn retry_of(base: &DatasetVersion) -> Reuse {
    Reuse::Retry(base.uuid.as_str().into())
}

/// What counts of what is kept, where an update computes all rows: those that failed are to be computed again. Which rows
/// have an error in a field is not known of kept results: these rows are computed before all others, in a run of their own.
pub(crate) async fn reuse(
    chain: &Chain,
    base: &DatasetVersion,
    progress: &Arc<Progress>,
) -> Result<Reuse> {
    let mut reuse = Reuse::Kept;
    for (_, options) in chain.deltas() {
        match &options.retry {
            Retry::Nothing => {}
            Retry::Missing => reuse = Reuse::Unfailed,
            Retry::Failed(path) => {
                let base_chain = chain
                    .session()
                    .read_dataset(&base.dataset, &VersionSpec::Exact(base.version))
                    .await?;
                // Other columns were saved before.
                let Ok(rows) = failed(&base_chain, path) else { continue };
                if base_chain.with_plan(rows)?.count(progress).await? > 0
                    && !is_mended(chain, base, path, progress).await?
                {
                    return Ok(retry_of(base));
                }
            }
        }
    }
    Ok(reuse)
}

/// Computes the rows again that failed in a version, so that what is kept of them is new. Whether results are kept, and it
/// is known which rows these are.
async fn is_mended(
    chain: &Chain,
    base: &DatasetVersion,
    path: &str,
    progress: &Arc<Progress>,
) -> Result<bool> {
    let plan = chain.visible_plan()?;
    if config::ignores_checkpoints() || !checkpoint::has_stages(&plan)? {
        return Ok(false);
    }
    let part = part_of_all(chain, &plan, progress).await?;
    let values = values(chain, &part, &plan)?;
    // Other columns were saved before.
    let Ok(rows) = Base::open(chain.session(), base, &values).await else {
        return Ok(false);
    };
    let queries = Queries { chain, progress };
    let failed = Arc::new(queries.units(rows.failed(path)?, rows.keys.clone()).await?);
    let again = chain.of_same_run(part.restricted(&failed, When::Now)?)?.reusing(retry_of(base));
    // The run of all rows tells of these too.
    again.run(&Arc::default()).await?;
    Ok(true)
}
