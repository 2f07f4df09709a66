//! [`tables`]: `information_schema` as PostgreSQL has it. Of what neither datasets nor views have, its tables are empty.

use std::sync::Arc;

use arrow_pg::datatypes::into_pg_type;
use datafusion::arrow::array::{
    ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use pgwire::api::Type;

use crate::Result;
use crate::catalog_session::Table;
use crate::postgres::wire_schema;

/// What no dataset has: tables and their columns.
const EMPTY: &[(&str, &[&str])] = &[
    (
        "table_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
            "is_deferrable",
            "initially_deferred",
            "enforced",
        ],
    ),
    (
        "key_column_usage",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "position_in_unique_constraint",
        ],
    ),
    (
        "referential_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ],
    ),
    (
        "constraint_column_usage",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
    ),
    (
        "check_constraints",
        &["constraint_catalog", "constraint_schema", "constraint_name", "check_clause"],
    ),
    ("sequences", &["sequence_catalog", "sequence_schema", "sequence_name", "data_type"]),
    (
        "routines",
        &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "routine_type",
            "data_type",
        ],
    ),
    ("triggers", &["trigger_catalog", "trigger_schema", "trigger_name", "event_object_table"]),
    (
        "table_privileges",
        &[
            "grantor",
            "grantee",
            "table_catalog",
            "table_schema",
            "table_name",
            "privilege_type",
            "is_grantable",
            "with_hierarchy",
        ],
    ),
    (
        "column_privileges",
        &[
            "grantor",
            "grantee",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "privilege_type",
            "is_grantable",
        ],
    ),
    (
        "routine_privileges",
        &[
            "grantor",
            "grantee",
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "privilege_type",
            "is_grantable",
        ],
    ),
];

/// Rows within rows.
const RECORD: &str = "record";

/// Columns that are numbers also where there is no row.
const NUMBERS: [&str; 2] = ["ordinal_position", "position_in_unique_constraint"];

/// The tables of the schema, by name.
pub(crate) fn tables(
    database: &str,
    only_reads: bool,
    datasets: &[Table],
) -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let mut found = vec![
        ("schemata", schemata(database, datasets)),
        ("tables", table_rows(database, only_reads, datasets)),
        ("columns", columns(database, only_reads, datasets)),
        ("views", views(database, datasets)),
    ];
    for (name, columns) in EMPTY {
        let column = |name: &&'static str| match NUMBERS.contains(name) {
            true => (*name, Arc::new(Int32Array::from(Vec::<i32>::new())) as ArrayRef),
            false => (*name, texts(std::iter::empty())),
        };
        found.push((*name, columns.iter().map(column).collect()));
    }
    found.into_iter().map(|(name, columns)| Ok((name, table(columns)?))).collect()
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn table(columns: Columns) -> Result<Arc<dyn TableProvider>> {
    let field =
        |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let height = columns.first().map_or(0, |(_, column)| column.len());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(height));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

fn texts<'t>(values: impl Iterator<Item = Option<&'t str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn numbers(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.collect::<Int32Array>())
}

fn schemata(database: &str, datasets: &[Table]) -> Columns {
    let mut names = vec!["information_schema", "pg_catalog", "public"];
    names.extend(datasets.iter().map(|it| it.schema.as_str()));
    names.sort_unstable();
    names.dedup();
    let all = |value| texts(names.iter().map(|_| value));
    vec![
        ("catalog_name", all(Some(database))),
        ("schema_name", texts(names.iter().map(|name| Some(*name)))),
        ("schema_owner", all(Some("lakebed"))),
        ("default_character_set_catalog", all(None)),
        ("default_character_set_schema", all(None)),
        ("default_character_set_name", all(None)),
        ("sql_path", all(None)),
    ]
}

fn table_rows(database: &str, only_reads: bool, datasets: &[Table]) -> Columns {
    let all = |value| texts(datasets.iter().map(|_| value));
    let kind = |it: &Table| if it.query.is_some() { "VIEW" } else { "BASE TABLE" };
    vec![
        ("table_catalog", all(Some(database))),
        ("table_schema", texts(datasets.iter().map(|it| Some(it.schema.as_str())))),
        ("table_name", texts(datasets.iter().map(|it| Some(it.name.as_str())))),
        ("table_type", texts(datasets.iter().map(|it| Some(kind(it))))),
        ("self_referencing_column_name", all(None)),
        ("reference_generation", all(None)),
        ("user_defined_type_catalog", all(None)),
        ("user_defined_type_schema", all(None)),
        ("user_defined_type_name", all(None)),
        ("is_insertable_into", texts(datasets.iter().map(|it| Some(is_changed(it, only_reads))))),
        ("is_typed", all(Some("NO"))),
        ("commit_action", all(None)),
    ]
}

fn columns(database: &str, only_reads: bool, datasets: &[Table]) -> Columns {
    let mut rows: Vec<(&Table, i32, &Field, Kind)> = Vec::new();
    let wires: Vec<_> = datasets.iter().map(|it| (it, wire_schema(&it.columns))).collect();
    for (table, wire) in &wires {
        let fields = table.columns.fields().iter().zip(wire.fields());
        rows.extend(
            (1..).zip(fields).map(|(at, (field, sent))| {
                (*table, at, field.as_ref(), Kind::of(sent.data_type()))
            }),
        );
    }
    let all = |value| texts(rows.iter().map(|_| value));
    let kinds = || rows.iter().map(|(.., kind)| kind);
    vec![
        ("table_catalog", all(Some(database))),
        ("table_schema", texts(rows.iter().map(|(it, ..)| Some(it.schema.as_str())))),
        ("table_name", texts(rows.iter().map(|(it, ..)| Some(it.name.as_str())))),
        ("column_name", texts(rows.iter().map(|(_, _, field, _)| Some(field.name().as_str())))),
        ("ordinal_position", numbers(rows.iter().map(|(_, at, ..)| Some(*at)))),
        ("column_default", all(None)),
        (
            "is_nullable",
            texts(rows.iter().map(|(_, _, field, _)| Some(yes_or_no(field.is_nullable())))),
        ),
        ("data_type", texts(kinds().map(|kind| Some(kind.name)))),
        ("character_maximum_length", numbers(rows.iter().map(|_| None))),
        ("character_octet_length", numbers(rows.iter().map(|_| None))),
        ("numeric_precision", numbers(kinds().map(|kind| kind.precision))),
        ("numeric_precision_radix", numbers(kinds().map(|kind| kind.radix))),
        ("numeric_scale", numbers(kinds().map(|kind| kind.scale))),
        ("datetime_precision", numbers(kinds().map(|kind| kind.time_digits))),
        ("interval_type", all(None)),
        ("collation_name", all(None)),
        ("domain_name", all(None)),
        ("udt_catalog", all(Some(database))),
        ("udt_schema", all(Some("pg_catalog"))),
        ("udt_name", texts(kinds().map(|kind| Some(kind.udt.as_str())))),
        ("is_identity", all(Some("NO"))),
        ("identity_generation", all(None)),
        ("is_generated", all(Some("NEVER"))),
        ("generation_expression", all(None)),
        ("is_updatable", texts(rows.iter().map(|(it, ..)| Some(is_changed(it, only_reads))))),
    ]
}

fn views(database: &str, tables: &[Table]) -> Columns {
    let views: Vec<&Table> = tables.iter().filter(|it| it.query.is_some()).collect();
    let all = |value| texts(views.iter().map(|_| value));
    vec![
        ("table_catalog", all(Some(database))),
        ("table_schema", texts(views.iter().map(|it| Some(it.schema.as_str())))),
        ("table_name", texts(views.iter().map(|it| Some(it.name.as_str())))),
        ("view_definition", texts(views.iter().map(|it| it.query.as_deref()))),
        ("check_option", all(Some("NONE"))),
        ("is_updatable", all(Some("NO"))),
        ("is_insertable_into", all(Some("NO"))),
    ]
}

/// Whether statements change the rows of a table: those of a view they do not.
fn is_changed(table: &Table, only_reads: bool) -> &'static str {
    yes_or_no(!only_reads && table.query.is_none())
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "YES" } else { "NO" }
}

/// A type in PostgreSQL's words.
struct Kind {
    name: &'static str,
    udt: String,
    precision: Option<i32>,
    radix: Option<i32>,
    scale: Option<i32>,
    time_digits: Option<i32>,
}

impl Kind {
    /// That of a column as it is sent.
    fn of(sent: &DataType) -> Self {
        let known = into_pg_type(sent).unwrap_or(Type::TEXT);
        let (precision, radix, scale) = match (&known, sent) {
            (_, DataType::Decimal128(precision, scale)) => {
                (Some(i32::from(*precision)), Some(10), Some(i32::from(*scale)))
            }
            (&Type::INT2, _) => (Some(16), Some(2), Some(0)),
            (&Type::INT4, _) => (Some(32), Some(2), Some(0)),
            (&Type::INT8, _) => (Some(64), Some(2), Some(0)),
            (&Type::FLOAT4, _) => (Some(24), Some(2), None),
            (&Type::FLOAT8, _) => (Some(53), Some(2), None),
            _ => (None, None, None),
        };
        let time_digits = match known {
            Type::DATE => Some(0),
            Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::INTERVAL => Some(6),
            _ => None,
        };
        let name = sql_name(&known);
        // A struct has no type of its own, and is called as its fields are.
        let udt = if name == RECORD { name.to_owned() } else { known.name().to_owned() };
        Self { name, udt, precision, radix, scale, time_digits }
    }
}

/// The name that the standard has for a type.
fn sql_name(kind: &Type) -> &'static str {
    match *kind {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::NUMERIC => "numeric",
        Type::BYTEA => "bytea",
        Type::DATE => "date",
        Type::TIME => "time without time zone",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::INTERVAL => "interval",
        Type::TEXT | Type::UNKNOWN => "text",
        _ if kind.name().starts_with('_') => "ARRAY",
        _ => RECORD,
    }
}
