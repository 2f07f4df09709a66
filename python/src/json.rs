//! What Python says of JSON files, as the engine takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{FileKind, JsonColumn, JsonFormat, JsonRequest, Listing, Typed};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::codec::Codec;
use crate::error::raise;

/// What a column of JSON is: a spec with the keys and the defaults of its fields; or where a sample is, if not in the
/// files, and the name of the model.
#[derive(FromPyObject)]
pub(crate) enum JsonType<'py> {
    Given(Bound<'py, PyAny>, BTreeMap<String, Vec<String>>, BTreeMap<String, String>),
    Sampled(Option<Vec<String>>, String),
}

/// Paths, and whether what is below folders counts too.
type Places = (Vec<String>, bool);

/// What is read, and of what: the places, the format, an expression, a number of rows, and the column.
pub(crate) type Asked<'py> = (Places, String, Option<String>, Option<u64>, (String, JsonType<'py>));

/// The request, and all files that it is about.
pub(crate) fn request(py: Python<'_>, asked: Asked<'_>) -> PyResult<JsonRequest> {
    let ((paths, recursive), format, expression, rows, (name, kind)) = asked;
    let column = match kind {
        JsonType::Given(spec, keys, defaults) => {
            let field = Arc::new(Codec::parse(&spec)?.field(&name));
            JsonColumn::Given(Typed { field, keys, defaults, is_given: true })
        }
        JsonType::Sampled(places, model) => {
            let of = places.map(|places| listing(py, &places, true)).transpose()?;
            JsonColumn::Sampled { of, name, model }
        }
    };
    let format = match format.as_str() {
        "json" => JsonFormat::Document,
        "jsonl" => JsonFormat::Lines,
        other => return Err(PyValueError::new_err(format!("unknown format `{other}`"))),
    };
    let files = listing(py, &paths, recursive)?;
    Ok(JsonRequest { files, format, expression, rows, column })
}

fn listing(py: Python<'_>, paths: &[String], recursive: bool) -> PyResult<Listing> {
    let listing = Listing::try_new(paths, recursive, "file", FileKind::Text);
    listing.map_err(|failed| raise(py, failed))
}
