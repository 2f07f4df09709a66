//! [`Base`]: the version that an update follows.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, UInt64Type};
use catalog::DatasetVersion;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{
    Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, Sort, SortExpr, lit,
};

use super::changes::{Queries, filtered};
use super::leaf::{Leaf, Value};
use crate::functions::{Units, among, digests_in, row_digest};
use crate::progress::Progress;
use crate::sys::SYS;
use crate::{Chain, Error, Result, Session};

/// The previous version of the result.
pub(super) struct Base {
    chain: Chain,
    /// What its rows are known by.
    pub(super) keys: Vec<PlanExpr>,
}

impl Base {
    pub(super) async fn open(
        session: &Arc<Session>,
        record: &DatasetVersion,
        values: &[Value],
    ) -> Result<Self> {
        let dataset = session.open_version(record).await?;
        let chain = session.rows_of(record, dataset)?;
        let keys = values.iter().map(|value| {
            let of_base = |leaf: &Leaf| {
                let path = Value::Leaf(leaf.clone()).shown();
                let (value, _) = chain.resolver().path(&path)?;
                Leaf::of(&value).ok_or_else(|| Error::internal(format!("`{path}` is computed")))
            };
            Ok(match value {
                Value::Leaf(leaf) => Value::Leaf(of_base(leaf)?),
                Value::IsNull(leaf) => Value::IsNull(of_base(leaf)?),
                Value::Either(one, other) => Value::Either(of_base(one)?, of_base(other)?),
            }
            .expr())
        });
        let keys = keys.collect::<Result<_>>()?;
        Ok(Self { chain, keys })
    }

    pub(super) fn rows(&self) -> Result<LogicalPlan> {
        Ok(self.chain.plan().clone())
    }

    /// Its rows that failed.
    pub(super) fn failed(&self, path: &str) -> Result<LogicalPlan> {
        failed(&self.chain, path)
    }

    /// The places of rows with these keys, and the keys.
    pub(super) async fn places(
        &self,
        progress: &Arc<Progress>,
        units: &Arc<Units>,
    ) -> Result<Vec<(u64, u128)>> {
        let rows = filtered(self.chain.plan(), self.keys.clone(), units)?;
        let (sys, _) = self.chain.resolver().path(SYS)?;
        let columns = vec![get_field(sys, "id"), row_digest(self.keys.clone())];
        let mut found = Vec::new();
        let take = |batch: &RecordBatch| {
            let places = batch.column(0).as_primitive::<UInt64Type>().values();
            found.extend(places.iter().copied().zip(digests_in(batch.column(1))));
        };
        Queries { chain: &self.chain, progress }.for_each(rows, columns, take).await?;
        Ok(found)
    }

    /// The rows that stay with the new ones, sorted.
    pub(super) fn sorted_with(
        &self,
        new: &Chain,
        keys: &[(Leaf, SortExpr)],
        units: &Arc<Units>,
    ) -> Result<Chain> {
        let stays = PlanExpr::Not(Box::new(among(self.keys.clone(), units)));
        let kept = LogicalPlanBuilder::from(self.chain.plan().clone()).filter(stays)?.build()?;
        let all = new.union(&self.chain.with_plan(kept)?)?;
        let mut sort = Vec::with_capacity(keys.len());
        for (leaf, key) in keys {
            let (expr, _) = all.resolver().path(&Value::Leaf(leaf.clone()).shown())?;
            sort.push(SortExpr { expr, ..key.clone() });
        }
        let sort = Sort { expr: sort, input: Arc::new(all.plan().clone()), fetch: None };
        all.with_plan(LogicalPlan::Sort(sort))
    }
}

/// What tells that a row of a result failed: the value at a path, or the one leaf of this name.
pub(super) fn failure(result: &Chain, path: &str) -> Result<(PlanExpr, FieldRef)> {
    match (result.resolver().path(path), only_leaf(result, path)) {
        (Err(_), Some(path)) => result.resolver().path(&path),
        (found, _) => found,
    }
}

/// The path of the only leaf that has the name.
fn only_leaf(result: &Chain, name: &str) -> Option<String> {
    let columns = result.own_columns().into_iter();
    let mut open: Vec<(String, DataType)> =
        columns.map(|(_, field)| (field.name().clone(), field.data_type().clone())).collect();
    let mut found = Vec::new();
    while let Some((path, kind)) = open.pop() {
        match kind {
            DataType::Struct(fields) => {
                let below = fields.iter();
                open.extend(
                    below.map(|child| {
                        (format!("{path}.{}", child.name()), child.data_type().clone())
                    }),
                );
            }
            _ if path.rsplit('.').next() == Some(name) => found.push(path),
            _ => {}
        }
    }
    match found.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// Rows with something at a path, or in the one leaf of this name.
pub(super) fn failed(chain: &Chain, path: &str) -> Result<LogicalPlan> {
    let (value, field) = failure(chain, path)?;
    let there = value.clone().is_not_null();
    let there = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => there.and(value.not_eq(lit(""))),
        _ => there,
    };
    Ok(LogicalPlanBuilder::from(chain.plan().clone()).filter(there)?.build()?)
}
