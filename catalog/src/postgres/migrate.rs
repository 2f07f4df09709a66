//! Formats of the tables, forward only: each release brings older ones up to date and refuses newer
//! ones.

use sqlx::{Connection, PgConnection, query, query_scalar, raw_sql};

use crate::error::Error;
use crate::time::now;

use super::Place;
use super::failure::Failure;

/// What leads from one format to the next. Released entries never change; a new format is a new
/// entry.
const MIGRATIONS: &[&str] = &[
    include_str!("format_1.sql"),
    include_str!("format_2.sql"),
    include_str!("format_3.sql"),
    include_str!("format_4.sql"),
];

/// The lock that is held by whoever changes the format: `lakebed` in ASCII.
const LOCK: i64 = 0x006c_616b_6562_6564;

/// Brings the tables to the newest format, in one transaction.
pub(super) async fn migrate(connection: &mut PgConnection, place: &Place) -> Result<(), Failure> {
    if pending(format(connection).await?, place)?.is_empty() {
        return Ok(());
    }
    // WHY: only so a statement sees what was committed while the lock was waited for.
    let mut tx = connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let found = format(&mut tx).await?;
    for (number, migration) in (found + 1..).zip(pending(found, place)?) {
        raw_sql(*migration).execute(&mut *tx).await?;
        query("INSERT INTO lakebed.schema_version (version, applied_at) VALUES ($1, $2)")
            .bind(number)
            .bind(now().timestamp_micros())
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// The format of the tables; 0 if there are none.
async fn format(connection: &mut PgConnection) -> Result<i64, Failure> {
    // WHY: not `to_regclass`, which remembers from before the lock that there was none.
    let exists: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables
         WHERE schemaname = 'lakebed' AND tablename = 'schema_version')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !exists {
        return Ok(0);
    }
    Ok(query_scalar("SELECT coalesce(max(version), 0) FROM lakebed.schema_version")
        .fetch_one(connection)
        .await?)
}

fn pending(found: i64, place: &Place) -> Result<&'static [&'static str], Error> {
    let done = usize::try_from(found).ok();
    done.and_then(|done| MIGRATIONS.get(done..)).ok_or_else(|| Error::NewerStore {
        found,
        known: i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX),
        path: place.0.clone(),
    })
}
