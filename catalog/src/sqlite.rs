//! [`SqliteCatalog`]: the durable store, one `SQLite` file that any number of processes share.
//!
//! This file holds connections and transactions; what happens inside one is in `sqlite/`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool, Transaction};
use tokio::fs;
use tokio::time::sleep;

use crate::dataset::{Dataset, DatasetVersion};
use crate::error::Result;
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::per_process::PerProcess;
use crate::request::{Claim, ClaimRequest, CompletedVersion, DatasetEdit, VersionFilter};
use crate::store::{CatalogStore, missing};
use crate::version::Version;
use crate::view::View;

use failure::Failure;
use file_id::FileId;

mod claim;
mod edit;
mod failure;
mod file_id;
mod folder;
mod folders;
mod job;
mod migrate;
mod read;
mod rows;
mod view;

/// A transaction of this store.
type Tx = Transaction<'static, Sqlite>;

/// How long to wait for other processes, in a lock and over all attempts to get one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between attempts where `SQLite` refuses at once instead of waiting.
const PAUSE: Duration = Duration::from_millis(10);

/// How many queries of one process read at the same time.
const READERS: u32 = 4;

/// A catalog in an `SQLite` file.
///
/// The file is in WAL mode: readers never wait, writers queue up. Within a process they queue for
/// the one writing connection, which is fair; between processes for `SQLite`'s lock, taken when a
/// transaction begins, so that no two can block each other.
///
/// `SQLite` goes on with a file that was removed or replaced, as if nothing had happened; here every
/// call looks first whether the file is still the one at the path.
#[derive(Debug)]
pub struct SqliteCatalog {
    path: PathBuf,
    file: FileId,
    pools: PerProcess<Pools>,
}

/// Connections. `SQLite` forbids to use one in a forked child.
#[derive(Clone, Debug)]
struct Pools {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Pools {
    // WHY: WAL is a lasting property of the file, and only `prepare` can wait for the lock that
    // setting it needs.
    fn new(path: &Path) -> Self {
        let pool = |connections| {
            PoolOptions::<Sqlite>::new()
                .max_connections(connections)
                .acquire_timeout(2 * PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .connect_lazy_with(options(path))
        };
        Self { writer: pool(1), readers: pool(READERS) }
    }
}

impl SqliteCatalog {
    /// Opens the catalog, creates the file and its folder if needed, and brings older formats up to
    /// date.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let file =
            prepare(&path).await.map_err(|failure| failure.explain("open the catalog", &path))?;
        let pools = PerProcess::new(Pools::new(&path));
        Ok(Self { path, file, pools })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// This process's connections.
    fn pools(&self) -> Pools {
        self.pools.get(|| Pools::new(&self.path))
    }

    /// A transaction that holds the write lock from its first moment, so that it never has to be
    /// repeated.
    async fn begin(&self) -> Result<Tx, Failure> {
        let (started, mut renewed) = (Instant::now(), false);
        loop {
            self.check_in_place()?;
            match self.pools().writer.begin_with("BEGIN IMMEDIATE").await.map_err(Failure::from) {
                Err(failure) if failure.is_busy() && started.elapsed() < PATIENCE => {
                    sleep(PAUSE).await
                }
                // A connection whose transaction a full disk ended takes itself to be in one for good.
                Err(_) if !renewed => {
                    renewed = true;
                    self.pools.renew(|| Pools::new(&self.path));
                }
                begun => return begun,
            }
        }
    }

    /// A transaction that sees one state of the catalog and waits for nobody.
    async fn snapshot(&self) -> Result<Tx, Failure> {
        self.check_in_place()?;
        Ok(self.pools().readers.begin().await?)
    }

    fn check_in_place(&self) -> Result<(), Failure> {
        match FileId::at(&self.path) {
            Ok(found) if found == self.file => Ok(()),
            Ok(_) => Err(Failure::Gone("another file is at its path".into())),
            Err(error) => Err(Failure::Gone(error.into())),
        }
    }

    /// Turns a failure into the public error, with the path and with names that look alike.
    async fn report<T: Send>(&self, doing: &str, outcome: Result<T, Failure>) -> Result<T> {
        match outcome {
            Ok(value) => Ok(value),
            Err(Failure::Missing { name, wanted }) => Err(missing(self, &name, wanted).await),
            Err(failure) => Err(failure.explain(doing, &self.path)),
        }
    }
}

#[async_trait]
impl CatalogStore for SqliteCatalog {
    async fn claim_version(&self, request: ClaimRequest) -> Result<Claim> {
        let outcome = async { claim::claim(self.begin().await?, request).await }.await;
        self.report("claim a version", outcome).await
    }

    async fn complete_version(
        &self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> Result<DatasetVersion> {
        let outcome = async {
            let record = claim::complete(self.begin().await?, claim, completed).await?;
            // WHY: what was committed to a file that is gone was not saved.
            self.check_in_place()?;
            Ok(record)
        };
        self.report("complete a version", outcome.await).await
    }

    async fn abandon_version(&self, claim: &Claim, error: &str) -> Result<()> {
        let outcome = async { claim::abandon(self.begin().await?, claim, error).await }.await;
        self.report("abandon a version", outcome).await
    }

    async fn datasets(&self) -> Result<Vec<Dataset>> {
        let outcome = async { read::datasets(&mut *self.snapshot().await?).await }.await;
        self.report("list datasets", outcome).await
    }

    async fn versions(&self, filter: VersionFilter) -> Result<Vec<DatasetVersion>> {
        let outcome = async { read::versions(&mut *self.snapshot().await?, &filter).await }.await;
        self.report("list versions", outcome).await
    }

    async fn remove_version(&self, name: &QualifiedName, version: Version) -> Result<()> {
        let outcome = async { edit::remove(self.begin().await?, name, version).await }.await;
        self.report("remove a version", outcome).await
    }

    async fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> Result<()> {
        let outcome = async { edit::rename(self.begin().await?, from, to).await }.await;
        self.report("rename a dataset", outcome).await
    }

    async fn edit_dataset(&self, name: &QualifiedName, edit: DatasetEdit) -> Result<Dataset> {
        let outcome = async { edit::edit(self.begin().await?, name, edit).await }.await;
        self.report("edit a dataset", outcome).await
    }

    async fn make_folder(&self, name: &FolderName, description: Option<String>) -> Result<Folder> {
        let outcome = async { folder::make(self.begin().await?, name, description).await }.await;
        self.report("make a folder", outcome).await
    }

    async fn made_folders(&self) -> Result<Vec<Folder>> {
        let outcome = async { folder::made(&mut *self.snapshot().await?).await }.await;
        self.report("list folders", outcome).await
    }

    async fn forget_folder(&self, name: &FolderName) -> Result<bool> {
        let outcome = async { folder::forget(self.begin().await?, name).await }.await;
        self.report("forget a folder", outcome).await
    }

    async fn make_view(&self, view: View) -> Result<View> {
        let outcome = async { view::make(self.begin().await?, &view).await }.await;
        self.report("make a view", outcome).await
    }

    async fn replace_view(&self, view: View) -> Result<()> {
        let outcome = async { view::replace(self.begin().await?, &view).await }.await;
        self.report("make a view", outcome).await
    }

    async fn view(&self, name: &QualifiedName) -> Result<Option<View>> {
        let outcome = async { view::find(&mut *self.snapshot().await?, name).await }.await;
        self.report("read a view", outcome).await
    }

    async fn views(&self) -> Result<Vec<View>> {
        let outcome = async { view::all(&mut *self.snapshot().await?).await }.await;
        self.report("list views", outcome).await
    }

    async fn drop_view(&self, name: &QualifiedName) -> Result<bool> {
        let outcome = async { view::drop(self.begin().await?, name).await }.await;
        self.report("drop a view", outcome).await
    }

    async fn start_job(&self, job: NewJob) -> Result<Job> {
        let outcome = async { job::start(self.begin().await?, job).await }.await;
        self.report("start a job", outcome).await
    }

    async fn note_job(&self, id: &JobId, notes: JobNotes) -> Result<()> {
        let outcome = async { job::note(self.begin().await?, id, notes).await }.await;
        self.report("note what a job found", outcome).await
    }

    async fn finish_job(&self, id: &JobId, status: JobStatus, error: Option<String>) -> Result<()> {
        let outcome = async { job::finish(self.begin().await?, id, status, error).await }.await;
        self.report("finish a job", outcome).await
    }

    async fn job(&self, id: &JobId) -> Result<Job> {
        let outcome = async { job::find(&mut *self.snapshot().await?, id).await }.await;
        self.report("read a job", outcome).await
    }

    async fn close(&self) {
        self.pools().readers.close().await;
        self.pools().writer.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .row_buffer_size(1024)
        .disable_statement_logging()
}

/// Makes the file a catalog of the current format; several processes may do so at once.
async fn prepare(path: &Path) -> Result<FileId, Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await?;
    }
    let options = options(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let started = Instant::now();
    loop {
        match prepare_once(&options, path).await {
            Err(failure) if failure.is_busy() && started.elapsed() < PATIENCE => sleep(PAUSE).await,
            prepared => return prepared,
        }
    }
}

async fn prepare_once(options: &SqliteConnectOptions, path: &Path) -> Result<FileId, Failure> {
    let mut connection = options.connect().await?;
    let migrated = migrate::migrate(&mut connection, path).await;
    connection.close().await?;
    migrated?;
    Ok(FileId::at(path)?)
}

#[cfg(test)]
mod tests;
