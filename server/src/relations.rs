//! [`Relations`]: which table each number of `pg_class` stands for.
//!
//! By them `pg_table_is_visible` knows the tables that need no schema, and `pg_attribute` the types of columns: the
//! library's own (`datafusion-pg-catalog` 0.18) takes all tables for visible, and lists and times with a zone for text.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arrow_pg::datatypes::into_pg_type;
use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions,
};
use datafusion::arrow::datatypes::{DataType, Int16Type, Int32Type, SchemaRef};
use datafusion::catalog::{MemTable, SchemaProvider, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, TableType, Volatility, create_udf};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::names::PUBLIC;

/// The table of columns.
const ATTRIBUTES: &str = "pg_attribute";

/// What `pg_class` has numbers of.
pub(crate) const NUMBERED: &str = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid";

/// Tables by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Relations(RwLock<HashMap<i32, Relation>>);

#[derive(Debug)]
struct Relation {
    needs_schema: bool,
    columns: Option<SchemaRef>,
}

impl Relations {
    /// Remembers the rows of [`NUMBERED`], and the columns of those that are datasets.
    pub(crate) fn set(
        &self,
        numbered: &[RecordBatch],
        columns: &HashMap<(String, String), SchemaRef>,
    ) {
        let mut found = HashMap::new();
        for batch in numbered {
            let numbers = batch.column(0).as_primitive::<Int32Type>();
            let (schemas, names) = (texts(batch.column(1)), texts(batch.column(2)));
            for ((number, schema), name) in numbers.values().iter().zip(schemas).zip(names) {
                let needs_schema = schema != PUBLIC && schema != "pg_catalog";
                let columns = columns.get(&(schema, name)).cloned();
                found.insert(*number, Relation { needs_schema, columns });
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    fn is_visible(&self, number: i32) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&number).is_none_or(|relation| !relation.needs_schema)
    }

    /// What PostgreSQL says of the type of a column: its number, that of its modifier, and the dimensions.
    fn kind(&self, number: i32, place: i16) -> Option<(i32, i32, i32)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let columns = known.get(&number)?.columns.as_ref()?;
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

/// The tables of `pg_catalog`, one of them with other types.
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
        let table = self.tables.table(name).await?;
        if name != ATTRIBUTES {
            return Ok(table);
        }
        let typed = |table| Attributes { table, relations: Arc::clone(&self.relations) };
        Ok(table.map(|table| Arc::new(typed(table)) as _))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name)
    }
}

/// `pg_attribute`, with the types of [`Relations`].
#[derive(Debug)]
struct Attributes {
    table: Arc<dyn TableProvider>,
    relations: Arc<Relations>,
}

impl Attributes {
    fn typed(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let schema = batch.schema();
        let tables = batch["attrelid"].as_primitive::<Int32Type>().values();
        let places = batch["attnum"].as_primitive::<Int16Type>().values();
        let kinds = tables.iter().zip(places);
        let kinds: Vec<_> =
            kinds.map(|(table, place)| self.relations.kind(*table, *place)).collect();
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
}

#[async_trait]
impl TableProvider for Attributes {
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
        let rows = collect(rows, state.task_ctx()).await?;
        let rows = rows.iter().map(|batch| self.typed(batch)).collect::<Result<Vec<_>>>()?;
        MemTable::try_new(self.schema(), vec![rows])?.scan(state, projection, filters, limit).await
    }
}
