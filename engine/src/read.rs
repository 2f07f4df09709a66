//! What chains start from: versions of datasets, listings, Parquet, CSV and JSON files, rows in memory.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use catalog::{CatalogExt, DatasetVersion, QualifiedName, VersionSpec};
use datafusion::common::TableReference;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use futures::FutureExt;
use futures::future::BoxFuture;
use lance::Dataset;

use crate::schema_text::{SCHEMA_KEY, schema_of_text};
use crate::source::{
    CSV_ENDINGS, CsvRequest, CsvTable, DatasetTable, FileAt, JSON_ENDINGS, JsonColumn, JsonRequest,
    JsonTable, Leaf, Listing, ListingTable, ParquetRequest, ParquetTable, Source, TableFiles,
    ValuesTable, as_table, doubled, nulls_reach_fields, plain, plain_schema,
};
use crate::sys::{self, SYS};
use crate::{Chain, Error, Result, Session};

/// The key of what the peer says of columns in the notes of files.
const SIGNALS_KEY: &str = "DataChain SignalSchema";

/// How files of a folder end that are Parquet.
const PARQUET_ENDINGS: &[&str] = &[".parquet"];

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

    /// The rows of Parquet files, types as they are, nested ones too; and the notes that all of the files have, keys and
    /// texts. Reads the files' footers.
    ///
    /// # Errors
    /// [`Error::PathNotFound`] when no file matches, [`Error::Corrupt`] when one is no Parquet file,
    /// [`Error::NotSupported`] when they disagree on a column.
    pub fn read_parquet(
        self: &Arc<Self>,
        request: ParquetRequest,
    ) -> BoxFuture<'_, Result<(Chain, HashMap<String, String>)>> {
        self.open_parquet(request).boxed()
    }

    async fn open_parquet(
        self: &Arc<Self>,
        request: ParquetRequest,
    ) -> Result<(Chain, HashMap<String, String>)> {
        let found = request.files.find(self.buckets(), PARQUET_ENDINGS).await?;
        let table = ParquetTable::try_open(self.state(), self.buckets(), found, &request).await?;
        let mut notes = table.notes().clone();
        let chain = self.scan("parquet", Arc::new(table))?;
        let written = notes.get(SCHEMA_KEY).and_then(|text| schema_of_text(text));
        let models = match &written {
            Some(schema) => chain.unflatten(schema.fields())?,
            None => None,
        };
        // Who changed the columns since made both wrong.
        if written.is_some() {
            notes.remove(SIGNALS_KEY);
        }
        if models.is_none() {
            notes.remove(SCHEMA_KEY);
        }
        Ok((models.unwrap_or(chain), notes))
    }

    /// The rows of CSV files. Looks at the first rows of some of them.
    ///
    /// # Errors
    /// [`Error::PathNotFound`] when no file matches, [`Error::Corrupt`] when one is no text,
    /// [`Error::UnknownColumn`] when a column is given a type that is not there.
    pub fn read_csv(self: &Arc<Self>, request: CsvRequest) -> BoxFuture<'_, Result<Chain>> {
        self.open_csv(request).boxed()
    }

    async fn open_csv(self: &Arc<Self>, request: CsvRequest) -> Result<Chain> {
        let found = request.files.find(self.buckets(), CSV_ENDINGS).await?;
        let table = CsvTable::try_open(self.buckets(), found, request).await?;
        self.scan("csv", Arc::new(table))
    }

    /// The values in JSON documents, or in files with a value on each line, as one column. Looks at some of them unless
    /// the column is given.
    ///
    /// # Errors
    /// [`Error::PathNotFound`] when no file matches, [`Error::InvalidArgument`] for an expression that is none,
    /// [`Error::Corrupt`] when what is looked at is no JSON.
    pub fn read_json(self: &Arc<Self>, request: JsonRequest) -> BoxFuture<'_, Result<Chain>> {
        self.open_json(request).boxed()
    }

    async fn open_json(self: &Arc<Self>, request: JsonRequest) -> Result<Chain> {
        let found = self.files_of(&request.files, JSON_ENDINGS).await?;
        let samples = match &request.column {
            JsonColumn::Sampled { of: Some(samples), .. } => {
                Some(self.files_of(samples, JSON_ENDINGS).await?)
            }
            _ => None,
        };
        let table = JsonTable::try_open(self.buckets(), found, samples, request).await?;
        self.scan("json", Arc::new(table))
    }

    /// The files of a listing, of folders those whose names end so; one at least.
    async fn files_of(
        &self,
        listing: &Listing,
        endings: &'static [&'static str],
    ) -> Result<Vec<FileAt>> {
        TableFiles::Found(listing.clone()).find(self.buckets(), endings).await
    }

    /// Rows that are in memory. They may bring their own numbers, as a column `sys` of the model `Sys`.
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
        let numbered = sys::numbered(&schema);
        let batches = batches
            .iter()
            .map(|batch| nulls_reach_fields(&sys::number(plain(batch, &schema)?, &numbered)?))
            .collect::<Result<_>>()?;
        self.scan("values", Arc::new(ValuesTable::try_new(numbered, batches)?))
    }

    pub(crate) fn scan(self: &Arc<Self>, title: &str, source: Arc<dyn Source>) -> Result<Chain> {
        let is_other = |field: &FieldRef| field.name() == SYS && *field != sys::field();
        if source.schema().fields().iter().any(is_other)
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
