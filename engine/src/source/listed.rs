//! [`ListedTable`]: what a bucket's listing has of what is searched for, as a table.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use catalog::DatasetVersion;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, ToDFSchema};
use datafusion::error::Result as PlanResult;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{ColumnarValue, Expr, TableType, Volatility, create_udf};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use lance::Dataset;

use super::{DatasetTable, Dependency, Leaf, Search, Source};
use crate::identity::{Reason, SourceIdentity};

/// The field of a file that says which it is.
const PATH: &str = "path";

/// Some rows of a version of a listing.
#[derive(Clone, Debug)]
pub(crate) struct ListedTable {
    all: DatasetTable,
    search: Arc<Search>,
    /// The digest of the rows, where it is asked for.
    digest: Option<String>,
}

impl ListedTable {
    pub(crate) fn new(all: DatasetTable, search: Search) -> Self {
        Self { all, search: Arc::new(search), digest: None }
    }

    /// The same rows, with their digest.
    pub(crate) fn known_as(self, digest: String) -> Self {
        Self { digest: Some(digest), ..self }
    }

    /// The table with the column that rows are chosen by, and that column's path.
    fn with_path(&self) -> (DatasetTable, Expr) {
        let column = |leaf: &Leaf| Expr::Column(Column::from_name(leaf.field.name()));
        let leaves = self.all.leaves();
        if let Some(whole) = leaves.iter().find(|leaf| leaf.path.len() == 1) {
            return (self.all.clone(), get_field(column(whole), PATH));
        }
        if let Some(path) = leaves.iter().find(|leaf| leaf.path.len() == 2 && leaf.path[1] == PATH)
        {
            return (self.all.clone(), column(path));
        }
        let path = Leaf {
            path: vec![self.all.root().to_owned(), PATH.to_owned()],
            field: Arc::new(Field::new("searched.path", DataType::Utf8, false)),
        };
        let expr = column(&path);
        (self.all.with(leaves.iter().cloned().chain([path]).collect()), expr)
    }

    fn condition(&self, path: Expr) -> Expr {
        let search = Arc::clone(&self.search);
        let matches = move |arguments: &[ColumnarValue]| {
            let paths = ColumnarValue::values_to_arrays(arguments)?;
            let matches = paths[0].as_string::<i32>().iter();
            let matches = matches.map(|path| path.is_some_and(|path| search.matches(path)));
            Ok(ColumnarValue::Array(Arc::new(BooleanArray::from_iter(matches.map(Some)))))
        };
        let types = (vec![DataType::Utf8], DataType::Boolean);
        create_udf("is_searched", types.0, types.1, Volatility::Immutable, Arc::new(matches))
            .call(vec![path])
    }
}

impl Source for ListedTable {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        match &self.digest {
            Some(digest) => Ok(SourceIdentity::Values { digest: digest.clone() }),
            None => Err("nobody asked what its listing has".to_owned()),
        }
    }

    fn dependencies(&self) -> Vec<Dependency> {
        self.all.dependencies()
    }

    fn over(&self, versions: &[(DatasetVersion, Arc<Dataset>)]) -> Option<Arc<dyn Source>> {
        let all = self.all.over_version(versions)?;
        Some(Arc::new(Self { all, search: Arc::clone(&self.search), digest: None }))
    }

    fn leaves(&self) -> &[Leaf] {
        self.all.leaves()
    }

    fn with_leaves(&self, leaves: Vec<Leaf>) -> Option<Arc<dyn Source>> {
        Some(Arc::new(Self { all: self.all.with(leaves), ..self.clone() }))
    }
}

#[async_trait]
impl TableProvider for ListedTable {
    fn schema(&self) -> SchemaRef {
        self.all.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let chosen = match projection {
            Some(chosen) => chosen.iter().map(|at| self.leaves()[*at].clone()).collect(),
            None => self.leaves().to_vec(),
        };
        let width = chosen.len();
        let seen = Self { all: self.all.with(chosen), ..self.clone() };
        let (table, path) = seen.with_path();
        let rows = table.scan(state, None, &[], None).await?;
        let schema = rows.schema().to_dfschema()?;
        let condition = state.create_physical_expr(self.condition(path), &schema)?;
        let filter = FilterExecBuilder::new(condition, rows);
        Ok(Arc::new(filter.apply_projection(Some((0..width).collect()))?.build()?))
    }
}
