//! Formats of the file, forward only: each release brings older files up to date and refuses newer
//! ones.

use std::path::Path;

use sqlx::{Connection, SqliteConnection, query, query_scalar, raw_sql};

use crate::error::Error;
use crate::time::now;

use super::failure::Failure;

/// What leads from one format to the next. Released entries never change; a new format is a new
/// entry.
const MIGRATIONS: &[&str] = &[
    include_str!("format_1.sql"),
    include_str!("format_2.sql"),
    include_str!("format_3.sql"),
    include_str!("format_4.sql"),
    include_str!("format_5.sql"),
    include_str!("format_6.sql"),
];

/// Brings the file to the newest format, in one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), Failure> {
    if pending(format(connection).await?, path)?.is_empty() {
        return Ok(());
    }
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    // WHY: another process may have done it while this one waited for the lock.
    let found = format(&mut tx).await?;
    for (number, migration) in (found + 1..).zip(pending(found, path)?) {
        raw_sql(*migration).execute(&mut *tx).await?;
        query("INSERT INTO schema_version (version, applied_at) VALUES (?, ?)")
            .bind(number)
            .bind(now().timestamp_micros())
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// The file's format; 0 if it is empty.
async fn format(connection: &mut SqliteConnection) -> Result<i64, Failure> {
    let tables: i64 =
        query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'")
            .fetch_one(&mut *connection)
            .await?;
    if tables == 0 {
        return Ok(0);
    }
    Ok(query_scalar("SELECT coalesce(max(version), 0) FROM schema_version")
        .fetch_one(connection)
        .await?)
}

fn pending(found: i64, path: &Path) -> Result<&'static [&'static str], Error> {
    let done = usize::try_from(found).ok();
    done.and_then(|done| MIGRATIONS.get(done..)).ok_or_else(|| Error::NewerStore {
        found,
        known: i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX),
        path: path.display().to_string(),
    })
}
