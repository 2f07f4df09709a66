//! What the tests build and compare: sessions, small chains, saves, rows.

use std::env;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, ListArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type};
use catalog::{Bump, NewJob, VersionSpec, Wanted};
use engine::{BinaryOp, Chain, Config, Expr, Result, Root, SaveMode, SaveRequest, Saved, Session};
use tempfile::TempDir;

/// A session of several partitions, whatever this machine has.
pub(crate) async fn session() -> Arc<Session> {
    let root = if in_memory() { Root::memory() } else { Root::temporary().unwrap() };
    session_on(&root).await
}

/// A root of its own, for sessions that follow each other: in memory where the tests are run so, else a folder.
pub(crate) struct Place {
    root: Root,
    folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn new() -> Self {
        if in_memory() { Self { root: Root::memory(), folder: None } } else { Self::on_disk() }
    }

    /// For tests that look at files.
    pub(crate) fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { root: Root::folder_at(folder.path()).unwrap(), folder: Some(folder) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }
}

impl Deref for Place {
    type Target = Root;

    fn deref(&self) -> &Root {
        &self.root
    }
}

/// Whether the tests are to run without a disk.
fn in_memory() -> bool {
    env::var_os("LAKEBED_TEST_ROOT").is_some_and(|root| root == "memory")
}

/// A session on a root, as another process would open it.
pub(crate) async fn session_on(root: &Root) -> Arc<Session> {
    let config = Config::with_root(root.clone());
    Session::open(Config { target_partitions: 3, ..config }).await.unwrap()
}

pub(crate) async fn request(session: &Session, name: &str) -> SaveRequest {
    let job = NewJob { name: "test".into(), ..NewJob::default() };
    SaveRequest {
        name: name.parse().unwrap(),
        wanted: Wanted::Bump(Bump::Patch),
        mode: SaveMode::Replace,
        lists: false,
        job: session.catalog().start_job(job).await.unwrap().id,
        description: None,
        attrs: None,
    }
}

pub(crate) async fn save(chain: &Chain, name: &str) -> Result<Saved> {
    let request = request(chain.session(), name).await;
    chain.save(request, &Arc::default()).await
}

pub(crate) async fn read(session: &Arc<Session>, name: &str, version: &str) -> Result<Chain> {
    let spec: VersionSpec = version.parse()?;
    session.read_dataset(&name.parse()?, &spec).await
}

/// Batches of `columns` as a chain.
pub(crate) fn chain(session: &Arc<Session>, batches: Vec<RecordBatch>) -> Chain {
    session.read_batches(&batches[0].schema(), &batches).unwrap()
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

pub(crate) fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

/// Lists of floats; `None` is a null list.
pub(crate) fn lists(rows: Vec<Option<Vec<f64>>>) -> ArrayRef {
    let rows = rows.into_iter().map(|row| row.map(|values| values.into_iter().map(Some)));
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
}

/// All rows in one batch.
pub(crate) async fn rows(chain: &Chain) -> RecordBatch {
    let batches = chain.collect().await.unwrap();
    concat_batches(&chain.schema(), &batches).unwrap()
}

/// One integer column's values, none of which is null.
pub(crate) async fn values(chain: &Chain, column: &str) -> Vec<i64> {
    let rows = rows(chain).await;
    rows[column].as_primitive::<Int64Type>().values().to_vec()
}

pub(crate) fn column(path: &str) -> Expr {
    Expr::Column(path.to_owned())
}

pub(crate) fn compare(path: &str, op: BinaryOp, value: i64) -> Expr {
    let right = Arc::new(Expr::Literal(integers([value])));
    Expr::Binary { op, left: Arc::new(column(path)), right }
}
