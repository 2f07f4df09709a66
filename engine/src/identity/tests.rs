//! Whatever could change rows changes digests, and nothing else does.

mod chains;
mod exprs;
mod nodes;
mod order;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use blake3::Hash;
use datafusion::common::Column;
use datafusion::datasource::ViewTable;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};
use datafusion::prelude::SessionContext;
use udf_runtime::Identity;

use super::{Digests, Facts, Reason};
use crate::logical::FunctionId;
use crate::source::source_of;
use crate::{Chain, Config, Root, Session};

/// Functions are what their numbers say; each is another stage and another code.
#[derive(Debug)]
struct Known;

impl Facts for Known {
    fn function(&self, id: FunctionId) -> Result<Identity, Reason> {
        let FunctionId(id) = id;
        let (stage, code) = (format!("stage {}", id / 10), format!("code {id}"));
        Ok(Identity { stage, code, ..Identity::default() })
    }

    fn source(&self, scan: &TableScan) -> Result<Hash, Reason> {
        let source = source_of(scan).ok_or("no source of ours")?;
        source.identity().map(|identity| identity.digest())
    }
}

fn told(plan: &LogicalPlan) -> Result<String, Reason> {
    Digests::of(plan, &Known).map(|digest| digest.hash.to_hex().to_string())
}

fn digest(plan: &LogicalPlan) -> String {
    told(plan).unwrap()
}

/// No two of what has these names have one digest.
fn check_distinct(digests: impl IntoIterator<Item = (String, String)>) {
    let mut known: HashMap<String, String> = HashMap::new();
    for (name, digest) in digests {
        if let Some(other) = known.insert(digest, name.clone()) {
            panic!("`{name}` and `{other}` have one digest");
        }
    }
    assert!(known.len() > 10, "{known:?}");
}

async fn session() -> Arc<Session> {
    Session::open(Config::with_root(Root::memory())).await.unwrap()
}

/// Rows of every kind of column that the tests need, `first` being one of the values.
fn rows(first: i64) -> RecordBatch {
    let lists = [Some(vec![Some(1), None]), None];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("x", Arc::new(Int64Array::from(vec![Some(first), None]))),
        ("y", Arc::new(Int64Array::from(vec![3, 4]))),
        ("name", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("f", Arc::new(Float64Array::from(vec![0.5, 1.5]))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn chain(session: &Arc<Session>, first: i64) -> Chain {
    let rows = rows(first);
    session.read_batches(&rows.schema(), std::slice::from_ref(&rows)).unwrap()
}

/// A query over the tables `a`, `b` and `c`, planned and not optimized.
async fn sql(query: &str) -> LogicalPlan {
    let session = session().await;
    let context = SessionContext::new_with_state(session.state().clone());
    for (name, first) in [("a", 1), ("b", 2), ("c", 1)] {
        let view = ViewTable::new(chain(&session, first).plan().clone(), None);
        context.register_table(name, Arc::new(view)).unwrap();
    }
    context.state().create_logical_plan(query).await.unwrap()
}

fn column(table: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(table), name))
}
