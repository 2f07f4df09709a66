//! Which tables in files are read, and how, as Python says it.

use arrow::datatypes::DataType;
use engine::{CsvRequest, Error, RaggedRow, RaggedRows, TableFiles};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::gate::attach;
use crate::udf::failure_of;

/// The option whose function says what becomes of rows.
const HANDLER: &str = "invalid_row_handler";

/// Which files a table is read from: paths, or what `File.source` and `File.path` say.
#[derive(FromPyObject)]
pub(crate) enum Files {
    Found(Vec<String>),
    Named(Vec<(String, String)>),
}

/// The request that a dict of `read/csv.py` asks for.
pub(crate) fn csv_request(files: TableFiles, how: &Bound<'_, PyDict>) -> PyResult<CsvRequest> {
    let get = |key: &str| how.as_any().get_item(key);
    let types: Vec<(String, String)> = get("types")?.extract()?;
    let types = types.into_iter().map(|(column, kind)| {
        let kind = kind.parse::<DataType>();
        Ok((column, kind.map_err(|error| PyValueError::new_err(error.to_string()))?))
    });
    Ok(CsvRequest {
        files,
        delimiter: get("delimiter")?.extract()?,
        quote: get("quote_char")?.extract()?,
        double_quote: get("double_quote")?.extract()?,
        escape: get("escape_char")?.extract()?,
        skip_empty_lines: get("ignore_empty_lines")?.extract()?,
        header: get("header")?.extract()?,
        names: get("names")?.extract()?,
        types: types.collect::<PyResult<_>>()?,
        rows: get("rows")?.extract()?,
        source: get("source")?.extract()?,
        ragged: ragged(get("leaves")?),
    })
}

/// A function that says of a row whether it is left out.
fn ragged(leaves: Bound<'_, PyAny>) -> Option<RaggedRows> {
    if leaves.is_none() {
        return None;
    }
    let leaves = leaves.unbind();
    Some(RaggedRows::new(move |row: &RaggedRow| {
        attach(|py| {
            let asked = leaves.call1(py, (row.expected, row.actual, &row.text));
            asked.and_then(|leave| leave.extract(py)).map_err(|error| {
                let (name, failure) = (HANDLER.to_owned(), failure_of(py, error));
                Error::Function(udf_runtime::Error::Function { name, failure: Box::new(failure) })
            })
        })
    }))
}
