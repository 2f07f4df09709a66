//! [`FileRows`]: the column that says of a row from which file it is, and its number there.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, StructArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use super::FileAt;
use super::listing::{FileKind, file_field};
use super::parquet::Opened;
use crate::model::TYPE_KEY;
use crate::{Error, Result};

/// The column's name, which no column of a file has; users see it as `source`.
const SOURCE: &str = "lakebed.source";

/// The model's registered name.
const MODEL: &str = "ArrowRow@v1";

/// The column for the rows of some files.
#[derive(Debug)]
pub(crate) struct FileRows {
    fields: Fields,
    files: Vec<ArrayRef>,
    /// How the files are read, as JSON.
    how: String,
}

impl FileRows {
    pub(super) fn try_new<'a>(
        files: impl Iterator<Item = (&'a FileAt, &'a Opened)>,
        how: String,
    ) -> Result<Self> {
        let files = files.map(|(at, opened)| opened.row(at)).collect::<Result<_>>()?;
        let json = [(TYPE_KEY.to_owned(), "json".to_owned())].into();
        let fields = Fields::from(vec![
            file_field("file", FileKind::Binary),
            Arc::new(Field::new("index", DataType::Int64, false)),
            Arc::new(Field::new("kwargs", DataType::Utf8, false).with_metadata(json)),
        ]);
        Ok(Self { fields, files, how })
    }

    pub(crate) fn field(&self) -> FieldRef {
        let field = Field::new(SOURCE, DataType::Struct(self.fields.clone()), false);
        Arc::new(field.with_metadata([(TYPE_KEY.to_owned(), format!("model:{MODEL}"))].into()))
    }

    /// The values for consecutive rows of a file.
    pub(crate) fn column(&self, file: usize, first: u64, rows: usize) -> Result<ArrayRef> {
        let Some(file) = self.files.get(file) else {
            return Err(Error::internal("rows of a file that is none of the table's"));
        };
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        let numbers = (first..).take(rows).collect::<Int64Array>();
        let how = StringArray::from_iter_values(std::iter::repeat_n(&self.how, rows));
        let packed = take(file, &UInt32Array::from(vec![0; rows]), None).and_then(|files| {
            let columns: Vec<ArrayRef> = vec![files, Arc::new(numbers), Arc::new(how)];
            StructArray::try_new_with_length(self.fields.clone(), columns, None, rows)
        });
        Ok(Arc::new(packed.map_err(|error| Error::internal(error.to_string()))?))
    }
}
