//! Arrow → Python, a column at a time.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::util::display::array_value_to_string;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::{Codec, Kind, Model, decimal};
use crate::error::coded;

pub(super) type Values<'py> = Vec<Bound<'py, PyAny>>;

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
            Kind::Str => read_texts(py, column),
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
            Kind::Json(adapter) => self.read_json(py, adapter.as_ref(), column),
            Kind::Enum { class, name, item } => {
                let values = item.read(py, column)?;
                let Some(class) = class else { return Ok(values) };
                members(class.bind(py), name, values)
            }
            Kind::Datetime | Kind::Date | Kind::Time | Kind::Timedelta => {
                self.read_time(py, column)
            }
            Kind::Decimal { .. } => decimal::read(py, column),
            Kind::List(item) => read_lists(py, column, item, |list| Ok(list.into_any())),
            Kind::Tuple(item) => {
                read_lists(py, column, item, |list| Ok(list.to_tuple().into_any()))
            }
            Kind::Set(item) => {
                let class = py.import("builtins")?.getattr("set")?;
                read_lists(py, column, item, |list| class.call1((list,)))
            }
            Kind::Vector { item, .. } => {
                let annotation = Some(item.as_str().into());
                let item = Self { annotation, ..Self::optional(Kind::Float) };
                read_lists(py, column, &item, |list| Ok(list.into_any()))
            }
            Kind::Map(key, value) => read_maps(py, column, key, value),
            Kind::Model(model) => read_models(py, column, model),
            Kind::Attribute { model, names } => {
                names.iter().try_fold(model.read(py, column)?, |objects, name| {
                    let get = |object: Bound<'py, PyAny>| {
                        if object.is_none() { Ok(object) } else { object.getattr(name) }
                    };
                    objects.into_iter().map(get).collect()
                })
            }
            Kind::Foreign => each(py, column.nulls(), column.len(), |row| {
                let text = array_value_to_string(column, row).map_err(wrong)?;
                Ok(PyString::new(py, &text).into_any())
            }),
        }
    }

    fn read_json<'py>(
        &self,
        py: Python<'py>,
        adapter: Option<&Py<PyAny>>,
        column: &ArrayRef,
    ) -> PyResult<Values<'py>> {
        let Some(adapter) = adapter else {
            let load = py.import("json")?.getattr("loads")?;
            return each_str(py, column, |text| load.call1((text,)));
        };
        let load = adapter.bind(py).getattr("validate_json")?;
        each_str(py, column, |text| {
            load.call1((text,)).map_err(|error| {
                let what = self.name();
                let reason = error.value(py).to_string();
                unfit(py, error, &format!("a stored value does not fit `{what}`: {reason}"))
            })
        })
    }
}

/// Stored data that does not fit a class.
fn unfit(py: Python<'_>, cause: PyErr, message: &str) -> PyErr {
    let failed = coded(py, "python.schema", message);
    failed.set_cause(py, Some(cause));
    failed
}

pub(super) fn wrong(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

pub(super) fn as_type(column: &ArrayRef, wanted: &DataType) -> PyResult<ArrayRef> {
    if column.data_type() == wanted {
        return Ok(ArrayRef::clone(column));
    }
    cast(column, wanted).map_err(wrong)
}

pub(super) fn each<'py>(
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

/// Texts; neighbours that are equal are one object, which saves making most of a column like `source`.
fn read_texts<'py>(py: Python<'py>, column: &ArrayRef) -> PyResult<Values<'py>> {
    let column = as_type(column, &DataType::Utf8)?;
    let texts = column.as_string::<i32>();
    let mut before = ("", PyString::new(py, "").into_any());
    each(py, column.nulls(), column.len(), |row| {
        let text = texts.value(row);
        if text != before.0 {
            before = (text, PyString::new(py, text).into_any());
        }
        Ok(before.1.clone())
    })
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

/// The members of an enum that stored values stand for.
fn members<'py>(
    class: &Bound<'py, PyAny>,
    name: &str,
    values: Values<'py>,
) -> PyResult<Values<'py>> {
    let member = |value: Bound<'py, PyAny>| {
        if value.is_none() {
            return Ok(value);
        }
        class.call1((&value,)).map_err(|error| {
            let message = format!(
                "`{value}` is stored, but is no value of the enum `{name}`; \
                 hint: add it, or give the enum another name"
            );
            unfit(value.py(), error, &message)
        })
    };
    values.into_iter().map(member).collect()
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
    let mut seen = HashSet::new();
    if let Some(field) = rows.fields().iter().find(|field| !seen.insert(field.name())) {
        let (model, name) = (&model.name, field.name());
        let message = format!("`{model}` has two fields `{name}`; hint: rename one of them");
        return Err(coded(py, "python.schema", &message));
    }
    let mut columns = Vec::with_capacity(model.fields.len());
    for field in &model.fields {
        let Some(below) = rows.column_by_name(&field.name) else {
            return Err(wrong(format!("`{}` has no field `{}`", model.name, field.name)));
        };
        columns.push((&field.key, field.codec.read(py, below)?));
    }
    let template = model.template(py)?;
    let mut present = Vec::with_capacity(column.len());
    for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
        let fields = template.copy()?;
        for (key, values) in &columns {
            fields.set_item(key, &values[row])?;
        }
        present.push(fields);
    }
    let mut objects = model.builder(py)?.build(model, present)?.into_iter();
    let missing = || wrong(format!("too few objects of `{}`", model.name));
    each(py, column.nulls(), column.len(), |_| objects.next().ok_or_else(missing))
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
