//! [`Narrow`]: a condition over the columns that it reads, instead of all that there are.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;

#[derive(Debug)]
pub(crate) struct Narrow {
    /// Which ones, in their order.
    pub(crate) columns: Vec<usize>,
    /// The condition over these alone.
    pub(crate) condition: Arc<dyn PhysicalExpr>,
}

impl Narrow {
    pub(crate) fn try_new(condition: &Arc<dyn PhysicalExpr>) -> Result<Self> {
        let read = collect_columns(condition);
        let mut columns: Vec<usize> = read.iter().map(Column::index).collect();
        columns.sort_unstable();
        columns.dedup();
        let moved = Arc::clone(condition).transform(|part| {
            let at = part.downcast_ref::<Column>().and_then(|column| {
                let at = columns.binary_search(&column.index()).ok()?;
                Some(Column::new(column.name(), at))
            });
            Ok(match at {
                Some(column) => Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>),
                None => Transformed::no(part),
            })
        })?;
        Ok(Self { columns, condition: moved.data })
    }
}
