//! [`SeveralTables`]: the rows of one source, then those of the next.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use blake3::Hasher;
use catalog::DatasetVersion;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use lance::Dataset;

use super::{Dependency, Leaf, Source};
use crate::identity::{Reason, SourceIdentity};

/// Sources of the same columns.
#[derive(Clone, Debug)]
pub(crate) struct SeveralTables {
    tables: Vec<Arc<dyn Source>>,
    schema: SchemaRef,
    /// Those of all of them, where parts of their columns can be read.
    leaves: Vec<Leaf>,
}

impl SeveralTables {
    /// All of them as one; itself where there is only one.
    pub(crate) fn of(schema: &SchemaRef, mut tables: Vec<Arc<dyn Source>>) -> Arc<dyn Source> {
        match tables.pop() {
            Some(only) if tables.is_empty() => only,
            last => {
                tables.extend(last);
                let leaves = shared_leaves(&tables);
                Arc::new(Self { tables, schema: Arc::clone(schema), leaves })
            }
        }
    }
}

fn shared_leaves(tables: &[Arc<dyn Source>]) -> Vec<Leaf> {
    let Some((first, rest)) = tables.split_first() else { return Vec::new() };
    let are_shared = rest.iter().all(|other| other.leaves() == first.leaves());
    if are_shared { first.leaves().to_vec() } else { Vec::new() }
}

impl Source for SeveralTables {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        let mut all = Hasher::new();
        for table in &self.tables {
            all.update(table.identity()?.digest().as_bytes());
        }
        Ok(SourceIdentity::Values { digest: all.finalize().to_hex().to_string() })
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let mut all = Vec::new();
        for dependency in self.tables.iter().flat_map(|table| table.dependencies()) {
            if !all.contains(&dependency) {
                all.push(dependency);
            }
        }
        all
    }

    fn over(&self, versions: &[(DatasetVersion, Arc<Dataset>)]) -> Option<Arc<dyn Source>> {
        let tables = self.tables.iter().map(|table| table.over(versions));
        Some(Self::of(&self.schema, tables.collect::<Option<_>>()?))
    }

    fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    fn with_leaves(&self, leaves: Vec<Leaf>) -> Option<Arc<dyn Source>> {
        let seen = self.tables.iter().map(|table| table.with_leaves(leaves.clone()));
        let tables = seen.collect::<Option<Vec<_>>>()?;
        let schema = tables.first()?.schema();
        Some(Arc::new(Self { tables, schema, leaves }))
    }
}

#[async_trait]
impl TableProvider for SeveralTables {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let mut scans = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            scans.push(table.scan(state, projection, &[], limit).await?);
        }
        UnionExec::try_new(scans)
    }
}
