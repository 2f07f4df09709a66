//! [`AnyVersion`]: what stands for a source where only its columns count, whichever version of it is read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::internal_err;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::Source;
use crate::identity::{Reason, SourceIdentity};

/// A source without rows: one of several in a plan.
#[derive(Debug)]
pub(crate) struct AnyVersion {
    schema: SchemaRef,
    number: usize,
}

impl AnyVersion {
    pub(crate) fn new(schema: SchemaRef, number: usize) -> Self {
        Self { schema, number }
    }
}

impl Source for AnyVersion {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        Ok(SourceIdentity::Values { digest: format!("any version of source {}", self.number) })
    }
}

#[async_trait]
impl TableProvider for AnyVersion {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        internal_err!("a source without a version was read")
    }
}
