//! [`DatasetTable`]: one version of a dataset as a table.
//!
//! The table's columns are the version's columns, or leaves of them, plus the computed column `sys`.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use catalog::{QualifiedName, Version};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lance::Dataset;

use super::dataset_scan::{DatasetScanExec, partitions};
use crate::sys;

/// A column of the table: a path into the version's schema, or `sys`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaf {
    /// The steps of the path; one step is a whole column.
    pub(crate) path: Vec<String>,
    /// The column's name and type in the table.
    pub(crate) field: FieldRef,
}

impl Leaf {
    pub(crate) fn is_sys(&self) -> bool {
        self.path.len() == 1 && self.path[0] == sys::SYS
    }
}

/// One version of a dataset, opened.
#[derive(Clone, Debug)]
pub(crate) struct DatasetTable {
    name: QualifiedName,
    version: Version,
    uuid: String,
    dataset: Arc<Dataset>,
    leaves: Vec<Leaf>,
    schema: SchemaRef,
}

impl DatasetTable {
    /// The whole version; `schema` is the one that the catalog recorded.
    pub(crate) fn new(
        name: QualifiedName,
        version: Version,
        uuid: String,
        dataset: Arc<Dataset>,
        schema: &Schema,
    ) -> Self {
        let columns = schema.fields().iter().cloned().chain([sys::field()]);
        let leaves =
            columns.map(|field| Leaf { path: vec![field.name().clone()], field }).collect();
        Self { name, version, uuid, dataset, leaves, schema: Arc::new(Schema::empty()) }.finish()
    }

    /// The same version seen through other leaves, for scans that need only parts of structs.
    pub(crate) fn with_leaves(&self, leaves: Vec<Leaf>) -> Self {
        Self { leaves, ..self.clone() }.finish()
    }

    fn finish(mut self) -> Self {
        let fields: Vec<FieldRef> =
            self.leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
        self.schema = Arc::new(Schema::new(fields));
        self
    }

    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The version, whose rows never change, and what is seen of it.
    pub(crate) fn identity(&self) -> String {
        let leaves: Vec<String> = self.leaves.iter().map(|leaf| leaf.path.join(".")).collect();
        format!("dataset {} {}", self.uuid, leaves.join(","))
    }

    /// What a dataset made from this table depends on.
    pub(crate) fn dependency(&self) -> (&QualifiedName, Version) {
        (&self.name, self.version)
    }
}

#[async_trait]
impl TableProvider for DatasetTable {
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
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let leaves = match projection {
            Some(chosen) => chosen.iter().map(|at| self.leaves[*at].clone()).collect(),
            None => self.leaves.clone(),
        };
        let target = state.config().target_partitions();
        let ranges = partitions(&self.dataset, target, limit)?;
        let title = format!("{}@{}", self.name.short(), self.version);
        Ok(Arc::new(DatasetScanExec::new(title, Arc::clone(&self.dataset), leaves, ranges)))
    }
}
