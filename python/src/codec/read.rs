//! Arrow → Python, a column at a time.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use arrow::util::display::array_value_to_string;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::{Codec, Kind, Model};

type Values<'py> = Vec<Bound<'py, PyAny>>;

impl Codec {
    /// The column's values as Python objects.
    #[expect(clippy::too_many_lines, reason = "one arm a kind")]
    pub(crate) fn read<'py>(&self, py: Python<'py>, column: &ArrayRef) -> PyResult<Values<'py>> {
        match &self.kind {
            Kind::Null => Ok(vec![py.None().into_bound(py); column.len()]),
            Kind::Int => read_integers(py, column),
            Kind::Float => {
                let column = as_type(column, &DataType::Float64)?;
                let values = column.as_primitive::<Float64Type>();
                each(py, column.nulls(), column.len(), |row| {
                    Ok(PyFloat::new(py, values.value(row)).into_any())
                })
            }
            Kind::Bool => {
                let values: &BooleanArray = column.as_boolean();
                each(py, column.nulls(), column.len(), |row| {
                    Ok(PyBool::new(py, values.value(row)).to_owned().into_any())
                })
            }
            Kind::Str => each_str(py, column, |text| Ok(PyString::new(py, text).into_any())),
            Kind::Bytes => {
                let column = as_type(column, &DataType::Binary)?;
                let values = column.as_binary::<i32>();
                each(py, column.nulls(), column.len(), |row| {
                    Ok(PyBytes::new(py, values.value(row)).into_any())
                })
            }
            Kind::Uuid => {
                let class = py.import("uuid")?.getattr("UUID")?;
                each_str(py, column, |text| class.call1((text,)))
            }
            Kind::Json(adapter) => read_json(py, adapter.as_ref(), column),
            Kind::Enum(class, item) => {
                let values = item.read(py, column)?;
                let Some(class) = class else { return Ok(values) };
                let member = |value: Bound<'py, PyAny>| {
                    if value.is_none() { Ok(value) } else { class.bind(py).call1((value,)) }
                };
                values.into_iter().map(member).collect()
            }
            Kind::Datetime | Kind::Date | Kind::Time | Kind::Timedelta => {
                self.read_time(py, column)
            }
            Kind::Decimal { .. } => read_decimals(py, column),
            Kind::List(item) => read_lists(py, column, item, |list| Ok(list.into_any())),
            Kind::Tuple(item) => {
                read_lists(py, column, item, |list| Ok(list.to_tuple().into_any()))
            }
            Kind::Set(item) => {
                let class = py.import("builtins")?.getattr("set")?;
                read_lists(py, column, item, |list| class.call1((list,)))
            }
            Kind::Vector { item, .. } => {
                let item = Self {
                    kind: Kind::Float,
                    nullable: true,
                    annotation: Some(item.as_str().into()),
                };
                read_lists(py, column, &item, |list| Ok(list.into_any()))
            }
            Kind::Map(key, value) => read_maps(py, column, key, value),
            Kind::Model(model) => read_models(py, column, model),
            Kind::Foreign => each(py, column.nulls(), column.len(), |row| {
                let text = array_value_to_string(column, row).map_err(wrong)?;
                Ok(PyString::new(py, &text).into_any())
            }),
        }
    }

    fn read_time<'py>(&self, py: Python<'py>, column: &ArrayRef) -> PyResult<Values<'py>> {
        let datetime = py.import("datetime")?;
        let class = |name: &str| datetime.getattr(name);
        let delta = class("timedelta")?;
        match &self.kind {
            Kind::Date => {
                let column = as_type(column, &DataType::Date32)?;
                let days = column.as_primitive::<Date32Type>();
                let from = class("date")?.getattr("fromordinal")?;
                each(py, column.nulls(), column.len(), |row| {
                    from.call1((i64::from(days.value(row)) + EPOCH_ORDINAL,))
                })
            }
            Kind::Time => {
                let column = as_type(column, &DataType::Time64(TimeUnit::Microsecond))?;
                let micros = column.as_primitive::<Time64MicrosecondType>();
                let class = class("time")?;
                each(py, column.nulls(), column.len(), |row| {
                    let all = micros.value(row);
                    let (seconds, micros) = (all / 1_000_000, all % 1_000_000);
                    class.call1((seconds / 3600, seconds / 60 % 60, seconds % 60, micros))
                })
            }
            Kind::Timedelta => {
                let column = as_type(column, &DataType::Duration(TimeUnit::Microsecond))?;
                let micros = column.as_primitive::<DurationMicrosecondType>();
                each(py, column.nulls(), column.len(), |row| delta.call1((0, 0, micros.value(row))))
            }
            _ => {
                let stored = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let column = as_type(column, &stored)?;
                let micros = column.as_primitive::<TimestampMicrosecondType>();
                let utc = class("timezone")?.getattr("utc")?;
                let epoch = class("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
                let add = epoch.getattr("__add__")?;
                each(py, column.nulls(), column.len(), |row| {
                    add.call1((delta.call1((0, 0, micros.value(row)))?,))
                })
            }
        }
    }
}

/// `date.toordinal()` of 1970-01-01.
pub(super) const EPOCH_ORDINAL: i64 = 719_163;

fn wrong(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn as_type(column: &ArrayRef, wanted: &DataType) -> PyResult<ArrayRef> {
    if column.data_type() == wanted {
        return Ok(ArrayRef::clone(column));
    }
    cast(column, wanted).map_err(wrong)
}

fn each<'py>(
    py: Python<'py>,
    nulls: Option<&arrow::buffer::NullBuffer>,
    rows: usize,
    mut value: impl FnMut(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Values<'py>> {
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        let is_null = nulls.is_some_and(|nulls| nulls.is_null(row));
        values.push(if is_null { py.None().into_bound(py) } else { value(row)? });
    }
    Ok(values)
}

fn each_str<'py>(
    py: Python<'py>,
    column: &ArrayRef,
    mut value: impl FnMut(&str) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Values<'py>> {
    let column = as_type(column, &DataType::Utf8)?;
    let texts = column.as_string::<i32>();
    each(py, column.nulls(), column.len(), |row| value(texts.value(row)))
}

fn read_integers<'py>(py: Python<'py>, column: &ArrayRef) -> PyResult<Values<'py>> {
    if column.data_type() == &DataType::UInt64 {
        let values = column.as_primitive::<UInt64Type>();
        return each(py, column.nulls(), column.len(), |row| {
            Ok(PyInt::new(py, values.value(row)).into_any())
        });
    }
    let column = as_type(column, &DataType::Int64)?;
    let values = column.as_primitive::<Int64Type>();
    each(py, column.nulls(), column.len(), |row| Ok(PyInt::new(py, values.value(row)).into_any()))
}

fn read_json<'py>(
    py: Python<'py>,
    adapter: Option<&Py<PyAny>>,
    column: &ArrayRef,
) -> PyResult<Values<'py>> {
    let load = match adapter {
        Some(adapter) => adapter.bind(py).getattr("validate_json")?,
        None => py.import("json")?.getattr("loads")?,
    };
    each_str(py, column, |text| load.call1((text,)))
}

fn read_decimals<'py>(py: Python<'py>, column: &ArrayRef) -> PyResult<Values<'py>> {
    let class = py.import("decimal")?.getattr("Decimal")?;
    let column = match column.data_type() {
        DataType::Decimal128(..) => ArrayRef::clone(column),
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => {
            as_type(column, &DataType::Decimal128(38, *scale))?
        }
        other => return Err(wrong(format!("{other} is no decimal"))),
    };
    let values = column.as_primitive::<Decimal128Type>();
    each(py, column.nulls(), column.len(), |row| {
        class.call1((values.value_as_string(row),))?.call_method0("normalize")
    })
}

fn read_lists<'py>(
    py: Python<'py>,
    column: &ArrayRef,
    item: &Codec,
    finish: impl Fn(Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Values<'py>> {
    let (values, bounds) = flat(column)?;
    let items = item.read(py, &values)?;
    each(py, column.nulls(), column.len(), |row| {
        finish(PyList::new(py, &items[bounds[row]..bounds[row + 1]])?)
    })
}

/// The values of all lists one after the other, and where each list begins.
fn flat(column: &ArrayRef) -> PyResult<(ArrayRef, Vec<usize>)> {
    if let DataType::FixedSizeList(item, length) = column.data_type() {
        let lists = column.as_fixed_size_list();
        let length = usize::try_from(*length).map_err(wrong)?;
        let values = as_type(lists.values(), item.data_type())?;
        return Ok((values, (0..=lists.len()).map(|row| row * length).collect()));
    }
    let (DataType::List(item) | DataType::LargeList(item)) = column.data_type() else {
        return Err(wrong(format!("{} is no list", column.data_type())));
    };
    let column = as_type(column, &DataType::LargeList(std::sync::Arc::clone(item)))?;
    let lists = column.as_list::<i64>();
    let offsets = lists.offsets();
    let first = usize::try_from(offsets[0]).map_err(wrong)?;
    let last = usize::try_from(offsets[lists.len()]).map_err(wrong)?;
    let bounds: Result<Vec<usize>, _> = offsets.iter().map(|at| usize::try_from(*at)).collect();
    let bounds = bounds.map_err(wrong)?.into_iter().map(|at| at - first).collect();
    Ok((lists.values().slice(first, last - first), bounds))
}

fn read_maps<'py>(
    py: Python<'py>,
    column: &ArrayRef,
    key: &Codec,
    value: &Codec,
) -> PyResult<Values<'py>> {
    let maps = column.as_map();
    let (keys, values) = (key.read(py, maps.keys())?, value.read(py, maps.values())?);
    let bounds: Result<Vec<usize>, _> =
        maps.offsets().iter().map(|at| usize::try_from(*at)).collect();
    let bounds = bounds.map_err(wrong)?;
    each(py, column.nulls(), column.len(), |row| {
        let dict = PyDict::new(py);
        for at in bounds[row]..bounds[row + 1] {
            dict.set_item(&keys[at], &values[at])?;
        }
        Ok(dict.into_any())
    })
}

fn read_models<'py>(py: Python<'py>, column: &ArrayRef, model: &Model) -> PyResult<Values<'py>> {
    let DataType::Struct(_) = column.data_type() else {
        return Err(wrong(format!("{} is no model", column.data_type())));
    };
    let rows = column.as_struct();
    let mut columns = Vec::with_capacity(model.fields.len());
    for field in &model.fields {
        let Some(below) = rows.column_by_name(&field.name) else {
            return Err(wrong(format!("`{}` has no field `{}`", model.name, field.name)));
        };
        columns.push((&field.key, field.codec.read(py, below)?));
    }
    let builder = model.builder(py)?;
    each(py, column.nulls(), column.len(), |row| {
        let fields = PyDict::new(py);
        for (key, values) in &columns {
            fields.set_item(key, &values[row])?;
        }
        builder.build(model, fields)
    })
}

/// Rows of several columns as tuples.
pub(crate) fn tuples<'py>(
    py: Python<'py>,
    columns: &[Values<'py>],
    rows: usize,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for row in 0..rows {
        list.append(PyTuple::new(py, columns.iter().map(|values| &values[row]))?)?;
    }
    Ok(list)
}
