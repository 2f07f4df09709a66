//! One column between Arrow and what a function of whole columns wants or returns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, Float64Array, Int64Array,
};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    ArrowNativeType, DataType, Field, Float64Type, Int64Type, TimeUnit, ToByteSlice,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList};
use pyo3_arrow::PyArray;
use pyo3_arrow::input::AnyArray;

use super::Form;
use crate::codec::{Codec, Float, Kind};

/// Why a column does not fit, and in which row where that can be told.
pub(super) struct Misfit {
    pub(super) row: Option<usize>,
    pub(super) reason: String,
}

impl Misfit {
    fn whole(reason: impl ToString) -> Self {
        Self { row: None, reason: reason.to_string() }
    }
}

/// A column in the form that its parameter wants.
pub(super) fn give<'py>(
    py: Python<'py>,
    form: Form,
    codec: &Codec,
    column: &ArrayRef,
) -> PyResult<Bound<'py, PyAny>> {
    match form {
        Form::Arrow => to_pyarrow(py, codec, column),
        Form::Numpy => to_numpy(py, codec, column),
        Form::Pandas => to_pandas(py, codec, column),
        Form::List => Ok(PyList::new(py, codec.read(py, column)?)?.into_any()),
    }
}

fn to_pyarrow<'py>(
    py: Python<'py>,
    codec: &Codec,
    column: &ArrayRef,
) -> PyResult<Bound<'py, PyAny>> {
    let field = codec.field("").with_data_type(column.data_type().clone()).with_nullable(true);
    let array = PyArray::try_new(Arc::clone(column), Arc::new(field)).map_err(wrong)?;
    py.import("pyarrow")?.call_method1("array", (array,))
}

/// Numbers as they lie in memory, nulls as NaN; vectors as two dimensions; all else as objects.
fn to_numpy<'py>(py: Python<'py>, codec: &Codec, column: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    let has_nulls = column.null_count() > 0;
    match &codec.kind {
        Kind::Int if !has_nulls && column.data_type() != &DataType::UInt64 => {
            let column = cast(column, &DataType::Int64).map_err(wrong)?;
            from_buffer(py, bytes_of(column.as_primitive::<Int64Type>().values()), "int64")
        }
        Kind::Int | Kind::Float => {
            let numbers = floats(column)?;
            from_buffer(py, bytes_of(&numbers), "float64")
        }
        Kind::Bool if !has_nulls => {
            let flags: &BooleanArray = column.as_boolean();
            let bytes: Vec<u8> = flags.values().iter().map(u8::from).collect();
            from_buffer(py, &bytes, "bool")
        }
        Kind::Datetime => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            let column = cast(column, &micros).and_then(|it| cast(&it, &DataType::Int64));
            let column = column.map_err(wrong)?;
            // numpy's NaT is the smallest integer.
            let micros = column.as_primitive::<Int64Type>().iter();
            let micros: Vec<i64> = micros.map(|at| at.unwrap_or(i64::MIN)).collect();
            from_buffer(py, bytes_of(&micros), "datetime64[us]")
        }
        Kind::Vector { item, length } => vectors_to_numpy(py, *item, *length, column),
        _ => objects(py, codec, column),
    }
}

fn vectors_to_numpy<'py>(
    py: Python<'py>,
    item: Float,
    length: i32,
    column: &ArrayRef,
) -> PyResult<Bound<'py, PyAny>> {
    let wanted = Field::new(Field::LIST_FIELD_DEFAULT_NAME, DataType::Float64, true);
    let column = cast(column, &DataType::FixedSizeList(Arc::new(wanted), length)).map_err(wrong)?;
    let lists = column.as_fixed_size_list();
    let mut numbers = floats(lists.values())?.to_vec();
    let size = usize::try_from(length).map_err(wrong)?;
    for row in (0..lists.len()).filter(|row| lists.is_null(*row)) {
        numbers[row * size..(row + 1) * size].fill(f64::NAN);
    }
    let flat = from_buffer(py, bytes_of(&numbers), "float64")?;
    let flat = flat.call_method1("astype", (item.as_str(),))?;
    flat.call_method1("reshape", (lists.len(), size))
}

fn floats(column: &ArrayRef) -> PyResult<ScalarBuffer<f64>> {
    let column = cast(column, &DataType::Float64).map_err(wrong)?;
    let numbers = column.as_primitive::<Float64Type>();
    if numbers.null_count() == 0 {
        return Ok(numbers.values().clone());
    }
    Ok(numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
}

fn from_buffer<'py>(py: Python<'py>, bytes: &[u8], kind: &str) -> PyResult<Bound<'py, PyAny>> {
    let named = PyDict::new(py);
    named.set_item("dtype", kind)?;
    // Of a bytearray, so that users may write into the array.
    py.import("numpy")?.call_method("frombuffer", (PyByteArray::new(py, bytes),), Some(&named))
}

fn bytes_of<T: ArrowNativeType>(numbers: &[T]) -> &[u8] {
    numbers.to_byte_slice()
}

fn objects<'py>(py: Python<'py>, codec: &Codec, column: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    let values = PyList::new(py, codec.read(py, column)?)?;
    let named = PyDict::new(py);
    named.set_item("dtype", "object")?;
    named.set_item("count", column.len())?;
    py.import("numpy")?.call_method("fromiter", (values,), Some(&named))
}

fn to_pandas<'py>(
    py: Python<'py>,
    codec: &Codec,
    column: &ArrayRef,
) -> PyResult<Bound<'py, PyAny>> {
    let pandas = py.import("pandas")?;
    if is_plain(&codec.kind) {
        return to_pyarrow(py, codec, column)?.call_method0("to_pandas");
    }
    let values = PyList::new(py, codec.read(py, column)?)?;
    let named = PyDict::new(py);
    named.set_item("dtype", "object")?;
    pandas.call_method("Series", (values,), Some(&named))
}

/// Whether Arrow's own value is what users mean, with nothing to build from it.
fn is_plain(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Int
            | Kind::Float
            | Kind::Str
            | Kind::Bool
            | Kind::Bytes
            | Kind::Datetime
            | Kind::Date
            | Kind::Time
            | Kind::Timedelta
            | Kind::Decimal { .. }
            | Kind::Vector { .. }
    )
}

/// What a function returned for a column, as that column.
pub(super) fn take(
    codec: &Codec,
    value: &Bound<'_, PyAny>,
    rows: usize,
) -> Result<ArrayRef, Misfit> {
    let column = match (from_numpy(codec, value), from_arrow(codec, value)) {
        (Some(column), _) | (None, Some(column)) => column,
        (None, None) => {
            let values = listed(value).map_err(Misfit::whole)?;
            if values.len() != rows {
                return Err(height(rows, values.len()));
            }
            let column = codec.write(&values);
            column.map_err(|misfit| Misfit { row: Some(misfit.row), reason: misfit.reason })?
        }
    };
    if column.len() != rows {
        return Err(height(rows, column.len()));
    }
    Ok(column)
}

fn height(wanted: usize, got: usize) -> Misfit {
    Misfit::whole(format!("expected {wanted} values, one for each row, got {got}"))
}

/// Values one by one, as Python's own where the container knows how.
fn listed<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    for method in ["to_pylist", "tolist", "to_list"] {
        if value.hasattr(method)? {
            return value.call_method0(method)?.try_iter()?.collect();
        }
    }
    value.try_iter()?.collect()
}

/// An Arrow array, or a column of a data frame, without making objects of its values.
fn from_arrow(codec: &Codec, value: &Bound<'_, PyAny>) -> Option<ArrayRef> {
    if !is_plain(&codec.kind) {
        return None;
    }
    let is_arrow = ["__arrow_c_array__", "__arrow_c_stream__"];
    if !is_arrow.iter().any(|name| value.hasattr(*name).unwrap_or(false)) {
        return None;
    }
    let (chunks, field) = value.extract::<AnyArray>().ok()?.into_chunked_array().ok()?.into_inner();
    let wanted = codec.data_type();
    if !keeps_values(field.data_type(), &wanted) {
        return None;
    }
    let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
    let column = if chunks.is_empty() {
        arrow::array::new_empty_array(field.data_type())
    } else {
        concat(&chunks).ok()?
    };
    let column = cast(&column, &wanted).ok()?;
    (codec.nullable || column.null_count() == 0).then_some(column)
}

/// Whether a cast changes no value. What else does not fit is told value by value.
fn keeps_values(from: &DataType, to: &DataType) -> bool {
    let text =
        |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let small = |kind: &DataType| kind.is_integer() && kind != &DataType::UInt64;
    from == to
        || (text(from) && text(to))
        || (small(from) && (to == &DataType::Int64 || to == &DataType::Float64))
        || (from.is_floating() && to == &DataType::Float64)
}

/// A numpy array of numbers, copied at once.
fn from_numpy(codec: &Codec, value: &Bound<'_, PyAny>) -> Option<ArrayRef> {
    let kind = numpy_kind(value)?;
    match &codec.kind {
        Kind::Float if "fiu".contains(&kind) => {
            Some(Arc::new(Float64Array::new(numbers(value, "float64", 1)?.into(), None)))
        }
        Kind::Int if "i".contains(&kind) => {
            Some(Arc::new(Int64Array::new(numbers(value, "int64", 1)?.into(), None)))
        }
        Kind::Vector { item, length } if "fiu".contains(&kind) => {
            vectors_from_numpy(value, *item, *length)
        }
        _ => None,
    }
}

fn vectors_from_numpy(value: &Bound<'_, PyAny>, item: Float, length: i32) -> Option<ArrayRef> {
    let width: i32 = value.getattr("shape").ok()?.get_item(1).ok()?.extract().ok()?;
    if width != length {
        return None;
    }
    let numbers = Float64Array::new(numbers(value, "float64", 2)?.into(), None);
    let numbers = cast(&numbers, &item.data_type()).ok()?;
    let field = Field::new(Field::LIST_FIELD_DEFAULT_NAME, item.data_type(), true);
    Some(Arc::new(FixedSizeListArray::try_new(Arc::new(field), length, numbers, None).ok()?))
}

/// The letter of an array's element type; `None` for anything that is no numpy array.
fn numpy_kind(value: &Bound<'_, PyAny>) -> Option<String> {
    let class = value.get_type();
    let module: String = class.getattr("__module__").ok()?.extract().ok()?;
    if module != "numpy" {
        return None;
    }
    value.getattr("dtype").ok()?.getattr("kind").ok()?.extract().ok()
}

fn numbers(value: &Bound<'_, PyAny>, kind: &str, dimensions: usize) -> Option<Buffer> {
    if value.getattr("ndim").ok()?.extract::<usize>().ok()? != dimensions {
        return None;
    }
    let bytes = value.call_method1("astype", (kind,)).ok()?.call_method0("tobytes").ok()?;
    Some(Buffer::from(bytes.cast::<PyBytes>().ok()?.as_bytes()))
}

fn wrong(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
