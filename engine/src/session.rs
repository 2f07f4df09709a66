//! [`Session`]: what a query needs, held once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::{
    BucketCatalog, CatalogExt, CatalogStore, DatasetVersion, PostgresCatalog, QualifiedName,
    SqliteCatalog,
};
use datafusion::execution::context::SessionState;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use tokio::sync::OnceCell;
use udf_runtime::WorkerPool;

use crate::adapter::error::LanceResultExt;
use crate::config::{cache_of, memory};
use crate::memory::{Memory, Pool};
use crate::physical::{Samples, UdfContext, UdfPlanner, may_spill, sharers};
use crate::progress::Progress;
use crate::registry::Functions;
use crate::storage::{
    Buckets, Cache, CacheOptions, Entered, Location, Root, Storage, memory_bytes,
};
use crate::turns::Turns;
use crate::{ClientConfig, Config, Error, Objects, Result, functions, layout, optimizer};

/// One root, one catalog, one set of caches. Cheap to share, safe to use from many threads.
#[derive(Debug)]
pub struct Session {
    storage: Arc<Storage>,
    buckets: Arc<Buckets>,
    catalog: Arc<dyn CatalogStore>,
    state: SessionState,
    pool: Arc<Pool>,
    /// For plans that may write down what they cannot hold, made with the first of them.
    spilling: OnceCell<Arc<DiskManager>>,
    udf_context: Arc<UdfContext>,
    lance: Arc<lance::session::Session>,
    numbers: AtomicU64,
    held: Mutex<HashMap<Location, Entered>>,
    turns: Turns,
}

impl Session {
    /// Opens the catalog, creating the root folder when it is missing.
    ///
    /// # Errors
    /// [`Error::Storage`](crate::Error::Storage) when the root cannot be created or written.
    pub fn open(config: Config) -> BoxFuture<'static, Result<Arc<Self>>> {
        Self::open_config(config).boxed()
    }

    async fn open_config(mut config: Config) -> Result<Arc<Self>> {
        if config.cache.is_none() {
            config.cache = Some(cache_of(&config.root)?);
        }
        if config.memory.is_none() {
            let memory = memory()?;
            config.target_partitions = memory.partitions(config.target_partitions);
            config.memory = Some(memory);
        }
        let buckets = Arc::<Buckets>::default();
        buckets.configure("", &config.client_config);
        let storage = Storage::open(config.root.clone(), config.pause.clone(), &buckets).await?;
        let catalog = open_catalog(&config, &storage).await?;
        Ok(Self::new(config, storage, buckets, catalog))
    }

    /// A session over these bytes and this catalog.
    pub(crate) fn new(
        config: Config,
        storage: Storage,
        buckets: Arc<Buckets>,
        catalog: Arc<dyn CatalogStore>,
    ) -> Arc<Self> {
        let storage = Arc::new(storage);
        let cache = config.cache.unwrap_or_else(|| CacheOptions::beside(storage.root(), None));
        let memory = config.memory.unwrap_or_else(|| Memory::share_of(memory_bytes()));
        let memory = memory.for_partitions(config.target_partitions);
        let udf_context = Arc::new(UdfContext {
            functions: Arc::default(),
            workers: config.worker.map(WorkerPool::new),
            storage: Arc::clone(&storage),
            objects: Objects::of(&buckets, Cache::new(cache)),
            memory,
        });
        udf_context.tell_workers();
        let (indexes, metadata) = memory.caches();
        let lance = lance::session::Session::new(indexes, metadata, storage.lance_stores());
        let pool = Arc::new(memory.pool());
        Arc::new(Self {
            catalog,
            state: state(config.target_partitions, memory, &pool, &udf_context),
            pool,
            spilling: OnceCell::new(),
            udf_context,
            lance: Arc::new(lance),
            storage,
            buckets,
            numbers: AtomicU64::new(0),
            held: Mutex::default(),
            turns: Turns::default(),
        })
    }

    /// The place of catalog and data.
    #[must_use]
    pub fn root(&self) -> &Root {
        self.storage.root()
    }

    pub(crate) fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }

    /// The buckets that users' files are in.
    pub(crate) fn buckets(&self) -> &Arc<Buckets> {
        &self.buckets
    }

    /// Users' files one by one.
    #[must_use]
    pub fn objects(&self) -> Objects {
        self.udf_context.objects.clone()
    }

    /// How to reach a bucket from now on, `s3://name`; with no name all of them.
    pub fn configure(&self, place: &str, config: &ClientConfig) {
        self.buckets.configure(place, config);
        self.udf_context.tell_workers();
    }

    /// Who lists what.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Names, versions and lineage.
    #[must_use]
    pub fn catalog(&self) -> &Arc<dyn CatalogStore> {
        &self.catalog
    }

    /// Refuses the name of a view for a new dataset, which would hide it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], and those of the catalog.
    pub async fn check_no_view(&self, name: &QualifiedName) -> Result<()> {
        let is_view = self.catalog.view(name).await?.is_some();
        // One that is hidden already is no reader's concern.
        if !is_view || self.catalog.newest(name).await?.is_some() {
            return Ok(());
        }
        Err(Error::InvalidArgument {
            argument: "dataset name",
            given: name.short().to_string(),
            accepted: "a view is called so: DROP VIEW removes it, or choose another name"
                .to_owned(),
        })
    }

    /// The data of a version.
    pub(crate) async fn open_version(&self, record: &DatasetVersion) -> Result<Dataset> {
        let title = format!("{}@{}", record.dataset.short(), record.version);
        let uri = self.storage.lance_uri(&layout::location(&record.location)?);
        let dataset = DatasetBuilder::from_uri(uri)
            .with_session(Arc::clone(&self.lance))
            .with_version(record.storage_version)
            .load()
            .await
            .lance("open", &title)?;
        let dataset = self.storage.at_home(dataset).await.lance("open", &title)?;
        // Lance counts its states from 1 again where a folder was removed.
        let heights = dataset.manifest().fragments.iter().filter_map(|part| part.num_rows());
        let rows = heights.sum::<usize>() as u64;
        if rows != record.rows {
            return Err(Error::Corrupt {
                what: title,
                reason: format!("it has {rows} rows where {} were saved", record.rows),
                source: None,
            });
        }
        Ok(dataset)
    }

    /// The query engine's options, functions and rules, for front ends that plan with them.
    #[must_use]
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// A number that nothing else in the session has.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn functions(&self) -> &Arc<Functions> {
        &self.udf_context.functions
    }

    pub(crate) fn memory(&self) -> Memory {
        self.udf_context.memory
    }

    pub(crate) fn lance(&self) -> &Arc<lance::session::Session> {
        &self.lance
    }

    /// The state for one run, whose operators report to `progress`.
    pub(crate) fn state_for(&self, progress: &Arc<Progress>) -> SessionState {
        let config = self.state.config().clone().with_extension(Arc::clone(progress));
        let state = SessionStateBuilder::new_from_existing(self.state.clone());
        let mut state = state.with_config(config).build();
        // What `now()` says.
        state.mark_start_execution();
        state
    }

    /// What a plan runs with: temporary files where it may need some.
    pub(crate) async fn context_of(
        &self,
        plan: &dyn ExecutionPlan,
        state: &SessionState,
    ) -> Arc<TaskContext> {
        if !may_spill(plan) {
            return state.task_ctx();
        }
        let runtime = RuntimeEnv {
            memory_pool: Arc::new(self.pool.for_plan(sharers(plan))),
            disk_manager: Arc::clone(self.spilling.get_or_init(|| self.spill_disk()).await),
            ..self.state.runtime_env().as_ref().clone()
        };
        Arc::new(TaskContext::new(
            None,
            state.session_id().to_owned(),
            state.config().clone(),
            state.scalar_functions().clone(),
            state.higher_order_functions().clone(),
            state.aggregate_functions().clone(),
            state.window_functions().clone(),
            Arc::new(runtime),
        ))
    }

    async fn spill_disk(&self) -> Arc<DiskManager> {
        // Where there is none, the folder for temporary files of the system is left.
        let disk = self.udf_context.objects.spill_disk().await;
        disk.unwrap_or_else(|_refused| Arc::clone(&self.state.runtime_env().disk_manager))
    }

    /// Keeps collectors of garbage out of a folder until it is [released](Self::release) or the session is gone.
    pub(crate) async fn hold(&self, folder: &Location) -> Result<()> {
        if !self.held().contains_key(folder) {
            let entered = self.storage.share(folder).await?;
            self.held().insert(folder.clone(), entered);
        }
        Ok(())
    }

    pub(crate) fn release(&self, folder: &Location) {
        self.held().remove(folder);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Location, Entered>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The catalog is in the database that the configuration names, else below the root.
async fn open_catalog(config: &Config, storage: &Storage) -> Result<Arc<dyn CatalogStore>> {
    let root = storage.root();
    if let Some(catalog) = root.catalog() {
        return Ok(catalog);
    }
    if let Some(url) = &config.catalog {
        return Ok(Arc::new(PostgresCatalog::open(url).await?.of_root(&root.to_string()).await?));
    }
    Ok(match root.folder() {
        Some(folder) => Arc::new(SqliteCatalog::open(folder.join("catalog.db")).await?),
        None => {
            let (at, called) = (Location::default(), root.to_string());
            Arc::new(BucketCatalog::new(storage.store(), &at, called))
        }
    })
}

fn state(
    target_partitions: usize,
    memory: Memory,
    pool: &Arc<Pool>,
    udf_context: &Arc<UdfContext>,
) -> SessionState {
    let mut config = SessionConfig::new()
        .with_target_partitions(target_partitions)
        .with_information_schema(true)
        // It deals batches out in turn, which loses the order of rows.
        .with_round_robin_repartition(false)
        // Sources cut themselves, into consecutive ranges of their rows.
        .with_repartition_file_scans(false)
        .with_batch_size(memory.batch_rows())
        // The pool keeps it back.
        .with_sort_spill_reservation_bytes(0)
        .with_sort_in_place_threshold_bytes(memory.in_place_bytes())
        .with_extension(Arc::<Samples>::default())
        .with_extension(Arc::clone(pool.hot()))
        .with_extension(Arc::new(memory));
    let runtime = RuntimeEnv { memory_pool: Arc::clone(pool) as _, ..RuntimeEnv::default() };
    let options = config.options_mut();
    // Points in time that SQL writes, and `now()`, have a time zone.
    options.execution.time_zone = Some("UTC".to_owned());
    // Whoever sorts in a query below a limit means it, though the standard promises nothing.
    options.sql_parser.enable_subquery_sort_elimination = false;
    // Pydantic's field names are case-sensitive.
    options.sql_parser.enable_ident_normalization = false;
    // Lance stores views as plain strings, so a view would change its type on save.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    // Partitions are consecutive ranges of rows: one that takes another's files puts them into another order.
    options.execution.enable_file_stream_work_stealing = false;
    // Wrong results and broken extension nodes upstream; `optimizer/prune_leaves.rs` does it for our scans.
    options.optimizer.enable_leaf_expression_pushdown = false;
    let builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::new(runtime))
        .with_default_features()
        .with_analyzer_rules(optimizer::analyzer_rules())
        .with_optimizer_rules(optimizer::logical_rules())
        .with_physical_optimizer_rules(optimizer::physical_rules())
        .with_query_planner(Arc::new(UdfPlanner(Arc::clone(udf_context))));
    let mut state = builder.build();
    for function in functions::ours() {
        // Replaces DataFusion's function of the same name, where it has one.
        drop(FunctionRegistry::register_udf(&mut state, function));
    }
    for function in functions::our_aggregates() {
        drop(FunctionRegistry::register_udaf(&mut state, function));
    }
    for function in functions::our_window_functions() {
        drop(FunctionRegistry::register_udwf(&mut state, function));
    }
    for rewrite in functions::rewrites() {
        drop(FunctionRegistry::register_function_rewrite(&mut state, rewrite));
    }
    state
}
