//! [`Prepared`]: what a statement of a client is, read once.

use datafusion::arrow::datatypes::SchemaRef;

use crate::postgres::wire::wire_schema;
use crate::query::Planned;
use crate::service::Service;
use crate::text::words;
use crate::{Error, Result};

/// A statement that needs no rows of anybody, or a query.
#[derive(Clone)]
pub(crate) enum Prepared {
    /// Nothing but white space.
    Empty,
    /// Reads.
    Query(Planned, SchemaRef),
    /// `SHOW name`.
    Show(String),
    /// `SET name TO value`.
    Set(String, String),
    /// `RESET ALL`, `DISCARD ALL`.
    Reset(&'static str),
    /// `DEALLOCATE name`.
    Deallocate(String),
    /// `BEGIN`.
    Begin,
    /// `COMMIT` and `ROLLBACK`, of nothing.
    End(&'static str),
    /// `SAVEPOINT` and the like.
    Nothing(&'static str),
}

impl Prepared {
    /// Reads one statement.
    pub(crate) async fn of(service: &Service, text: &str) -> Result<Self> {
        let words = words(text, 40);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            [] => Self::Empty,
            ["SELECT" | "WITH" | "VALUES" | "TABLE" | "(", ..] => {
                let planned = Planned::of(service, text).await?;
                let schema = wire_schema(&planned.schema());
                Self::Query(planned, schema)
            }
            ["EXPLAIN" | "DESCRIBE", ..] | ["SHOW", "TABLES" | "COLUMNS", ..] => {
                let planned = Planned::Data(sql::query(&service.session, text).await?);
                let schema = wire_schema(&planned.schema());
                Self::Query(planned, schema)
            }
            ["BEGIN", ..] | ["START", "TRANSACTION", ..] => Self::Begin,
            ["COMMIT" | "END", ..] => Self::End("COMMIT"),
            ["ROLLBACK", rest @ ..] if rest.contains(&"TO") => Self::Nothing("ROLLBACK"),
            ["ROLLBACK" | "ABORT", ..] => Self::End("ROLLBACK"),
            ["SAVEPOINT", ..] => Self::Nothing("SAVEPOINT"),
            ["RELEASE", ..] => Self::Nothing("RELEASE"),
            ["SET", "TRANSACTION", ..] => Self::Nothing("SET"),
            ["SET", "SESSION", "CHARACTERISTICS", ..] => Self::Nothing("SET"),
            ["SET", "SESSION" | "LOCAL", rest @ ..] | ["SET", rest @ ..] => set(rest)?,
            ["SHOW", "TIME", "ZONE"] => Self::Show("timezone".to_owned()),
            ["SHOW", "TRANSACTION", "ISOLATION", "LEVEL"] => {
                Self::Show("transaction_isolation".to_owned())
            }
            ["SHOW", name] => Self::Show(name.to_lowercase()),
            ["RESET", "ALL"] => Self::Reset("RESET"),
            ["RESET", name] => Self::Set((*name).to_owned(), "DEFAULT".to_owned()),
            ["DISCARD", ..] => Self::Reset("DISCARD ALL"),
            ["DEALLOCATE", "PREPARE", name] | ["DEALLOCATE", name] => {
                Self::Deallocate((*name).to_owned())
            }
            [keyword, ..] => return Err(refused(keyword)),
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
    Ok(Prepared::Set(name.to_owned(), value))
}

fn refused(keyword: &str) -> Error {
    let what = format!(
        "`{keyword}` is not taken by this server, where statements only read; hint: SELECT, WITH, VALUES, SHOW or SET"
    );
    // What other databases call a transaction that only reads.
    Error::refused("25006", what)
}
