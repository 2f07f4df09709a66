//! Python → Arrow, a column at a time. What does not fit is named by its row.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, FixedSizeListArray, Float64Array, Int64Array,
    ListArray, MapArray, NullArray, StringBuilder, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use super::{Admits, Codec, Float, Kind, Model};

/// `json.dumps`.
static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A value that is not of the column's type.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// Its row.
    pub(crate) row: usize,
    /// Which type was expected and what came, or the error that the value itself raised.
    pub(crate) reason: String,
}

/// The bytes of a column of values of these lengths, if it can have so many.
fn room(lengths: impl Iterator<Item = usize>) -> Fitted<usize> {
    let mut bytes = 0;
    for (row, length) in lengths.enumerate() {
        bytes += length;
        if i32::try_from(bytes).is_err() {
            let reason = "the values up to here take more than 2 GiB, which is more than one batch \
                          of a column can hold; hint: fewer rows a call (`batch_rows=`)";
            return Err(Misfit { row, reason: reason.to_owned() });
        }
    }
    Ok(bytes)
}

/// A value's class and the start of what it says of itself, for messages.
fn shown(value: &Bound<'_, PyAny>) -> String {
    let kind = value.get_type().qualname().map(|name| name.to_string()).unwrap_or_default();
    format!("{kind} `{}`", start_of_repr(value))
}

fn start_of_repr(value: &Bound<'_, PyAny>) -> String {
    let text = value.repr().map(|text| text.to_string()).unwrap_or_default();
    text.chars().take(80).collect()
}

pub(super) type Fitted<T> = Result<T, Misfit>;

impl Codec {
    /// The values as an Arrow column of [`Codec::data_type`].
    pub(crate) fn write(&self, values: &[Bound<'_, PyAny>]) -> Fitted<ArrayRef> {
        if !self.nullable
            && !matches!(self.kind, Kind::Null)
            && let Some(row) = values.iter().position(Bound::is_none)
        {
            let reason = format!(
                "got None where {} was declared; declare it optional, as in `{0} | None`",
                self.name()
            );
            return Err(Misfit { row, reason });
        }
        if let Some(row) = values.iter().position(|value| !self.admits(value)) {
            let declared = self.annotation.as_deref().unwrap_or_default();
            let reason = format!("expected {declared}, got {}", shown(&values[row]));
            return Err(Misfit { row, reason });
        }
        self.write_fitting(values)
    }

    fn write_fitting(&self, values: &[Bound<'_, PyAny>]) -> Fitted<ArrayRef> {
        match &self.kind {
            Kind::Null => Ok(Arc::new(NullArray::new(values.len()))),
            Kind::Int => {
                let numbers = self.each(values, |value| value.extract::<i64>())?;
                Ok(Arc::new(Int64Array::from(numbers)))
            }
            Kind::Float => {
                let numbers = self.each(values, number)?;
                Ok(Arc::new(Float64Array::from(numbers)))
            }
            Kind::Bool => {
                let mut builder = BooleanBuilder::with_capacity(values.len());
                for flag in self.each(values, |value| value.extract::<bool>())? {
                    builder.append_option(flag);
                }
                Ok(Arc::new(builder.finish()))
            }
            Kind::Str | Kind::Foreign => self.write_texts(values, |value| Ok(value.clone())),
            Kind::Uuid => self.write_texts(values, uuid_text),
            Kind::Json(adapter) => self.write_json(values, adapter.as_ref()),
            Kind::Enum { class, item, .. } => {
                let plain = self.each(values, |value| member_value(value, class.as_ref()))?;
                item_or_null(item, values, plain)
            }
            Kind::Bytes => self.write_bytes(values),
            Kind::Datetime | Kind::Date | Kind::Time | Kind::Timedelta => self.write_time(values),
            Kind::Decimal { precision, scale } => self.write_decimals(values, *precision, *scale),
            Kind::List(item) | Kind::Tuple(item) | Kind::Set(item) => {
                self.write_lists(values, item)
            }
            Kind::Vector { item, length } => self.write_vectors(values, *item, *length),
            Kind::Map(key, value) => self.write_maps(values, key, value),
            Kind::Model(model) => self.write_models(values, model),
            Kind::Attribute { .. } => {
                Err(Misfit { row: 0, reason: "a field that is not stored".to_owned() })
            }
        }
    }

    /// What the values should be, in Python's words.
    pub(super) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match &self.kind {
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Str | Kind::Foreign => "str",
            Kind::Bool => "bool",
            Kind::Bytes => "bytes",
            Kind::Datetime => "datetime",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Timedelta => "timedelta",
            Kind::Decimal { .. } => "Decimal",
            Kind::Uuid => "UUID",
            Kind::Json(_) => {
                return Cow::Owned(self.annotation.clone().unwrap_or_else(|| "dict".into()));
            }
            Kind::Enum { name, .. } => return Cow::Owned(name.clone()),
            Kind::List(_) => "list",
            Kind::Tuple(_) => "tuple",
            Kind::Set(_) => "set",
            Kind::Vector { item, length } => return Cow::Owned(vector_name(*item, *length)),
            Kind::Map(..) => "dict",
            Kind::Model(model) => {
                return Cow::Owned(model.name.split('@').next().unwrap_or_default().to_owned());
            }
            Kind::Attribute { .. } => "attribute",
            Kind::Null => "None",
        })
    }

    fn admits(&self, value: &Bound<'_, PyAny>) -> bool {
        match &self.admits {
            Admits::All => true,
            _ if value.is_none() => true,
            Admits::Choices(choices) => choices.bind(value.py()).contains(value).unwrap_or(false),
            Admits::Dicts => value.is_instance_of::<PyDict>(),
            Admits::Lists => value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>(),
        }
    }

    /// Converts what is not None; the first value that fails is the misfit.
    pub(super) fn each<'py, T>(
        &self,
        values: &[Bound<'py, PyAny>],
        convert: impl Fn(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> Fitted<Vec<Option<T>>> {
        let mut converted = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            if value.is_none() {
                converted.push(None);
                continue;
            }
            match convert(value) {
                Ok(value) => converted.push(Some(value)),
                Err(error) => return Err(self.misfit(row, value, &error)),
            }
        }
        Ok(converted)
    }

    fn misfit(&self, row: usize, value: &Bound<'_, PyAny>, error: &PyErr) -> Misfit {
        let what = self.name();
        let reason = if error.is_instance_of::<PyOverflowError>(value.py()) {
            format!("`{}` is out of the range of a 64-bit integer", start_of_repr(value))
        } else if matches!(self.kind, Kind::Decimal { .. } | Kind::Time | Kind::Timedelta)
            && error.is_instance_of::<PyValueError>(value.py())
        {
            format!("`{}` {}", start_of_repr(value), error.value(value.py()))
        } else if matches!(self.kind, Kind::Json(_) | Kind::Model(_)) {
            format!("expected {what}, got {}: {error}", shown(value))
        } else {
            format!("expected {what}, got {}", shown(value))
        };
        Misfit { row, reason }
    }

    fn write_bytes(&self, values: &[Bound<'_, PyAny>]) -> Fitted<ArrayRef> {
        let values = self.each(values, |value| match value.cast::<PyBytes>() {
            Ok(bytes) => Ok(bytes.clone()),
            Err(_) => Ok(PyBytes::new(value.py(), &value.extract::<Cow<'_, [u8]>>()?)),
        })?;
        let lengths = values.iter().map(|value| value.as_ref().map_or(0, |v| v.as_bytes().len()));
        let mut builder = BinaryBuilder::with_capacity(values.len(), room(lengths)?);
        for value in &values {
            builder.append_option(value.as_ref().map(|value| value.as_bytes()));
        }
        Ok(Arc::new(builder.finish()))
    }

    fn write_texts<'py>(
        &self,
        values: &[Bound<'py, PyAny>],
        text: impl Fn(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> Fitted<ArrayRef> {
        let values = self.each(values, |value| Ok(text(value)?.cast_into::<PyString>()?))?;
        let mut texts = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            let text = value.as_ref().map(|value| {
                value.to_cow().map_err(|error| self.misfit(row, value.as_any(), &error))
            });
            texts.push(text.transpose()?);
        }
        let lengths = texts.iter().map(|text| text.as_ref().map_or(0, |text| text.len()));
        let mut builder = StringBuilder::with_capacity(texts.len(), room(lengths)?);
        for text in &texts {
            builder.append_option(text.as_deref());
        }
        Ok(Arc::new(builder.finish()))
    }

    fn write_json(
        &self,
        values: &[Bound<'_, PyAny>],
        adapter: Option<&Py<PyAny>>,
    ) -> Fitted<ArrayRef> {
        self.write_texts(values, |value| {
            let py = value.py();
            match adapter {
                Some(adapter) => {
                    let checked = adapter.bind(py).call_method1("validate_python", (value,))?;
                    adapter.bind(py).call_method1("dump_json", (checked,))?.call_method0("decode")
                }
                None => DUMPS.import(py, "json", "dumps")?.call1((value,)),
            }
        })
    }

    fn write_lists(&self, values: &[Bound<'_, PyAny>], item: &Self) -> Fitted<ArrayRef> {
        let lists = self.each(values, items)?;
        let lengths = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len));
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
        let nulls = NullBuffer::from_iter(lists.iter().map(Option::is_some));
        let flat: Vec<Bound<'_, PyAny>> = lists.into_iter().flatten().flatten().collect();
        let column = item.write(&flat).map_err(|misfit| below(&offsets, misfit))?;
        let field = Arc::new(item.field(Field::LIST_FIELD_DEFAULT_NAME));
        Ok(Arc::new(ListArray::new(field, offsets, column, Some(nulls))))
    }

    fn write_vectors(
        &self,
        values: &[Bound<'_, PyAny>],
        item: Float,
        length: i32,
    ) -> Fitted<ArrayRef> {
        let size = usize::try_from(length).unwrap_or_default();
        let mut numbers: Vec<f64> = Vec::with_capacity(values.len() * size);
        let vectors = self.each(values, floats)?;
        let nulls = NullBuffer::from_iter(vectors.iter().map(Option::is_some));
        for (row, vector) in vectors.into_iter().enumerate() {
            let vector = vector.unwrap_or_else(|| vec![0.0; size]);
            if vector.len() != size {
                let reason = format!("expected a vector of {size} numbers, got {}", vector.len());
                return Err(Misfit { row, reason });
            }
            if let Some(large) = vector.iter().find(|number| !item.holds(**number)) {
                let kind = item.as_str();
                let reason =
                    format!("`{large}` is too large for {kind}; hint: `{}`", wider(length));
                return Err(Misfit { row, reason });
            }
            numbers.extend(vector);
        }
        let wrong = |error: arrow::error::ArrowError| Misfit { row: 0, reason: error.to_string() };
        let column: ArrayRef = Arc::new(Float64Array::from(numbers));
        let column = cast(&column, &item.data_type()).map_err(wrong)?;
        let field = Arc::new(Field::new(Field::LIST_FIELD_DEFAULT_NAME, item.data_type(), true));
        let array = FixedSizeListArray::try_new(field, length, column, Some(nulls));
        Ok(Arc::new(array.map_err(wrong)?))
    }

    fn write_maps(
        &self,
        values: &[Bound<'_, PyAny>],
        key: &Self,
        value: &Self,
    ) -> Fitted<ArrayRef> {
        let maps = self.each(values, |value| Ok(value.clone().cast_into::<PyDict>()?))?;
        let offsets = OffsetBuffer::<i32>::from_lengths(
            maps.iter().map(|map| map.as_ref().map_or(0, |map| map.len())),
        );
        let nulls = NullBuffer::from_iter(maps.iter().map(Option::is_some));
        let pairs: Vec<_> =
            maps.into_iter().flatten().flat_map(|map| map.iter().collect::<Vec<_>>()).collect();
        let (keys, items): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let keys = key.write(&keys).map_err(|misfit| below(&offsets, misfit))?;
        let items = value.write(&items).map_err(|misfit| below(&offsets, misfit))?;
        let DataType::Map(field, _) = self.data_type() else {
            return Err(Misfit { row: 0, reason: "no map".to_owned() });
        };
        let fields = vec![key.field("key"), value.field("value")].into();
        let entries = StructArray::new(fields, vec![keys, items], None);
        Ok(Arc::new(MapArray::new(field, offsets, entries, Some(nulls), false)))
    }

    fn write_models(&self, values: &[Bound<'_, PyAny>], model: &Model) -> Fitted<ArrayRef> {
        let objects = self.each(values, |value| model.accept(value))?;
        let mut columns = Vec::with_capacity(model.fields.len());
        let nulls = NullBuffer::from_iter(objects.iter().map(Option::is_some));
        for field in &model.fields {
            let mut present = Vec::with_capacity(objects.len());
            let mut rows = Vec::with_capacity(objects.len());
            for (row, object) in objects.iter().enumerate() {
                let Some(object) = object else { continue };
                let value =
                    object.getattr(&field.key).map_err(|error| self.misfit(row, object, &error))?;
                present.push(value);
                rows.push(row);
            }
            let column = field.codec.write(&present).map_err(|misfit| Misfit {
                row: rows.get(misfit.row).copied().unwrap_or_default(),
                reason: format!("field `{}`: {}", field.name, misfit.reason),
            })?;
            columns.push(spread(&column, &nulls));
        }
        // A child that may not be null is null where the whole row is: Arrow allows that.
        let DataType::Struct(declared) = self.data_type() else {
            return Err(Misfit { row: 0, reason: "no model".to_owned() });
        };
        let array = StructArray::try_new_with_length(declared, columns, Some(nulls), values.len());
        Ok(Arc::new(array.map_err(|error| Misfit { row: 0, reason: error.to_string() })?))
    }
}

impl Model {
    /// The object itself, or a dict made into one.
    fn accept<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let Some(class) = &self.class else {
            return Ok(value.clone());
        };
        let class = class.bind(value.py());
        if value.is_instance(class)? {
            return Ok(value.clone());
        }
        class.call_method1("model_validate", (value,))
    }
}

/// Puts nulls between the values of rows that are there.
fn spread(column: &ArrayRef, present: &NullBuffer) -> ArrayRef {
    if present.null_count() == 0 {
        return Arc::clone(column);
    }
    let mut next = 0;
    let places = present.iter().map(|is_there| {
        is_there.then(|| {
            next += 1;
            next - 1
        })
    });
    let places: arrow::array::UInt64Array = places.collect();
    arrow::compute::take(column, &places, None).unwrap_or_else(|_| Arc::clone(column))
}

/// What stands for an enum's member in storage; a value is as good as its member.
fn member_value<'py>(
    value: &Bound<'py, PyAny>,
    class: Option<&Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(class) = class else {
        return value.getattr("value").or_else(|_| Ok(value.clone()));
    };
    let class = class.bind(value.py());
    let member = if value.is_instance(class)? { value.clone() } else { class.call1((value,))? };
    member.getattr("value")
}

/// A UUID in its usual spelling.
fn uuid_text<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let class = value.py().import("uuid")?.getattr("UUID")?;
    let uuid = if value.is_instance(&class)? { value.clone() } else { class.call1((value,))? };
    Ok(uuid.str()?.into_any())
}

fn item_or_null(
    item: &Codec,
    values: &[Bound<'_, PyAny>],
    plain: Vec<Option<Bound<'_, PyAny>>>,
) -> Fitted<ArrayRef> {
    let plain: Vec<Bound<'_, PyAny>> = plain
        .into_iter()
        .zip(values)
        .map(|(plain, value)| plain.unwrap_or_else(|| value.clone()))
        .collect();
    match &item.kind {
        Kind::Int => Codec::optional(Kind::Int).write(&plain),
        _ => Codec::optional(Kind::Str).write(&plain),
    }
}

/// The list that the value at `misfit.row` of the flattened values belongs to.
fn below(offsets: &OffsetBuffer<i32>, misfit: Misfit) -> Misfit {
    let at = i32::try_from(misfit.row).unwrap_or(i32::MAX);
    let row = offsets.partition_point(|start| *start <= at).saturating_sub(1);
    Misfit { row, reason: format!("an item: {}", misfit.reason) }
}

fn number(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    // WHY: a str has no place here although Python's float() takes one.
    value.extract::<f64>()
}

/// The items of a list, tuple, set, array or any iterable but a string.
fn items<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if let Ok(list) = value.cast::<PyList>() {
        return Ok(list.iter().collect());
    }
    if value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyDict>()
    {
        return Err(PyTypeError::new_err("not a list"));
    }
    if value.hasattr("tolist")? {
        return value.call_method0("tolist")?.try_iter()?.collect();
    }
    value.try_iter()?.collect()
}

/// A vector's type as it is written.
fn vector_name(item: Float, length: i32) -> String {
    match item {
        Float::F32 => format!("Vector[{length}]"),
        Float::F16 | Float::F64 => format!("Vector[{length}, \"{}\"]", item.as_str()),
    }
}

/// The type of vectors of the largest numbers.
fn wider(length: i32) -> String {
    vector_name(Float::F64, length)
}

impl Float {
    /// Whether the type has a number near this one, or the same infinity.
    fn holds(self, number: f64) -> bool {
        // Half a step above the largest; what is below is rounded to it.
        let limit = match self {
            Self::F16 => 65520.0,
            Self::F32 => 2_f64.powi(128) - 2_f64.powi(103),
            Self::F64 => f64::INFINITY,
        };
        number.abs() < limit || !number.is_finite()
    }
}

/// The numbers of a vector; those of an array or a tensor are copied at once.
fn floats(value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return items(value)?.iter().map(number).collect();
    }
    if let Ok(buffer) = PyBuffer::<f32>::get(value) {
        return Ok(buffer.to_vec(value.py())?.into_iter().map(f64::from).collect());
    }
    if let Ok(buffer) = PyBuffer::<f64>::get(value) {
        return buffer.to_vec(value.py());
    }
    if value.hasattr("tobytes")? && value.hasattr("astype")? {
        let flat = value.call_method1("astype", ("float64",))?.call_method0("ravel")?;
        let bytes = flat.call_method0("tobytes")?;
        let bytes = Buffer::from(bytes.cast::<PyBytes>()?.as_bytes());
        return Ok(arrow::buffer::ScalarBuffer::<f64>::from(bytes).to_vec());
    }
    if value.hasattr("detach")? && value.hasattr("numpy")? {
        // A tensor: numpy knows neither gradients, nor other devices, nor bfloat16.
        let plain = value.call_method0("detach")?.call_method0("cpu")?.call_method0("double")?;
        return floats(&plain.call_method0("numpy")?);
    }
    items(value)?.iter().map(number).collect()
}
