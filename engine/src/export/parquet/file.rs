//! [`File`]: one Parquet file under construction.

use std::sync::Arc;
use std::{io, mem};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions,
    compute_leaves,
};
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::SchemaDescriptor;

use super::super::target::Target;
use super::varied::varied;
use super::{ParquetStyle, Sink, failed, options, schema_type};
use crate::{Error, ObjectInfo, Result};

/// What all files of an export have in common.
pub(super) struct Shape {
    schema: SchemaRef,
    kind: SchemaDescriptor,
    properties: WriterProperties,
    /// Whether values tell which columns have a dictionary.
    is_free: bool,
    pub(super) group_rows: usize,
}

impl Shape {
    pub(super) fn try_new(
        schema: &SchemaRef,
        style: &ParquetStyle,
        metadata: Vec<KeyValue>,
    ) -> Result<Self> {
        let kind = schema_type::of(schema)?;
        let properties = options::properties(&style.options, schema, &kind)?;
        // pyarrow looks at the metadata of the Arrow schema, and at no other.
        let pairs = metadata.iter().map(|pair| (pair.key.clone(), pair.value.clone()));
        let pairs = pairs.map(|(key, value)| (key, value.unwrap_or_default())).collect();
        let schema = Arc::new(Schema::new_with_metadata(schema.fields().clone(), pairs));
        let properties = properties.set_key_value_metadata(Some(metadata)).build();
        let is_free = !options::choose_dictionaries(&style.options);
        Ok(Self { schema, kind, properties, is_free, group_rows: style.group_rows })
    }

    fn writer<W: io::Write + Send>(
        &self,
        to: W,
        properties: WriterProperties,
    ) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory)> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_parquet_schema(self.kind.clone());
        let writer = ArrowWriter::try_new_with_options(to, Arc::clone(&self.schema), options);
        writer.and_then(ArrowWriter::into_serialized_writer).map_err(failed)
    }
}

/// A file; what is encoded goes to its target.
pub(super) struct File {
    target: Target,
    writer: SerializedFileWriter<Vec<u8>>,
    encoder: Arc<Encoder>,
}

/// Encodes groups of rows; they need not know of each other.
pub(super) struct Encoder {
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
    /// The same without dictionaries, for columns that are better off so.
    plain: Option<ArrowRowGroupWriterFactory>,
}

impl Encoder {
    pub(super) fn encode(&self, rows: &[RecordBatch]) -> Result<Vec<ArrowColumnChunk>> {
        let mut writers = self.writers(rows)?;
        for batch in rows {
            let mut next = writers.iter_mut();
            for (column, field) in batch.columns().iter().zip(self.schema.fields()) {
                for leaf in compute_leaves(field, column).map_err(failed)? {
                    let writer = next.next();
                    let writer = writer.ok_or_else(|| Error::internal("a column too many"))?;
                    writer.write(&leaf).map_err(failed)?;
                }
            }
        }
        writers.into_iter().map(|writer| writer.close().map_err(failed)).collect()
    }

    fn writers(&self, rows: &[RecordBatch]) -> Result<Vec<ArrowColumnWriter>> {
        let writers = self.factory.create_column_writers(0).map_err(failed)?;
        let Some(plain) = &self.plain else { return Ok(writers) };
        let (plain, varied) = (plain.create_column_writers(0).map_err(failed)?, varied(rows));
        if varied.len() != writers.len() {
            return Ok(writers);
        }
        let chosen = writers.into_iter().zip(plain).zip(varied);
        Ok(chosen.map(|((writer, plain), varied)| if varied { plain } else { writer }).collect())
    }
}

impl File {
    pub(super) async fn open(shape: &Shape, sink: Sink<'_>) -> Result<Self> {
        let target = Target::open(sink.objects, sink.uri, sink.uploads).await?;
        let (writer, factory) = shape.writer(Vec::new(), shape.properties.clone())?;
        let plain = match shape.is_free {
            true => {
                let plain = shape.properties.clone().into_builder().set_dictionary_enabled(false);
                Some(shape.writer(io::sink(), plain.build())?.1)
            }
            false => None,
        };
        let encoder = Encoder { schema: Arc::clone(&shape.schema), factory, plain };
        Ok(Self { target, writer, encoder: Arc::new(encoder) })
    }

    pub(super) fn encoder(&self) -> Arc<Encoder> {
        Arc::clone(&self.encoder)
    }

    pub(super) async fn append(&mut self, columns: Vec<ArrowColumnChunk>) -> Result<()> {
        self.add(columns).map_err(failed)?;
        self.send().await
    }

    fn add(&mut self, columns: Vec<ArrowColumnChunk>) -> ParquetResult<()> {
        let mut group = self.writer.next_row_group()?;
        for column in columns {
            column.append_to_row_group(&mut group)?;
        }
        group.close().map(drop)
    }

    async fn send(&mut self) -> Result<()> {
        self.writer.flush().map_err(|error| failed(error.into()))?;
        let bytes = mem::take(self.writer.inner_mut());
        self.target.write(bytes).await
    }

    pub(super) async fn finish(mut self) -> Result<ObjectInfo> {
        self.writer.finish().map_err(failed)?;
        self.send().await?;
        self.target.finish().await
    }
}
