//! [`NamedFiles`]: whatever goes wrong while a Parquet file is read is said of that file.
//!
//! Decoders panic on some damaged files. That is damage too, and nothing to print.

use std::any::Any;
use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::Poll;

use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::object_store::{Error as StoreError, ObjectStore};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr_common::physical_expr::is_dynamic_physical_expr;
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::{poll_fn, ready};
use futures::{FutureExt, StreamExt, stream};

use super::fit::REMEDY;
use super::unchanged::Opened;
use crate::error::{of_bucket, plain_message};
use crate::{Error, Result, config};

/// The source within, whose errors name the file.
pub(super) struct NamedFiles(pub(super) Arc<dyn FileSource>);

impl NamedFiles {
    fn around(source: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self(source))
    }
}

/// Sorts stay outside: row groups in another order would lose the order of rows, and a limit would take others.
impl FileSource for NamedFiles {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> PlanResult<Arc<dyn FileOpener>> {
        let files = self.0.create_morselizer(store, config, partition)?;
        let open = move |file| {
            let mut planners = vec![files.plan_file(file)?];
            let opened = async move {
                let mut morsels = Vec::new();
                while let Some(planner) = planners.pop() {
                    let Some(mut plan) = planner.plan()? else {
                        continue;
                    };
                    morsels.extend(plan.take_morsels());
                    let mut next = plan.take_ready_planners();
                    if let Some(pending) = plan.take_pending_planner() {
                        next.push(pending.await?);
                    }
                    planners.extend(next.into_iter().rev());
                }
                Ok(stream::iter(morsels).flat_map(|morsel| morsel.into_stream()).boxed())
            };
            Ok(opened.boxed())
        };
        Ok(Arc::new(NamedOpener(Box::new(open))))
    }

    fn table_schema(&self) -> &TableSchema {
        self.0.table_schema()
    }

    fn with_batch_size(&self, rows: usize) -> Arc<dyn FileSource> {
        Self::around(self.0.with_batch_size(rows))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.0.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.0.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.0.metrics()
    }

    fn file_type(&self) -> &str {
        self.0.file_type()
    }

    fn fmt_extra(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_extra(kind, f)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> PlanResult<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let only_found = self.0.filter().is_none() && filters.iter().all(is_dynamic_physical_expr);
        let mut config = config.clone();
        // Conditions that are found while rows are read stand above once more; other columns of rows that they drop are
        // not decoded.
        config.execution.parquet.pushdown_filters |= only_found;
        let pushed = self.0.try_pushdown_filters(filters, &config)?;
        let updated_node = pushed.updated_node.map(Self::around);
        Ok(FilterPushdownPropagation { filters: pushed.filters, updated_node })
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> PlanResult<Option<Arc<dyn FileSource>>> {
        Ok(self.0.try_pushdown_projection(projection)?.map(Self::around))
    }
}

type Open = dyn Fn(PartitionedFile) -> PlanResult<FileOpenFuture> + Send + Sync;

struct NamedOpener(Box<Open>);

impl FileOpener for NamedOpener {
    fn open(&self, file: PartitionedFile) -> PlanResult<FileOpenFuture> {
        let Some(listed) = file.extensions.get_arc::<Opened>() else {
            return Err(Error::internal("a file was not looked at").into());
        };
        listed.check()?;
        let opening = caught(&listed.path, || (self.0)(file))??;
        let opened = async move {
            let rows = of_file(&listed.path, opening).await;
            let mut rows = rows.map_err(|error| listed.reason(error))?;
            let after = Arc::clone(&listed);
            let rows = stream::poll_fn(move |context| {
                let path = listed.path.as_str();
                match caught(path, || rows.poll_next_unpin(context)) {
                    Ok(rows) => rows.map_err(|error| listed.reason(named(path, error)).into()),
                    Err(panicked) => Poll::Ready(Some(Err(listed.reason(panicked).into()))),
                }
            });
            let after = async move { after.check_after().err().map(|error| Err(error.into())) };
            Ok(rows.chain(stream::once(after).filter_map(ready)).boxed())
        };
        Ok(opened.boxed())
    }
}

/// What the future says, with errors and panics as ones of the file.
pub(super) async fn of_file<T>(
    path: &str,
    reading: impl Future<Output = PlanResult<T>>,
) -> Result<T> {
    let mut reading = pin!(reading);
    poll_fn(|context| match caught(path, || reading.as_mut().poll(context)) {
        Ok(read) => read.map_err(|error| named(path, error)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// The error as one of the file, unless a value in it or an expression is the reason.
fn named(path: &str, error: DataFusionError) -> Error {
    let source = match Error::from(error) {
        Error::Execution { source } => source,
        Error::Value { what } if what.ends_with(REMEDY) => {
            return Error::Value { what: format!("{what}: `{path}`") };
        }
        ours => return ours,
    };
    if let Some(refused) = of_bucket("read", path, &*source) {
        return refused;
    }
    if is_gone(&source) {
        return Error::PathNotFound { path: path.to_owned() };
    }
    if !is_damage(source.find_root()) {
        return Error::Execution { source };
    }
    let (what, reason) = (path.to_owned(), without_layers(&plain_message(&source)).to_owned());
    Error::Corrupt { what, reason, source: Some(source) }
}

/// The message without the names of the libraries that it went through.
fn without_layers(message: &str) -> &str {
    let layers = ["Arrow: ", "Parquet argument error: ", "Parquet error: ", "External: ", "EOF: "];
    match layers.iter().find_map(|layer| message.strip_prefix(layer)) {
        Some(rest) => without_layers(rest),
        None => message,
    }
}

fn is_gone(error: &DataFusionError) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(StoreError::NotFound { .. }) = error.downcast_ref() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether it is about the bytes of a file, not about what is computed from its values.
fn is_damage(error: &DataFusionError) -> bool {
    use ArrowError::{ArithmeticOverflow, CastError, ComputeError, DivideByZero, ParseError};
    match error {
        DataFusionError::ArrowError(error, _) => !matches!(
            **error,
            ArithmeticOverflow(_) | CastError(_) | ComputeError(_) | DivideByZero | ParseError(_)
        ),
        DataFusionError::ResourcesExhausted(_)
        | DataFusionError::Execution(_)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Plan(_) => false,
        _ => true,
    }
}

thread_local! {
    /// Whether this thread is in the middle of a file.
    static READING: Cell<bool> = const { Cell::new(false) };
}

static QUIET: Once = Once::new();

/// What the work says; a panic is damage of the file.
fn caught<T>(path: &str, work: impl FnOnce() -> T) -> Result<T> {
    QUIET.call_once(quieten);
    let outside = READING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    READING.set(outside);
    done.map_err(|panic| Error::Corrupt {
        what: path.to_owned(),
        reason: format!("its decoder stopped: {}", text_of(panic.as_ref())),
        source: None,
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    text.lines().next().unwrap_or_default()
}

/// From now on panics that become errors of a file are not printed.
fn quieten() {
    let print = panic::take_hook();
    let is_shown = config::shows_panics();
    panic::set_hook(Box::new(move |info| {
        if is_shown || !READING.try_with(Cell::get).unwrap_or(false) {
            print(info);
        }
    }));
}
