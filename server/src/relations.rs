//! [`Relations`]: which table each number of `pg_class` stands for.
//!
//! By them `pg_table_is_visible` knows the tables that need no schema, and `pg_attribute` the types of columns: the
//! library's own (`datafusion-pg-catalog` 0.18) takes all tables for visible, and lists and times with a zone for text.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use arrow_pg::datatypes::into_pg_type;
use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Int16Type, Int32Type, SchemaRef};
use datafusion::catalog::{MemTable, SchemaProvider, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, TableType, Volatility, create_udf};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::catalog_session::Table;
use crate::names::PUBLIC;
use crate::view_texts::{pg_views, without_views};

/// What `pg_class` has numbers of.
pub(crate) const NUMBERED: &str = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid";

/// Tables by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Relations(RwLock<HashMap<i32, Relation>>);

#[derive(Debug)]
struct Relation {
    needs_schema: bool,
    /// The dataset or the view that it is.
    table: Option<Table>,
}

impl Relations {
    /// Remembers the rows of [`NUMBERED`], and what those are that are datasets or views.
    pub(crate) fn set(&self, numbered: &[RecordBatch], tables: Vec<Table>) {
        let tables = tables.into_iter();
        let mut tables: HashMap<(String, String), Table> =
            tables.map(|table| ((table.schema.clone(), table.name.clone()), table)).collect();
        let mut found = HashMap::new();
        for batch in numbered {
            let numbers = batch.column(0).as_primitive::<Int32Type>();
            let (schemas, names) = (texts(batch.column(1)), texts(batch.column(2)));
            for ((number, schema), name) in numbers.values().iter().zip(schemas).zip(names) {
                let needs_schema = schema != PUBLIC && schema != "pg_catalog";
                let table = tables.remove(&(schema, name));
                found.insert(*number, Relation { needs_schema, table });
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    fn is_visible(&self, number: i32) -> bool {
        self.known().get(&number).is_none_or(|relation| !relation.needs_schema)
    }

    /// The query of a view.
    pub(crate) fn query(&self, number: i32) -> Option<String> {
        self.known().get(&number)?.table.as_ref()?.query.clone()
    }

    /// The views, by schema and name.
    pub(crate) fn views(&self) -> Vec<Table> {
        let known = self.known();
        let tables = known.values().filter_map(|relation| relation.table.as_ref());
        let mut views: Vec<Table> = tables.filter(|it| it.query.is_some()).cloned().collect();
        views.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        views
    }

    fn known(&self) -> RwLockReadGuard<'_, HashMap<i32, Relation>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What PostgreSQL says of the type of a column: its number, that of its modifier, and the dimensions.
    fn kind(&self, number: i32, place: i16) -> Option<(i32, i32, i32)> {
        let known = self.known();
        let columns = &known.get(&number)?.table.as_ref()?.columns;
        let place = usize::try_from(place).ok()?.checked_sub(1)?;
        let kind = columns.fields().get(place)?.data_type();
        if matches!(kind, DataType::Struct(_)) {
            // A composite type has no number that tools could look up.
            return None;
        }
        let known = i32::try_from(into_pg_type(kind).ok()?.oid()).ok()?;
        Some((known, modifier(kind), i32::from(kind.is_list())))
    }
}

fn texts(column: &ArrayRef) -> Vec<String> {
    let column = column.as_string::<i32>();
    column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

/// Digits of decimals; -1 for types without such a thing.
fn modifier(kind: &DataType) -> i32 {
    match kind {
        DataType::Decimal128(precision, scale) => {
            ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}

/// `pg_table_is_visible(number)`.
pub(crate) fn pg_table_is_visible(relations: &Arc<Relations>) -> ScalarUDF {
    let relations = Arc::clone(relations);
    let visible = move |arguments: &[ColumnarValue]| {
        let numbers = ColumnarValue::values_to_arrays(arguments)?;
        let numbers = numbers[0].as_primitive::<Int32Type>();
        let visible = numbers.iter().map(|number| number.map(|it| relations.is_visible(it)));
        Ok(ColumnarValue::Array(Arc::new(visible.collect::<BooleanArray>())))
    };
    let (takes, gives) = (vec![DataType::Int32], DataType::Boolean);
    // Other tables may be there when it is asked again.
    create_udf("pg_table_is_visible", takes, gives, Volatility::Volatile, Arc::new(visible))
}

/// The tables of `pg_catalog`, some of them with other rows.
#[derive(Debug)]
pub(crate) struct SystemTables {
    pub(crate) tables: Arc<dyn SchemaProvider>,
    pub(crate) relations: Arc<Relations>,
}

#[async_trait]
impl SchemaProvider for SystemTables {
    fn table_names(&self) -> Vec<String> {
        self.tables.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let change: Change = match name {
            "pg_attribute" => typed,
            "pg_tables" => without_views,
            "pg_views" => pg_views,
            _ => return self.tables.table(name).await,
        };
        let table = self.tables.table(name).await?;
        let changed = |table| Changed { table, relations: Arc::clone(&self.relations), change };
        Ok(table.map(|table| Arc::new(changed(table)) as _))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name)
    }
}

/// What becomes of the rows of a table.
type Change = fn(&Relations, &RecordBatch) -> Result<RecordBatch>;

/// `pg_attribute`, with the types of [`Relations`].
fn typed(relations: &Relations, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    let tables = batch["attrelid"].as_primitive::<Int32Type>().values();
    let places = batch["attnum"].as_primitive::<Int16Type>().values();
    let kinds = tables.iter().zip(places);
    let kinds: Vec<_> = kinds.map(|(table, place)| relations.kind(*table, *place)).collect();
    let with = |column: &ArrayRef, part: fn(&(i32, i32, i32)) -> i32| -> ArrayRef {
        let known = column.as_primitive::<Int32Type>().values().iter().zip(&kinds);
        let values = known.map(|(known, kind)| kind.as_ref().map_or(*known, part));
        Arc::new(values.collect::<Int32Array>())
    };
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| match field.name().as_str() {
        "atttypid" => with(column, |kind| kind.0),
        "atttypmod" => with(column, |kind| kind.1),
        "attndims" => with(column, |kind| kind.2),
        _ => Arc::clone(column),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = columns.collect();
    Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?)
}

/// A table of the library's with other rows.
#[derive(Debug)]
struct Changed {
    table: Arc<dyn TableProvider>,
    relations: Arc<Relations>,
    change: Change,
}

#[async_trait]
impl TableProvider for Changed {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.table.scan(state, None, &[], None).await?;
        let rows = concat_batches(&self.schema(), &collect(rows, state.task_ctx()).await?)?;
        let rows = vec![(self.change)(&self.relations, &rows)?];
        MemTable::try_new(self.schema(), vec![rows])?.scan(state, projection, filters, limit).await
    }
}
