//! What is read of the columns of Parquet files: all of one, or a part. Readers decode no other parts.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use blake3::Hasher;
use datafusion::common::{ScalarValue, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result as PlanResult;
use datafusion::functions::core::get_field;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::identity::SourceIdentity;
use crate::source::Leaf;

/// The columns that they are in a table.
pub(super) fn columns(leaves: &[Leaf]) -> SchemaRef {
    let fields: Vec<FieldRef> = leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
    Arc::new(Schema::new(fields))
}

/// What tells them from others of the same files.
pub(super) fn identity(files: SourceIdentity, leaves: &[Leaf]) -> SourceIdentity {
    if leaves.iter().all(|leaf| leaf.path.len() == 1) {
        return files;
    }
    let mut digest = Hasher::new();
    digest.update(files.digest().as_bytes());
    for leaf in leaves {
        digest.update(format!("{:?}", leaf.path).as_bytes());
    }
    SourceIdentity::Values { digest: digest.finalize().to_hex().to_string() }
}

/// The same as expressions over the columns of files.
pub(super) fn read(
    leaves: &[Leaf],
    schema: &Schema,
    options: &ConfigOptions,
) -> PlanResult<ProjectionExprs> {
    let options = Arc::new(options.clone());
    let read = leaves.iter().map(|leaf| {
        let Some((column, path)) = leaf.path.split_first() else {
            return internal_err!("a leaf without a path");
        };
        let column = Arc::new(Column::new_with_schema(column, schema)?) as Arc<dyn PhysicalExpr>;
        if path.is_empty() {
            return Ok(ProjectionExpr::new(column, leaf.field.name()));
        }
        // WHY: in one call, as the reader looks for it.
        let steps = path.iter().map(|step| {
            Arc::new(Literal::new(ScalarValue::from(step.as_str()))) as Arc<dyn PhysicalExpr>
        });
        let arguments = std::iter::once(column).chain(steps).collect();
        let part =
            ScalarFunctionExpr::try_new(get_field(), arguments, schema, Arc::clone(&options))?;
        Ok(ProjectionExpr::new(Arc::new(part), leaf.field.name()))
    });
    read.collect()
}
