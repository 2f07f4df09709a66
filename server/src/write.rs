//! [`Write`]: a statement that writes. [`Written`]: what it did, which can be taken back as long as nothing follows it.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::{CatalogExt, QualifiedName, Version};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use engine::Progress;
use sql::{Inputs, Parameters, Statement, Writing, parameter_types};

use crate::query::{Sent, statement};
use crate::service::{Service, on};
use crate::text::words;
use crate::{Error, Result};

/// What statements that write begin with.
const KEYWORDS: [&str; 6] = ["CREATE", "INSERT", "UPDATE", "DELETE", "MERGE", "DROP"];

/// One that was read and has not run.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    statement: Arc<Statement>,
    keyword: &'static str,
    /// Whether it makes or drops a view.
    of_view: bool,
    types: Vec<Option<DataType>>,
}

/// What a statement has written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// As PostgreSQL calls it.
    pub(crate) tag: &'static str,
    /// How many rows are new, changed or gone, where the tag says so.
    pub(crate) rows: Option<u64>,
    made: Option<Made>,
}

/// A version that was made.
type Made = (QualifiedName, Version);

impl Write {
    /// Reads one statement; `None` for one that does not write, or a server that does not.
    pub(crate) async fn of(service: &Arc<Service>, sent: Sent<'_>) -> Result<Option<Self>> {
        let first = words(sent.text, 1).pop().unwrap_or_default();
        let keyword = KEYWORDS.into_iter().find(|keyword| *keyword == first);
        let (Some(keyword), Some(_)) = (keyword, &service.write) else {
            return Ok(None);
        };
        let statement = Arc::new(statement(service, sent)?);
        let (shared, read) = (Arc::clone(service), Arc::clone(&statement));
        let told = sent.types.to_vec();
        let types = async move { Ok(parameter_types(&shared.session, &read, &told).await) };
        let types = on(&service.engine, types).await?;
        // CREATE OR REPLACE VIEW
        let of_view = ["CREATE", "DROP"].contains(&keyword)
            && words(sent.text, 4).iter().any(|word| word == "VIEW");
        Ok(Some(Self { statement, keyword, of_view, types }))
    }

    /// The types of `$1`, `$2`, …, where dataset and text tell them.
    pub(crate) fn parameters(&self) -> &[Option<DataType>] {
        &self.types
    }

    /// Whether it can be taken back.
    fn check_undoable(&self) -> Result<()> {
        if self.keyword != "DROP" && !self.of_view {
            return Ok(());
        }
        let (what, instead) = match self.of_view {
            true => ("a view", ""),
            false => ("DROP TABLE", "; CREATE OR REPLACE TABLE is taken, and makes a new version"),
        };
        let what = format!(
            "{what} cannot be taken back, so it is no part of a transaction or of a text of several \
             statements; hint: run it by itself, in the driver's autocommit mode{instead}"
        );
        Err(Error::refused("25001", &what))
    }

    /// Runs it, as a whole or not at all.
    pub(crate) async fn run(
        &self,
        service: &Arc<Service>,
        values: Vec<ScalarValue>,
    ) -> Result<Written> {
        let Some(job) = service.write.clone() else {
            return Err(Error::refused("25006", "statements only read"));
        };
        let places = values.iter().map(|value| value.to_array_of_size(1));
        let places = places.collect::<Result<_, _>>()?;
        let parameters = Parameters { places, names: Vec::new() };
        let inputs = Inputs { parameters, ..Inputs::default() };
        let writing = Writing { job, progress: Arc::<Progress>::default() };
        let (session, statement) = (Arc::clone(&service.session), Arc::clone(&self.statement));
        let run = async move {
            let run = sql::run(&session, &statement, &inputs, &writing);
            Ok(Box::pin(run).await?)
        };
        let answer = on(&service.engine, run).await?;
        let tag = match (self.keyword, answer.changed) {
            ("CREATE", _) if self.of_view => "CREATE VIEW",
            ("DROP", _) if self.of_view => "DROP VIEW",
            ("CREATE", Some(_)) => "SELECT",
            ("CREATE", None) => "CREATE TABLE AS",
            ("DROP", _) => "DROP TABLE",
            (keyword, _) => keyword,
        };
        let made = answer.version.filter(|_| answer.is_new);
        Ok(Written { tag, rows: answer.changed, made })
    }
}

/// What a client has written and may still take back.
#[derive(Debug, Default)]
pub(crate) struct Transaction(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    extent: Extent,
    /// Whether it only reads, where it says so or did when it began.
    only_reads: Option<bool>,
    /// Whether a statement in it has failed.
    has_failed: bool,
    made: Vec<Made>,
    /// The names of savepoints, and how much was made before.
    savepoints: Vec<(String, usize)>,
}

/// How far a transaction goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// There is none.
    #[default]
    None,
    /// To the end of what the client asks for at once, as a rule one statement.
    Message,
    /// To the end of a text of several statements.
    Text,
    /// From `BEGIN` to `COMMIT` or `ROLLBACK`.
    Open,
}

impl Transaction {
    pub(crate) fn begin(&self, extent: Extent) {
        self.state().extent = extent;
    }

    pub(crate) fn extent(&self) -> Extent {
        self.state().extent
    }

    /// Says whether it only reads; with nothing, whether it does is a setting of the client's.
    pub(crate) fn set_access(&self, only_reads: Option<bool>) {
        self.state().only_reads = only_reads;
    }

    pub(crate) fn only_reads(&self) -> Option<bool> {
        self.state().only_reads
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state().has_failed
    }

    pub(crate) fn save(&self, name: &str) {
        let mut state = self.state();
        let made = state.made.len();
        state.savepoints.push((name.to_owned(), made));
    }

    /// Keeps what was made.
    pub(crate) fn commit(&self) {
        *self.state() = State::default();
    }

    /// What the client asked for at once is done.
    pub(crate) fn end_message(&self) {
        if self.extent() != Extent::Open {
            self.commit();
        }
    }

    /// A statement has failed: what it was a part of is taken back, or waits for its end.
    pub(crate) async fn fail(&self, service: &Arc<Service>) -> Result<()> {
        if self.extent() != Extent::Open {
            return self.roll_back(service).await;
        }
        self.state().has_failed = true;
        Ok(())
    }

    /// Runs a statement as a part of it.
    pub(crate) async fn write(
        &self,
        service: &Arc<Service>,
        write: &Write,
        values: Vec<ScalarValue>,
    ) -> Result<Written> {
        {
            let mut state = self.state();
            if state.has_failed {
                let what = "current transaction is aborted, nothing is written until its end; hint: ROLLBACK";
                return Err(Error::refused("25P02", what));
            }
            match state.extent {
                Extent::None => state.extent = Extent::Message,
                Extent::Message if state.made.is_empty() => {}
                _ => write.check_undoable()?,
            }
        }
        let written = write.run(service, values).await?;
        self.state().made.extend(written.made.clone());
        Ok(written)
    }

    /// Takes back what was made, the newest first.
    pub(crate) async fn roll_back(&self, service: &Arc<Service>) -> Result<()> {
        let made = mem::take(&mut *self.state()).made;
        undo(service, made).await
    }

    /// Takes back what was made since a savepoint.
    pub(crate) async fn roll_back_to(&self, service: &Arc<Service>, name: &str) -> Result<()> {
        let made = {
            let mut state = self.state();
            let at = state.savepoints.iter().rposition(|(known, _)| known == name);
            let Some(at) = at else {
                let what = format!("savepoint `{name}` does not exist");
                return Err(Error::refused("3B001", what));
            };
            let kept = state.savepoints[at].1;
            state.savepoints.truncate(at + 1);
            state.has_failed = false;
            state.made.split_off(kept)
        };
        undo(service, made).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn undo(service: &Arc<Service>, made: Vec<Made>) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    let session = Arc::clone(&service.session);
    let undone = async move {
        let (catalog, mut left) = (session.catalog(), Vec::new());
        for (name, version) in made.into_iter().rev() {
            match catalog.newest(&name).await? {
                Some(newest) if newest.version == version => {
                    catalog.remove_version(&name, version).await?;
                }
                Some(_) => left.push(format!("{}@{version}", name.short())),
                None => {}
            }
        }
        Ok(left)
    };
    let left: Vec<String> = on(&service.engine, undone).await?;
    if left.is_empty() {
        return Ok(());
    }
    let what = format!(
        "`{}` stays: others have made newer versions meanwhile; hint: `lakebed.versions` has all of them",
        left.join("`, `")
    );
    Err(Error::refused("40002", what))
}
