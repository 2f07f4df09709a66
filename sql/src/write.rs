//! [`run`]: statements that write. Each makes one version of one dataset, or removes datasets, as a whole or not
//! at all; or it makes or removes views.

mod alter;
mod create;
mod merge;
mod target;
mod value_types;
mod view;

use std::sync::Arc;

use catalog::{JobId, QualifiedName, Version};
use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as Parsed};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use engine::{Chain, Progress, Saved, Session};

use crate::inputs::Inputs;
use crate::planner::{Planner, read};
use crate::statement::{Statement, check_reads, keyword};
use crate::{Error, Result};

pub use value_types::parameter_types;

/// Who writes, and who is told.
#[derive(Clone, Debug)]
pub struct Writing {
    /// The job that versions belong to; it must have been started.
    pub job: JobId,
    /// What is told of the run.
    pub progress: Arc<Progress>,
}

/// What a statement gives.
#[derive(Debug)]
pub struct Answer {
    /// Rows: of a query, of the version that was made, or of what was removed.
    pub chain: Chain,
    /// The version that was made, or is what would have been made.
    pub version: Option<(QualifiedName, Version)>,
    /// Whether that version was made now.
    pub is_new: bool,
    /// How many rows were added, changed or removed by what makes versions.
    pub changed: Option<u64>,
    /// The file that the rows are to be written to, which is the caller's to do.
    pub copy: Option<CopyTo>,
}

impl Answer {
    /// Rows, of which no version was made.
    fn of(chain: Chain) -> Self {
        Self { chain, version: None, is_new: false, changed: None, copy: None }
    }
}

/// Where `COPY` writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyTo {
    /// A path or URI.
    pub target: String,
    /// What stands behind `STORED AS`.
    pub format: Option<String>,
}

/// Runs a statement, whatever it does. Queries run when their chain does.
///
/// # Errors
/// Those of [`read`], and of saving: datasets that are there already or are not, values that do not fit their columns,
/// names that nobody may give.
pub async fn run(
    session: &Arc<Session>,
    statement: &Statement,
    inputs: &Inputs,
    writing: &Writing,
) -> Result<Answer> {
    if !statement.writes() {
        let chain = read(session, statement, inputs).await?;
        return Ok(Answer::of(chain));
    }
    let planner = Planner::new(session, statement, inputs)?;
    let mut write = Write { planner, statement, inputs, writing };
    match &statement.parsed {
        Parsed::CopyTo(copy) => write.copy(copy).await,
        Parsed::Statement(inner) => match inner.as_ref() {
            SqlStatement::CreateTable(create) => write.create(create).await,
            SqlStatement::Insert(insert) => Box::pin(write.insert(insert)).await,
            SqlStatement::Delete(delete) => Box::pin(write.delete(delete)).await,
            SqlStatement::Update(update) => Box::pin(write.update(update)).await,
            SqlStatement::Merge(merge) => Box::pin(write.merge(merge)).await,
            SqlStatement::Drop { object_type, if_exists, names, .. } => {
                write.remove(*object_type, *if_exists, names).await
            }
            SqlStatement::CreateView(create) => Box::pin(write.create_view(create)).await,
            other => Err(unknown(&keyword(&other.to_string()))),
        },
        _ => Err(unknown(&statement.keyword())),
    }
}

fn unknown(keyword: &str) -> Error {
    Error::refused(
        keyword,
        "statements are SELECT, WITH, VALUES, SHOW, DESCRIBE, EXPLAIN, CREATE TABLE … AS, \
                  CREATE VIEW, INSERT, UPDATE, DELETE, MERGE, DROP and COPY … TO",
    )
}

/// A statement that writes, on its way.
struct Write<'a> {
    planner: Planner<'a>,
    statement: &'a Statement,
    inputs: &'a Inputs,
    writing: &'a Writing,
}

impl<'a> Write<'a> {
    /// Everything anew, for another attempt.
    fn again(&mut self) -> Result<()> {
        self.planner = Planner::new(self.planner.session, self.statement, self.inputs)?;
        Ok(())
    }

    fn session(&self) -> &'a Arc<Session> {
        self.planner.session
    }

    async fn copy(&mut self, copy: &CopyToStatement) -> Result<Answer> {
        if !copy.partitioned_by.is_empty() || !copy.options.is_empty() {
            return Err(Error::refused(
                "COPY with PARTITIONED BY or OPTIONS",
                "`to_parquet`, `to_csv`, `to_json` and `to_jsonl` of the query's chain \
                          have options",
            ));
        }
        let CopyToSource::Query(query) = &copy.source else {
            return Err(unknown("COPY of nothing"));
        };
        check_reads(query)?;
        let chain = self.planner.chain(SqlStatement::Query(query.clone())).await?;
        let copy = CopyTo { target: copy.target.clone(), format: copy.stored_as.clone() };
        Ok(Answer { copy: Some(copy), ..Answer::of(chain) })
    }
}

/// The rows of a version that is there now.
fn answer(saved: Saved) -> Answer {
    let record = saved.record;
    let changes = record.delta.as_ref().filter(|_| saved.is_new).and_then(|delta| delta.changes);
    let changed = changes.map_or(0, |it| it.added + it.replaced + it.dropped);
    Answer {
        version: Some((record.dataset, record.version)),
        is_new: saved.is_new,
        changed: Some(changed),
        ..Answer::of(saved.chain)
    }
}
