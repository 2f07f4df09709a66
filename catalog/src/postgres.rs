//! [`PostgresCatalog`]: the store for many machines that have a `PostgreSQL` server.
//!
//! This file holds connections and transactions; what happens inside one is in `postgres/`.

use std::str::FromStr;
use std::time::Duration;
use std::{fmt, io};

use async_trait::async_trait;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool, Postgres, Transaction, query, query_scalar};
use tokio::time::timeout;

use crate::dataset::{Dataset, DatasetVersion};
use crate::error::{Error, Result};
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::patience::Patience;
use crate::per_process::PerProcess;
use crate::request::{Claim, ClaimRequest, CompletedVersion, DatasetEdit, VersionFilter};
use crate::store::{CatalogStore, missing};
use crate::version::Version;
use crate::view::View;

use failure::Failure;

mod claim;
mod datasets;
mod edit;
mod failure;
mod folder;
mod job;
mod migrate;
mod read;
mod rows;
mod view;

/// A transaction of this store.
type Tx = Transaction<'static, Postgres>;

/// How many connections a process has at most.
const CONNECTIONS: u32 = 4;

/// How long to wait for one of them.
const PATIENCE: Duration = Duration::from_secs(30);

/// After which time of rest a connection is given back to the server.
const IDLE: Duration = Duration::from_secs(60);

/// A catalog in a `PostgreSQL` database, in a schema of its own: `lakebed`.
///
/// Writers are serialisable transactions: whoever meets another one begins again. Readers see one
/// state of the catalog and wait for nobody.
pub struct PostgresCatalog {
    options: PgConnectOptions,
    place: Place,
    pool: PerProcess<PgPool>,
}

/// Which database, without the password.
#[derive(Clone, Debug)]
struct Place(String);

impl PostgresCatalog {
    /// Opens the catalog, creates its tables if needed, and brings older formats up to date.
    ///
    /// The address is like `postgresql://user:password@host:5432/database`.
    pub async fn open(address: &str) -> Result<Self> {
        let options = parse(address).map_err(|failure| {
            failure.explain("open the catalog", &Place("postgresql://…".to_owned()))
        })?;
        let place = Place::of(&options);
        prepare(&options, &place)
            .await
            .map_err(|failure| failure.explain("open the catalog", &place))?;
        let pool = PerProcess::new(connect(&options));
        Ok(Self { options, place, pool })
    }

    /// The same for what is below a root; the first one that asks is the catalog's root for good.
    pub async fn of_root(self, root: &str) -> Result<Self> {
        let theirs = async {
            let insert = "INSERT INTO lakebed.root (place) VALUES ($1) ON CONFLICT DO NOTHING";
            query(insert).bind(root).execute(&self.pool()).await?;
            let place: String =
                query_scalar("SELECT place FROM lakebed.root").fetch_one(&self.pool()).await?;
            Ok::<_, Failure>(place)
        };
        let theirs =
            theirs.await.map_err(|failure| failure.explain("open the catalog", &self.place))?;
        if theirs != root {
            let (path, ours) = (self.place.0.clone(), root.to_owned());
            return Err(Error::OtherRoot { path, theirs, ours });
        }
        Ok(self)
    }

    /// This process's connections.
    fn pool(&self) -> PgPool {
        self.pool.get(|| connect(&self.options))
    }

    /// Does something in a transaction that is as if it were alone; again, if it was not.
    async fn write<T, F>(&self, work: impl Fn(Tx) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut patience = Patience::new();
        loop {
            let begun = self.pool().begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
            match work(begun).await {
                Err(failure) if failure.is_conflict() && patience.pause().await => {}
                done => return done,
            }
        }
    }

    /// A transaction that sees one state of the catalog and waits for nobody.
    async fn snapshot(&self) -> Result<Tx, Failure> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(self.pool().begin_with(begin).await?)
    }

    /// Turns a failure into the public error, with the place and with names that look alike.
    async fn report<T: Send>(&self, doing: &str, outcome: Result<T, Failure>) -> Result<T> {
        match outcome {
            Ok(value) => Ok(value),
            Err(Failure::Missing { name, wanted }) => Err(missing(self, &name, wanted).await),
            Err(failure) => Err(failure.explain(doing, &self.place)),
        }
    }
}

#[async_trait]
impl CatalogStore for PostgresCatalog {
    async fn claim_version(&self, request: ClaimRequest) -> Result<Claim> {
        let outcome = self.write(|tx| claim::claim(tx, &request)).await;
        self.report("claim a version", outcome).await
    }

    async fn complete_version(
        &self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> Result<DatasetVersion> {
        let outcome = self.write(|tx| claim::complete(tx, claim, &completed)).await;
        self.report("complete a version", outcome).await
    }

    async fn abandon_version(&self, claim: &Claim, error: &str) -> Result<()> {
        let outcome = self.write(|tx| claim::abandon(tx, claim, error)).await;
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
        let outcome = self.write(|tx| edit::remove(tx, name, version)).await;
        self.report("remove a version", outcome).await
    }

    async fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> Result<()> {
        let outcome = self.write(|tx| edit::rename(tx, from, to)).await;
        self.report("rename a dataset", outcome).await
    }

    async fn edit_dataset(&self, name: &QualifiedName, edit: DatasetEdit) -> Result<Dataset> {
        let outcome = self.write(|tx| edit::edit(tx, name, &edit)).await;
        self.report("edit a dataset", outcome).await
    }

    async fn make_folder(&self, name: &FolderName, description: Option<String>) -> Result<Folder> {
        let outcome = self.write(|tx| folder::make(tx, name, description.as_deref())).await;
        self.report("make a folder", outcome).await
    }

    async fn made_folders(&self) -> Result<Vec<Folder>> {
        let outcome = async { folder::made(&mut *self.snapshot().await?).await }.await;
        self.report("list folders", outcome).await
    }

    async fn forget_folder(&self, name: &FolderName) -> Result<bool> {
        let outcome = self.write(|tx| folder::forget(tx, name)).await;
        self.report("forget a folder", outcome).await
    }

    async fn make_view(&self, view: View) -> Result<View> {
        let outcome = self.write(|tx| view::make(tx, &view)).await;
        self.report("make a view", outcome).await
    }

    async fn replace_view(&self, view: View) -> Result<()> {
        let outcome = self.write(|tx| view::replace(tx, &view)).await;
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
        let outcome = self.write(|tx| view::drop(tx, name)).await;
        self.report("drop a view", outcome).await
    }

    async fn start_job(&self, job: NewJob) -> Result<Job> {
        let outcome = self.write(|tx| job::start(tx, &job)).await;
        self.report("start a job", outcome).await
    }

    async fn note_job(&self, id: &JobId, notes: JobNotes) -> Result<()> {
        let outcome = self.write(|tx| job::note(tx, id, &notes)).await;
        self.report("note what a job found", outcome).await
    }

    async fn finish_job(&self, id: &JobId, status: JobStatus, error: Option<String>) -> Result<()> {
        let outcome = self.write(|tx| job::finish(tx, id, status, error.as_deref())).await;
        self.report("finish a job", outcome).await
    }

    async fn job(&self, id: &JobId) -> Result<Job> {
        let outcome = async { job::find(&mut *self.snapshot().await?, id).await }.await;
        self.report("read a job", outcome).await
    }

    async fn close(&self) {
        self.pool().close().await;
    }
}

impl fmt::Debug for PostgresCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresCatalog({})", self.place)
    }
}

impl Place {
    fn of(options: &PgConnectOptions) -> Self {
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let database = options.get_database().unwrap_or(options.get_username());
        Self(format!("postgresql://{host}:{}/{database}", options.get_port()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

fn parse(address: &str) -> Result<PgConnectOptions, Failure> {
    let (scheme, _) = address.split_once("://").ok_or(Failure::Address)?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(Failure::Address);
    }
    // WHY: the parser's message is not kept, because it may quote the password.
    let options = PgConnectOptions::from_str(address).ok().ok_or(Failure::Address)?;
    Ok(options.application_name("lakebed").disable_statement_logging())
}

/// Connections that are made when they are needed, and again when they were lost.
fn connect(options: &PgConnectOptions) -> PgPool {
    PoolOptions::<Postgres>::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .idle_timeout(IDLE)
        .test_before_acquire(true)
        .connect_lazy_with(options.clone())
}

async fn prepare(options: &PgConnectOptions, place: &Place) -> Result<(), Failure> {
    let in_time = timeout(PATIENCE, options.connect()).await;
    let mut connection = in_time.map_err(io::Error::from).map_err(sqlx::Error::from)??;
    migrate::migrate(&mut connection, place).await?;
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests;
