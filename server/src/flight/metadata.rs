//! What there is to read: catalogs, schemas, tables, and what this server is.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables, SqlInfo,
};
use datafusion::arrow::array::RecordBatch;

use crate::Result;
use crate::names::PUBLIC;
use crate::service::Service;

/// What datasets are.
const TABLE: &str = "TABLE";

const VIEW: &str = "VIEW";

pub(super) fn catalogs(service: &Service, query: CommandGetCatalogs) -> Result<RecordBatch> {
    let mut found = query.into_builder();
    found.append(service.catalog_session.database());
    Ok(found.build()?)
}

pub(super) async fn schemas(
    service: &Arc<Service>,
    query: CommandGetDbSchemas,
) -> Result<RecordBatch> {
    let tables = service.tables().await?;
    let mut schemas: BTreeSet<String> = tables.into_iter().map(|table| table.schema).collect();
    schemas.insert(PUBLIC.to_owned());
    let mut found = query.into_builder();
    for schema in schemas {
        found.append(service.catalog_session.database(), schema);
    }
    Ok(found.build()?)
}

pub(super) async fn tables(service: &Arc<Service>, query: CommandGetTables) -> Result<RecordBatch> {
    let database = service.catalog_session.database();
    let tables = service.tables().await?;
    let mut found = query.into_builder();
    for table in tables {
        let kind = if table.query.is_some() { VIEW } else { TABLE };
        found.append(database, &table.schema, &table.name, kind, &table.columns)?;
    }
    Ok(found.build()?)
}

pub(super) fn table_types(query: CommandGetTableTypes) -> Result<RecordBatch> {
    let mut found = query.into_builder();
    found.append(TABLE);
    found.append(VIEW);
    Ok(found.build()?)
}

pub(super) fn sql_infos(service: &Service) -> Result<SqlInfoData> {
    let mut infos = SqlInfoDataBuilder::new();
    infos.append(SqlInfo::FlightSqlServerName, "lakebed");
    infos.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    infos.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    infos.append(SqlInfo::FlightSqlServerReadOnly, service.write.is_none());
    infos.append(SqlInfo::FlightSqlServerSql, true);
    infos.append(SqlInfo::FlightSqlServerSubstrait, false);
    infos.append(SqlInfo::FlightSqlServerCancel, true);
    infos.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    Ok(infos.build()?)
}
