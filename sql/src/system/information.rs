//! `information_schema`, as the standard has it: a namespace is a catalog, a project a schema, a dataset a table.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{VersionFilter, View};
use datafusion::arrow::datatypes::{DataType, FieldRef, SchemaRef};
use engine::{Session, default_folder};

use super::catalog_tables::{self, versions};
use super::{INFORMATION, LAKEBED, Reader, Rows, unknown};
use crate::Result;
use crate::inputs::Inputs;
use crate::look::yes_or_no;
use crate::relation::Relations;
use crate::type_text::type_text;

/// A table, with the columns of its newest version.
struct Table {
    namespace: String,
    project: String,
    name: String,
    kind: &'static str,
    columns: Vec<FieldRef>,
}

pub(super) async fn named(session: &Arc<Session>, name: &str, reader: Reader) -> Result<Rows> {
    match name {
        "tables" => Ok(tables(&all(session).await?)),
        "columns" => {
            let mut all = all(session).await?;
            if reader == Reader::Statement {
                all.extend(views_with_columns(session).await?);
            }
            Ok(columns(&all))
        }
        "schemata" => Ok(schemata(&all(session).await?)),
        "views" => Ok(views(&session.catalog().views().await?)),
        _ => Err(unknown(INFORMATION, name, &empty())),
    }
}

/// Datasets, and the tables that tell of them.
async fn all(session: &Arc<Session>) -> Result<Vec<Table>> {
    let filter = VersionFilter { newest_only: true, ..VersionFilter::default() };
    let datasets = versions(session, filter).await?.into_iter().map(|version| Table {
        namespace: version.dataset.namespace.to_string(),
        project: version.dataset.project.to_string(),
        name: version.dataset.name.to_string(),
        kind: "BASE TABLE",
        columns: version.schema.fields().iter().cloned().collect(),
    });
    let (namespace, _) = default_folder()?;
    let own = |project: &'static str, name: &str, rows: &Rows| Table {
        namespace: namespace.to_string(),
        project: project.to_owned(),
        name: name.to_owned(),
        kind: "SYSTEM VIEW",
        columns: rows.schema().fields().iter().cloned().collect(),
    };
    let views = session.catalog().views().await?;
    let mut found: Vec<Table> = datasets.collect();
    found.extend(views.iter().map(|view| of_view(view, Vec::new())));
    found.extend(catalog_tables::empty().iter().map(|(name, rows)| own(LAKEBED, name, rows)));
    found.extend(empty().iter().map(|(name, rows)| own(INFORMATION, name, rows)));
    Ok(found)
}

/// The tables without rows, for their columns.
fn empty() -> Vec<(&'static str, Rows)> {
    vec![
        ("tables", tables(&[])),
        ("columns", columns(&[])),
        ("schemata", schemata(&[])),
        ("views", views(&[])),
    ]
}

fn of_view(view: &View, columns: Vec<FieldRef>) -> Table {
    Table {
        namespace: view.name.namespace.to_string(),
        project: view.name.project.to_string(),
        name: view.name.name.to_string(),
        kind: "VIEW",
        columns,
    }
}

/// The views that can be read.
async fn views_with_columns(session: &Arc<Session>) -> Result<Vec<Table>> {
    let views = views_and_columns(session).await?.into_iter();
    let readable = views.filter_map(|(view, columns)| Some((view, columns?)));
    let columns = |columns: SchemaRef| columns.fields().iter().cloned().collect();
    Ok(readable.map(|(view, schema)| of_view(&view, columns(schema))).collect())
}

/// All views, and what each shows now; nothing for one that cannot be read, as what it reads is gone.
///
/// # Errors
/// Those of the catalog.
pub async fn views_and_columns(session: &Arc<Session>) -> Result<Vec<(View, Option<SchemaRef>)>> {
    let mut found = Vec::new();
    for view in session.catalog().views().await? {
        let inputs = Inputs::default();
        let rows = Relations::new(session, &inputs).view(view.clone()).await;
        found.push((view, rows.ok().map(|rows| rows.schema())));
    }
    Ok(found)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn tables(all: &[Table]) -> Rows {
    Rows::new(all.len())
        .texts("table_catalog", all.iter().map(|it| some(&it.namespace)))
        .texts("table_schema", all.iter().map(|it| some(&it.project)))
        .texts("table_name", all.iter().map(|it| some(&it.name)))
        .texts("table_type", all.iter().map(|it| some(it.kind)))
        .texts("is_insertable_into", all.iter().map(|it| Some(yes_or_no(it.kind == "BASE TABLE"))))
}

fn columns(tables: &[Table]) -> Rows {
    let mut all: Vec<(&Table, u64, &FieldRef)> = Vec::new();
    for table in tables {
        all.extend((1..).zip(&table.columns).map(|(at, field)| (table, at, field)));
    }
    let kinds = || all.iter().map(|(.., field)| field.data_type());
    Rows::new(all.len())
        .texts("table_catalog", all.iter().map(|(it, ..)| some(&it.namespace)))
        .texts("table_schema", all.iter().map(|(it, ..)| some(&it.project)))
        .texts("table_name", all.iter().map(|(it, ..)| some(&it.name)))
        .texts("column_name", all.iter().map(|(.., field)| some(field.name())))
        .counts("ordinal_position", all.iter().map(|(_, at, _)| Some(*at)))
        .texts("column_default", all.iter().map(|_| None))
        .texts("is_nullable", all.iter().map(|(.., field)| Some(yes_or_no(field.is_nullable()))))
        .texts("data_type", kinds().map(|kind| Some(type_text(kind))))
        .counts("character_maximum_length", all.iter().map(|_| None))
        .counts("numeric_precision", kinds().map(|kind| Some(precision(kind)?.0)))
        .counts("numeric_scale", kinds().map(|kind| precision(kind)?.1))
        .counts("datetime_precision", kinds().map(|kind| kind.is_temporal().then_some(6)))
}

/// Digits of decimals and integers, bits of floats; and how many digits follow the point.
fn precision(kind: &DataType) -> Option<(u64, Option<u64>)> {
    match kind {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            Some((u64::from(*precision), u64::try_from(*scale).ok()))
        }
        kind if kind.is_integer() || kind.is_floating() => {
            let bits = kind.primitive_width()? as u64 * 8;
            Some((bits, kind.is_integer().then_some(0)))
        }
        _ => None,
    }
}

fn schemata(tables: &[Table]) -> Rows {
    let all: BTreeSet<(&str, &str)> =
        tables.iter().map(|it| (it.namespace.as_str(), it.project.as_str())).collect();
    Rows::new(all.len())
        .texts("catalog_name", all.iter().map(|(namespace, _)| some(namespace)))
        .texts("schema_name", all.iter().map(|(_, project)| some(project)))
        .texts("schema_owner", all.iter().map(|_| None))
}

fn views(all: &[View]) -> Rows {
    Rows::new(all.len())
        .texts("table_catalog", all.iter().map(|it| some(it.name.namespace.as_str())))
        .texts("table_schema", all.iter().map(|it| some(it.name.project.as_str())))
        .texts("table_name", all.iter().map(|it| some(it.name.name.as_str())))
        .texts("view_definition", all.iter().map(|it| some(&it.text)))
}
