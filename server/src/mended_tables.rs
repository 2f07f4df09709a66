//! [`MendedTables`]: the library's `pg_catalog` (`datafusion-pg-catalog` 0.18) with what it lacks.
//!
//! That is: views without rows ([`views`]), the settings, the one role that owns everything, what tables may be and who
//! owns them, and functions by their numbers, which the library has by their names. Its rows of keys are those of some
//! PostgreSQL, and go.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray,
    new_null_array,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use datafusion::catalog::{MemTable, SchemaProvider, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::postgres::first_settings;
use crate::system_views::views;

/// Who owns everything, and by which number.
pub(crate) const OWNER: (&str, i32) = ("lakebed", 10);

/// How rows of a table are kept, as `pg_am` has it.
const HEAP: i32 = 2;

/// Columns of `pg_type` and `pg_aggregate` that are functions.
const FUNCTIONS: [&str; 17] = [
    "typinput",
    "typoutput",
    "typreceive",
    "typsend",
    "typmodin",
    "typmodout",
    "typanalyze",
    "typsubscript",
    "aggfnoid",
    "aggtransfn",
    "aggfinalfn",
    "aggcombinefn",
    "aggserialfn",
    "aggdeserialfn",
    "aggmtransfn",
    "aggminvtransfn",
    "aggmfinalfn",
];

/// The numbers of functions of each name.
type Numbers = HashMap<String, Vec<i32>>;

/// The tables of `pg_catalog`.
#[derive(Debug)]
pub(crate) struct MendedTables {
    tables: Arc<dyn SchemaProvider>,
    own: HashMap<&'static str, Arc<dyn TableProvider>>,
}

impl MendedTables {
    pub(crate) fn try_new(tables: Arc<dyn SchemaProvider>, only_reads: bool) -> Result<Self> {
        let mut own: HashMap<&'static str, Arc<dyn TableProvider>> = HashMap::new();
        for (name, schema) in views() {
            own.insert(name, Arc::new(MemTable::try_new(schema, vec![vec![]])?));
        }
        for (name, rows) in
            [("pg_settings", settings(only_reads)?), ("pg_roles", roles()?), ("pg_user", users()?)]
        {
            own.insert(name, Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?));
        }
        Ok(Self { tables, own })
    }
}

#[async_trait]
impl SchemaProvider for MendedTables {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.tables.table_names();
        names.extend(self.own.keys().map(|name| (*name).to_owned()));
        names.sort_unstable();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.own.get(name) {
            return Ok(Some(Arc::clone(table)));
        }
        let (Some(table), Some(functions)) =
            (self.tables.table(name).await?, self.tables.table("pg_proc").await?)
        else {
            return Ok(None);
        };
        let mend: Mend = match name {
            "pg_class" => with_rights,
            "pg_namespace" => without_rights,
            "pg_type" | "pg_aggregate" => numbered,
            _ => return Ok(Some(table)),
        };
        Ok(Some(Arc::new(Mended::try_new(table, functions, mend)?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.tables.table_exist(name)
    }
}

/// What becomes of the rows of a table.
type Mend = fn(&RecordBatch, &Numbers) -> Result<RecordBatch>;

/// A table with other columns.
#[derive(Debug)]
struct Mended {
    table: Arc<dyn TableProvider>,
    functions: Arc<dyn TableProvider>,
    mend: Mend,
    schema: SchemaRef,
}

impl Mended {
    fn try_new(
        table: Arc<dyn TableProvider>,
        functions: Arc<dyn TableProvider>,
        mend: Mend,
    ) -> Result<Self> {
        let schema = mend(&RecordBatch::new_empty(table.schema()), &Numbers::new())?.schema();
        Ok(Self { table, functions, mend, schema })
    }

    async fn numbers(&self, state: &dyn Session) -> Result<Numbers> {
        let mut numbers = Numbers::new();
        let rows = rows_of(&self.functions, state).await?;
        let names = rows["proname"].as_string::<i32>();
        for (name, number) in names.iter().zip(rows["oid"].as_primitive::<Int32Type>().values()) {
            numbers.entry(name.unwrap_or_default().to_owned()).or_default().push(*number);
        }
        Ok(numbers)
    }
}

#[async_trait]
impl TableProvider for Mended {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let numbers = self.numbers(state).await?;
        let rows = (self.mend)(&rows_of(&self.table, state).await?, &numbers)?;
        let rows = MemTable::try_new(self.schema(), vec![vec![rows]])?;
        rows.scan(state, projection, filters, limit).await
    }
}

async fn rows_of(table: &Arc<dyn TableProvider>, state: &dyn Session) -> Result<RecordBatch> {
    let rows = table.scan(state, None, &[], None).await?;
    Ok(concat_batches(&table.schema(), &collect(rows, state.task_ctx()).await?)?)
}

/// `pg_class` with owners. Nobody was given rights, and nothing has options.
fn with_rights(classes: &RecordBatch, _functions: &Numbers) -> Result<RecordBatch> {
    let rows = classes.num_rows();
    let kinds = classes["relkind"].as_string::<i32>();
    let kept = kinds.iter().map(|kind| if kind == Some("r") { HEAP } else { 0 });
    let columns: [(&str, ArrayRef); 5] = [
        ("relowner", Arc::new(Int32Array::from(vec![OWNER.1; rows]))),
        ("relam", Arc::new(kept.collect::<Int32Array>())),
        ("relpartbound", new_null_array(&DataType::Utf8, rows)),
        ("relacl", no_lists(rows)),
        ("reloptions", no_lists(rows)),
    ];
    with_columns(classes, columns)
}

/// `pg_namespace`: nobody was given rights to a schema, of which there is a list.
fn without_rights(schemas: &RecordBatch, _functions: &Numbers) -> Result<RecordBatch> {
    with_columns(schemas, [("nspacl", no_lists(schemas.num_rows()))])
}

/// A table with numbers for functions, of which 0 is none.
fn numbered(rows: &RecordBatch, functions: &Numbers) -> Result<RecordBatch> {
    let schema = rows.schema();
    let named = schema.fields().iter().map(|field| field.name().as_str());
    let columns: Vec<(&str, ArrayRef)> = named
        .filter(|name| FUNCTIONS.contains(name))
        .map(|name| (name, numbers_of(&rows[name], functions)))
        .collect();
    with_columns(rows, columns)
}

/// Where several functions have one name, the rows that have it stand for one after the other.
fn numbers_of(names: &ArrayRef, functions: &Numbers) -> ArrayRef {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let numbers = names.as_string::<i32>().iter().map(|name| {
        let name = name.unwrap_or_default();
        let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
        let numbers = functions.get(name).map(Vec::as_slice).unwrap_or_default();
        let at = seen.entry(name).or_default();
        let number = numbers.get(*at).or_else(|| numbers.last()).copied().unwrap_or_default();
        *at += 1;
        number
    });
    Arc::new(numbers.collect::<Int32Array>())
}

/// The rows with these columns, in place of those of the same name or after all others.
fn with_columns<'n>(
    rows: &RecordBatch,
    columns: impl IntoIterator<Item = (&'n str, ArrayRef)>,
) -> Result<RecordBatch> {
    let schema = rows.schema();
    let mut fields: Vec<Field> = schema.fields().iter().map(|it| it.as_ref().clone()).collect();
    let mut values = rows.columns().to_vec();
    for (name, column) in columns {
        let field = Field::new(name, column.data_type().clone(), true);
        match schema.index_of(name) {
            Ok(at) => (fields[at], values[at]) = (field, column),
            Err(_) => {
                fields.push(field);
                values.push(column);
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), values, &options)?)
}

/// What settings are at first.
fn settings(only_reads: bool) -> Result<RecordBatch> {
    let (names, values): (Vec<&str>, Vec<&str>) = first_settings(only_reads).unzip();
    let all = |value| texts(vec![value; names.len()]);
    let none = || all(None);
    let some = |values: &[&'static str]| texts(values.iter().map(|it| Some(*it)).collect());
    Ok(RecordBatch::try_from_iter_with_nullable(
        [
            ("name", some(&names)),
            ("setting", some(&values)),
            ("unit", none()),
            ("category", all(Some("Client Connection Defaults"))),
            ("short_desc", none()),
            ("extra_desc", none()),
            ("context", all(Some("user"))),
            ("vartype", all(Some("string"))),
            ("source", all(Some("default"))),
            ("min_val", none()),
            ("max_val", none()),
            ("enumvals", no_lists(names.len())),
            ("boot_val", some(&values)),
            ("reset_val", some(&values)),
            ("sourcefile", none()),
            ("sourceline", new_null_array(&DataType::Int32, names.len())),
            ("pending_restart", Arc::new(BooleanArray::from(vec![false; names.len()])) as ArrayRef),
        ]
        .map(|(name, column)| (name, column, true)),
    )?)
}

fn texts(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn flag(value: bool) -> ArrayRef {
    Arc::new(BooleanArray::from(vec![value]))
}

fn roles() -> Result<RecordBatch> {
    let (name, number) = OWNER;
    Ok(RecordBatch::try_from_iter_with_nullable(
        [
            ("rolname", texts(vec![Some(name)])),
            ("rolsuper", flag(false)),
            ("rolinherit", flag(true)),
            ("rolcreaterole", flag(false)),
            ("rolcreatedb", flag(false)),
            ("rolcanlogin", flag(true)),
            ("rolreplication", flag(false)),
            ("rolconnlimit", Arc::new(Int32Array::from(vec![-1])) as ArrayRef),
            ("rolpassword", texts(vec![Some("********")])),
            ("rolvaliduntil", new_null_array(&DataType::Utf8, 1)),
            ("rolbypassrls", flag(false)),
            ("rolconfig", no_lists(1)),
            ("oid", Arc::new(Int32Array::from(vec![number]))),
        ]
        .map(|(name, column)| (name, column, true)),
    )?)
}

fn users() -> Result<RecordBatch> {
    let (name, number) = OWNER;
    Ok(RecordBatch::try_from_iter_with_nullable(
        [
            ("usename", texts(vec![Some(name)])),
            ("usesysid", Arc::new(Int32Array::from(vec![number])) as ArrayRef),
            ("usecreatedb", flag(false)),
            ("usesuper", flag(false)),
            ("userepl", flag(false)),
            ("usebypassrls", flag(false)),
            ("passwd", texts(vec![Some("********")])),
            ("valuntil", new_null_array(&DataType::Utf8, 1)),
            ("useconfig", no_lists(1)),
        ]
        .map(|(name, column)| (name, column, true)),
    )?)
}

/// Lists that are null.
fn no_lists(rows: usize) -> ArrayRef {
    new_null_array(&DataType::new_list(DataType::Utf8, true), rows)
}
