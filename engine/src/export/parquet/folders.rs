//! [`Folders`]: rows by their values of some columns, in folders called `column=value`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::cells::{Cell, is_json, json, plain};
use super::super::flat::Flat;
use super::super::on_a_core;
use super::file::{File, Shape};
use super::groups::{GROUP_BYTES, bytes_of};
use super::{Others, ParquetStyle, Sink};
use crate::chain::BatchStream;
use crate::{Error, Result};

/// The value of a folder for rows without one.
pub(crate) const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What folders' names are made of as it is.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// So many folders are taken to be a mistake, as they would be in other engines.
const MOST: usize = 1024;

/// So much waits at most to be encoded.
const WAITING_BYTES: usize = 4 * GROUP_BYTES;

/// The columns that become folders.
pub(super) struct Folders {
    columns: Vec<usize>,
    /// The columns that stay.
    kept: Vec<usize>,
    file_name: String,
    others: Others,
}

/// The rows of a folder.
#[derive(Default)]
struct Part {
    waiting: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    file: Option<File>,
}

impl Folders {
    pub(super) fn try_new(style: &ParquetStyle, schema: &SchemaRef) -> Result<Self> {
        let mut columns = Vec::new();
        for name in &style.partition_by {
            let Some((at, field)) = schema.fields().find(name) else {
                let known = schema.fields().iter().map(|field| field.name().clone()).collect();
                return Err(Error::UnknownColumn { name: name.clone(), near: vec![], known });
            };
            if !is_name(field) || columns.contains(&at) {
                let accepted = "name columns of text, numbers, booleans or times, each once";
                return Err(unfit(name, accepted));
            }
            columns.push(at);
        }
        let kept: Vec<usize> =
            (0..schema.fields().len()).filter(|at| !columns.contains(at)).collect();
        if kept.is_empty() {
            return Err(unfit(&style.partition_by.join(", "), "leave a column for the files"));
        }
        let file_name = style.file_name.replace("{i}", "0");
        Ok(Self { columns, kept, file_name, others: style.others })
    }

    /// The columns inside of the files.
    pub(super) fn inside(&self, flat: &Flat) -> SchemaRef {
        let fields = self.kept.iter().map(|at| Arc::clone(&flat.schema.fields()[*at]));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    pub(super) async fn write(
        &self,
        flat: &Flat,
        shape: &Shape,
        mut rows: BatchStream,
        sink: Sink<'_>,
    ) -> Result<()> {
        self.refuse_others(sink).await?;
        let inside = self.inside(flat);
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        let mut waiting = 0;
        while let Some(batch) = rows.try_next().await? {
            for (folder, batch) in self.split(&flat.batch(&batch)?, &inside)? {
                if parts.len() == MOST && !parts.contains_key(&folder) {
                    return Err(unfit(&folder, "at most 1024 folders can be written at once"));
                }
                let part = parts.entry(folder.clone()).or_default();
                let bytes = bytes_of(&batch);
                part.rows += batch.num_rows();
                part.bytes += bytes;
                part.waiting.push(batch);
                waiting += bytes;
                if part.rows >= shape.group_rows || part.bytes >= GROUP_BYTES {
                    waiting -= part.bytes;
                    self.encode(&folder, part, shape, sink).await?;
                }
            }
            while waiting > WAITING_BYTES
                && let Some((folder, part)) = parts.iter_mut().max_by_key(|(_, part)| part.bytes)
            {
                waiting -= part.bytes;
                let folder = folder.clone();
                self.encode(&folder, part, shape, sink).await?;
            }
        }
        for (folder, part) in &mut parts {
            self.encode(folder, part, shape, sink).await?;
        }
        // Nothing is seen before all is written.
        for (folder, part) in parts {
            if let Some(file) = part.file {
                file.finish().await?;
            }
            self.remove_others(&folder, sink).await?;
        }
        Ok(())
    }

    async fn encode(
        &self,
        folder: &str,
        part: &mut Part,
        shape: &Shape,
        sink: Sink<'_>,
    ) -> Result<()> {
        if part.rows == 0 {
            return Ok(());
        }
        if part.file.is_none() {
            let uri = format!("{}/{folder}/{}", sink.uri.trim_end_matches('/'), self.file_name);
            part.file = Some(File::open(shape, Sink { uri: &uri, ..sink }).await?);
        }
        let Some(file) = &mut part.file else { return Ok(()) };
        let mut waiting = std::mem::take(&mut part.waiting);
        (part.rows, part.bytes) = (0, 0);
        while !waiting.is_empty() {
            let (encoder, group) = (file.encoder(), first_rows(&mut waiting, shape.group_rows));
            let columns = on_a_core(move || encoder.encode(&group)).await?;
            file.append(columns).await?;
        }
        Ok(())
    }

    /// The rows of each folder, in their order.
    fn split(&self, batch: &RecordBatch, inside: &SchemaRef) -> Result<Vec<(String, RecordBatch)>> {
        let schema = batch.schema();
        let mut names: Vec<(String, &ArrayRef, Cell<'_>)> = Vec::new();
        for at in &self.columns {
            let (field, column) = (schema.field(*at), batch.column(*at));
            let text = match column.data_type() {
                DataType::Boolean => json(column, field)?,
                _ => plain(column, field)?,
            };
            names.push((utf8_percent_encode(field.name(), &KEPT).to_string(), column, text));
        }
        let mut places: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
        let mut folder = Vec::new();
        for row in 0..batch.num_rows() {
            folder.clear();
            for (place, (name, column, text)) in names.iter().enumerate() {
                if place > 0 {
                    folder.push(b'/');
                }
                folder.extend_from_slice(name.as_bytes());
                folder.push(b'=');
                if column.is_null(row) {
                    folder.extend_from_slice(NULL.as_bytes());
                    continue;
                }
                let start = folder.len();
                text(row, &mut folder);
                let value = String::from_utf8_lossy(&folder.split_off(start)).into_owned();
                folder.extend(utf8_percent_encode(&value, &KEPT).flat_map(str::bytes));
            }
            match places.get_mut(&folder) {
                Some(rows) => rows.push(row as u64),
                None => drop(places.insert(folder.clone(), vec![row as u64])),
            }
        }
        let left = batch.project(&self.kept).map_err(|error| Error::internal(error.to_string()))?;
        let options = RecordBatchOptions::new().with_row_count(Some(left.num_rows()));
        let (columns, inside) = (left.columns().to_vec(), Arc::clone(inside));
        let left = RecordBatch::try_new_with_options(inside, columns, &options)
            .map_err(|error| Error::internal(error.to_string()))?;
        let part = |(folder, rows): (Vec<u8>, Vec<u64>)| {
            let rows = take_record_batch(&left, &UInt64Array::from(rows))
                .map_err(|error| Error::internal(error.to_string()))?;
            Ok((String::from_utf8_lossy(&folder).into_owned(), rows))
        };
        places.into_iter().map(part).collect()
    }

    async fn refuse_others(&self, sink: Sink<'_>) -> Result<()> {
        if self.others == Others::Refused
            && let Some(page) = sink.objects.list(sink.uri, true).await?.try_next().await?
            && let Some((path, _)) = page.first()
        {
            return Err(Error::InvalidArgument {
                argument: "folder",
                given: sink.uri.to_owned(),
                accepted: format!("`{path}` is in it, and existing_data_behavior is 'error'"),
            });
        }
        Ok(())
    }

    async fn remove_others(&self, folder: &str, sink: Sink<'_>) -> Result<()> {
        if self.others != Others::Go {
            return Ok(());
        }
        let folder = format!("{}/{folder}", sink.uri.trim_end_matches('/'));
        let mut pages = sink.objects.list(&folder, false).await?;
        while let Some(page) = pages.try_next().await? {
            for (path, _) in page {
                if path != self.file_name && !path.ends_with('/') {
                    sink.objects.delete(&format!("{folder}/{path}")).await?;
                }
            }
        }
        Ok(())
    }
}

/// Whether the values of a column can be names, and be read again.
fn is_name(field: &Field) -> bool {
    use DataType::{Boolean, Date32, Date64, Timestamp};
    let kind = field.data_type();
    !is_json(field)
        && (kind.is_numeric()
            || kind.is_string()
            || matches!(kind, Boolean | Date32 | Date64 | Timestamp(..)))
}

/// Takes so many rows off the front.
fn first_rows(waiting: &mut Vec<RecordBatch>, most: usize) -> Vec<RecordBatch> {
    let (mut taken, mut rows) = (Vec::new(), 0);
    let mut left = std::mem::take(waiting).into_iter();
    while rows < most
        && let Some(batch) = left.next()
    {
        let count = batch.num_rows().min(most - rows);
        rows += count;
        taken.push(batch.slice(0, count));
        if count < batch.num_rows() {
            waiting.push(batch.slice(count, batch.num_rows() - count));
        }
    }
    waiting.extend(left);
    taken
}

fn unfit(given: &str, accepted: &str) -> Error {
    Error::InvalidArgument {
        argument: "partition_cols",
        given: given.to_owned(),
        accepted: accepted.to_owned(),
    }
}
