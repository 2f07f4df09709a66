//! [`Database`]: our SQL entry as `sqllogictest` wants to see it.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use catalog::NewJob;
use engine::{Config, Session};
use sql::{Inputs, Statement, Writing};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

use crate::fixtures;

/// One session with its own fixtures.
pub(crate) struct Database {
    session: Arc<Session>,
    writing: Writing,
}

/// Any error, as its code and its message.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<sql::Error> for Failure {
    fn from(error: sql::Error) -> Self {
        Self(format!("{}: {error}", error.code()))
    }
}

/// Of values that have no text, such as a moment of a zone that nobody knows.
impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self(format!("text: {error}"))
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        sql::Error::from(error).into()
    }
}

impl Database {
    /// With the fixtures.
    pub(crate) async fn open() -> Result<Self, Failure> {
        let database = Self::empty().await?;
        fixtures::save(&database.session).await?;
        Ok(database)
    }

    /// Without datasets.
    pub(crate) async fn empty() -> Result<Self, Failure> {
        // One partition more than this machine may have cores: merges must keep the order of rows.
        let config = Config { target_partitions: 3, ..Config::in_memory()? };
        let session = Session::open(config).await?;
        let job = NewJob { name: "slt".into(), ..NewJob::default() };
        let job = session.catalog().start_job(job).await.map_err(engine::Error::from)?.id;
        Ok(Self { session, writing: Writing { job, progress: Arc::default() } })
    }
}

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, text: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let statement = Statement::parse(text)?;
        let inputs = Inputs::default();
        let chain = sql::run(&self.session, &statement, &inputs, &self.writing).await?.chain;
        let mut rows = Vec::new();
        for batch in chain.collect().await? {
            // The schema that was promised is the schema that comes.
            assert_eq!(batch.schema().fields().len(), chain.schema().fields().len());
            rows.extend(texts(&batch)?);
        }
        Ok(DBOutput::Rows { types: types(&chain.schema()), rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "lakebed"
    }
}

fn types(schema: &SchemaRef) -> Vec<DefaultColumnType> {
    let kind = |kind: &DataType| match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DefaultColumnType::Text,
        kind if kind.is_integer() => DefaultColumnType::Integer,
        kind if kind.is_floating() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Any,
    };
    schema.fields().iter().map(|field| kind(field.data_type())).collect()
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let formats: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<_, _>>()?;
    let cell = |format: &ArrayFormatter<'_>, row| match format.value(row).to_string() {
        empty if empty.is_empty() => "(empty)".to_owned(),
        text => text,
    };
    let rows = (0..batch.num_rows())
        .map(|row| formats.iter().map(|format| cell(format, row)).collect())
        .collect();
    Ok(rows)
}
