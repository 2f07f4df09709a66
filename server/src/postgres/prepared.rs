//! [`Prepared`]: what a statement of a client is, read once.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};

use crate::postgres::settings::{ACCESS, DEFAULT_ACCESS, is_yes};
use crate::postgres::wire::wire_schema;
use crate::query::{Planned, Sent};
use crate::service::Service;
use crate::text::words;
use crate::write::Write;
use crate::{Error, Result};

/// A statement that needs no rows of anybody, or a query.
#[derive(Clone)]
pub(crate) enum Prepared {
    /// Nothing but white space.
    Empty,
    /// Reads.
    Query(Box<Planned>, SchemaRef),
    /// `SHOW name`.
    Show(String),
    /// `SET name TO value`.
    Set(String, String),
    /// `RESET ALL`, `DISCARD ALL`.
    Reset(&'static str),
    /// `DEALLOCATE name`.
    Deallocate(String),
    /// Makes a version, or removes datasets.
    Write(Box<Write>),
    /// `BEGIN`, and whether it says that the transaction only reads.
    Begin(Option<bool>),
    /// `SET TRANSACTION READ ONLY` and the like, for the transaction that there is.
    Access(Option<bool>),
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    RollBack,
    /// `SAVEPOINT name`.
    Savepoint(String),
    /// `ROLLBACK TO name`.
    RollBackTo(String),
    /// What has no effect.
    Nothing(&'static str),
}

impl Prepared {
    /// The types of `$1`, `$2`, …, where they are known.
    pub(crate) fn parameters(&self) -> Result<Vec<Option<DataType>>> {
        match self {
            Self::Query(planned, _) => planned.parameters(),
            Self::Write(write) => Ok(write.parameters().to_vec()),
            _ => Ok(Vec::new()),
        }
    }

    /// Reads one statement.
    pub(crate) async fn of(service: &Arc<Service>, sent: Sent<'_>) -> Result<Self> {
        if let Some(write) = Write::of(service, sent).await? {
            return Ok(Self::Write(Box::new(write)));
        }
        let words = words(sent.text, 40);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            [] => Self::Empty,
            ["SELECT" | "WITH" | "VALUES" | "TABLE" | "(", ..] => {
                let planned = Planned::of(service, sent).await?;
                let schema = wire_schema(&planned.schema());
                Self::Query(Box::new(planned), schema)
            }
            ["EXPLAIN" | "DESCRIBE", ..] | ["SHOW", "TABLES" | "COLUMNS", ..] => {
                let planned = Planned::of_data(service, sent).await?;
                let schema = wire_schema(&planned.schema());
                Self::Query(Box::new(planned), schema)
            }
            ["BEGIN", modes @ ..] | ["START", "TRANSACTION", modes @ ..] => {
                Self::Begin(only_reads(modes))
            }
            ["COMMIT" | "END" | "ROLLBACK" | "ABORT", .., "AND", "CHAIN"] => {
                let what = "AND CHAIN is not taken by this server; hint: BEGIN starts the next \
                            transaction";
                return Err(Error::refused("0A000", what));
            }
            ["COMMIT" | "END", ..] => Self::Commit,
            ["ROLLBACK", rest @ .., name] if rest.contains(&"TO") => {
                Self::RollBackTo((*name).to_owned())
            }
            ["ROLLBACK" | "ABORT", ..] => Self::RollBack,
            ["SAVEPOINT", name] => Self::Savepoint((*name).to_owned()),
            ["RELEASE", ..] => Self::Nothing("RELEASE"),
            ["SET", "TRANSACTION", modes @ ..] => match only_reads(modes) {
                Some(only_reads) => Self::Access(Some(only_reads)),
                None => Self::Nothing("SET"),
            },
            ["SET", "SESSION", "CHARACTERISTICS", modes @ ..] => match only_reads(modes) {
                Some(only_reads) => {
                    let value = if only_reads { "on" } else { "off" };
                    Self::Set(DEFAULT_ACCESS.to_owned(), value.to_owned())
                }
                None => Self::Nothing("SET"),
            },
            ["SET", "SESSION" | "LOCAL", rest @ ..] | ["SET", rest @ ..] => set(rest)?,
            ["SHOW", "TIME", "ZONE"] => Self::Show("timezone".to_owned()),
            ["SHOW", "TRANSACTION", "ISOLATION", "LEVEL"] => {
                Self::Show("transaction_isolation".to_owned())
            }
            ["SHOW", name] => Self::Show(name.to_lowercase()),
            ["RESET", "ALL"] => Self::Reset("RESET"),
            ["RESET", _] => set(&[words[1], "TO", "DEFAULT"])?,
            ["DISCARD", ..] => Self::Reset("DISCARD ALL"),
            ["DEALLOCATE", "PREPARE", name] | ["DEALLOCATE", name] => {
                Self::Deallocate((*name).to_owned())
            }
            [keyword, ..] => return Err(refused(keyword, service.write.is_some())),
        })
    }
}

fn set(words: &[&str]) -> Result<Prepared> {
    let (name, value) = match words {
        ["TIME", "ZONE", value @ ..] => ("timezone", value),
        [name, "=" | "TO", value @ ..] => (*name, value),
        _ => return Err(Error::refused("42601", "a setting is `SET name TO value`")),
    };
    let value = value.join(" ").replace(" ,", ",");
    if !name.eq_ignore_ascii_case(ACCESS) {
        return Ok(Prepared::Set(name.to_owned(), value));
    }
    let is_default = value.eq_ignore_ascii_case("DEFAULT");
    let only_reads = (!is_default).then(|| is_yes(ACCESS, &value)).transpose()?;
    Ok(Prepared::Access(only_reads))
}

/// Whether modes of a transaction say that it only reads; the last counts.
fn only_reads(modes: &[&str]) -> Option<bool> {
    modes.windows(2).rev().find_map(|words| match words {
        ["READ", "ONLY"] => Some(true),
        ["READ", "WRITE"] => Some(false),
        _ => None,
    })
}

fn refused(keyword: &str, writes: bool) -> Error {
    if writes {
        let what = format!(
            "`{keyword}` is not taken by this server; hint: SELECT, WITH, VALUES, SHOW, SET, CREATE TABLE … AS, \
             INSERT, UPDATE, DELETE, MERGE or DROP TABLE"
        );
        return Error::refused("0A000", what);
    }
    let what = format!(
        "`{keyword}` is not taken by this server, where statements only read; hint: SELECT, WITH, VALUES, SHOW or \
         SET, or a server that is started with --write"
    );
    // What other databases call a transaction that only reads.
    Error::refused("25006", what)
}
