//! What chains start from: versions of datasets, listings, Parquet files, rows in memory.

use std::sync::Arc;

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use catalog::{CatalogExt, DatasetVersion, QualifiedName, VersionSpec};
use datafusion::common::TableReference;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use futures::FutureExt;
use futures::future::BoxFuture;
use lance::Dataset;

use crate::source::{
    DatasetTable, Leaf, Listing, ListingTable, ParquetTable, Source, Told, ValuesTable, as_table,
    doubled, nulls_reach_fields, plain, plain_schema,
};
use crate::storage::files;
use crate::sys::SYS;
use crate::{Chain, Error, Result, Session};

/// The rows of Parquet files.
#[derive(Debug)]
pub struct ParquetRows {
    /// The rows; of files that an export wrote, with their models.
    pub chain: Chain,
    /// What the peer says of the columns of files that it wrote.
    pub signals: Option<String>,
}

impl Session {
    /// The rows of a dataset: the highest complete version that `spec` admits, fixed now.
    ///
    /// # Errors
    /// The catalog's, when there is no such dataset or version; [`Error::Corrupt`] when its data is gone.
    pub fn read_dataset<'a>(
        self: &'a Arc<Self>,
        name: &'a QualifiedName,
        spec: &'a VersionSpec,
    ) -> BoxFuture<'a, Result<Chain>> {
        self.open_dataset(name, spec).boxed()
    }

    async fn open_dataset(
        self: &Arc<Self>,
        name: &QualifiedName,
        spec: &VersionSpec,
    ) -> Result<Chain> {
        let record = self.catalog().resolve(name, spec).await?;
        let dataset = self.open_version(&record).await?;
        self.rows_of(&record, dataset)
    }

    /// The rows of a version that was opened.
    pub(crate) fn rows_of(
        self: &Arc<Self>,
        record: &DatasetVersion,
        dataset: Dataset,
    ) -> Result<Chain> {
        let title = format!("{}@{}", record.dataset.short(), record.version);
        let table = DatasetTable::new(record, Arc::new(dataset));
        self.scan(&title, Arc::new(table))
    }

    /// The files that a listing finds when the query runs. Of buckets, a listing that is not old is used again.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn read_listing(self: &Arc<Self>, listing: Listing) -> Result<Chain> {
        self.scan("listing", Arc::new(ListingTable::new(listing, self.buckets())))
    }

    /// The rows of Parquet files, types as they are, nested ones too. Reads the files' footers.
    ///
    /// # Errors
    /// [`Error::PathNotFound`] when no file matches, [`Error::Corrupt`] when one is no Parquet file,
    /// [`Error::NotSupported`] when they disagree on a column.
    pub fn read_parquet(self: &Arc<Self>, listing: Listing) -> BoxFuture<'_, Result<ParquetRows>> {
        self.open_parquet(listing).boxed()
    }

    async fn open_parquet(self: &Arc<Self>, listing: Listing) -> Result<ParquetRows> {
        let shown = listing.to_string();
        let found = listing.files(self.buckets(), "parquet").await?;
        if found.is_empty() {
            return Err(if files::is_folder(&shown) {
                let accepted = "no file in it is called `*.parquet`; hint: name the files, as in `folder/part-*`";
                Error::InvalidArgument {
                    argument: "folder",
                    given: shown,
                    accepted: accepted.to_owned(),
                }
            } else {
                Error::PathNotFound { path: shown }
            });
        }
        let table = ParquetTable::try_open(self.state(), self.buckets(), found).await?;
        let Told { schema, signals } = table.told().clone();
        let chain = self.scan("parquet", Arc::new(table))?;
        Ok(match schema {
            Some(schema) => ParquetRows { chain: chain.unflatten(schema.fields())?, signals: None },
            None => ParquetRows { chain, signals },
        })
    }

    /// Rows that are in memory.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when two columns have one name. The batches must have the schema.
    pub fn read_batches(
        self: &Arc<Self>,
        schema: &Schema,
        batches: &[RecordBatch],
    ) -> Result<Chain> {
        if let Some(name) = doubled(schema) {
            return Err(Error::InvalidArgument {
                argument: "column name",
                given: name.to_owned(),
                accepted: "two columns have it; rename one of them".to_owned(),
            });
        }
        let schema = plain_schema(schema);
        let batches = batches
            .iter()
            .map(|batch| nulls_reach_fields(&plain(batch, &schema)?))
            .collect::<Result<_>>()?;
        self.scan("values", Arc::new(ValuesTable::try_new(schema, batches)?))
    }

    fn scan(self: &Arc<Self>, title: &str, source: Arc<dyn Source>) -> Result<Chain> {
        if source.schema().fields().iter().any(|field| field.name() == SYS)
            && !source.leaves().iter().any(Leaf::is_sys)
        {
            return Err(Error::InvalidArgument {
                argument: "column name",
                given: SYS.to_owned(),
                accepted: "that name is taken by the row numbers; rename the column".to_owned(),
            });
        }
        // Plans compare scans by name, so every scan gets its own.
        let number = self.next_number();
        let name = TableReference::bare(format!("{title}#{number}"));
        let scan = TableScan::try_new(name, as_table(source), None, vec![], None)?;
        Ok(Chain::new(Arc::clone(self), LogicalPlan::TableScan(scan)))
    }
}
