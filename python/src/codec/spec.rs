//! Specs of Python: parsed into a [`Codec`], and made from an Arrow field.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use engine::{ANNOTATION_KEY, HIDDEN_KEY, TYPE_KEY};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::{Admits, Codec, Float, Kind, Model};

impl Codec {
    /// Understands a spec.
    pub(crate) fn parse(spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let text = |key: &str| -> PyResult<Option<String>> {
            match spec.call_method1("get", (key,))? {
                value if value.is_none() => Ok(None),
                value => Ok(Some(value.extract()?)),
            }
        };
        let optional = |key: &str| -> PyResult<Option<Py<PyAny>>> {
            let value = spec.call_method1("get", (key,))?;
            Ok((!value.is_none()).then(|| value.unbind()))
        };
        let below = |key: &str| Self::parse(&spec.get_item(key)?).map(Box::new);
        let name: String = spec.get_item("kind")?.extract()?;
        let kind = match name.as_str() {
            "int" => Kind::Int,
            "float" => Kind::Float,
            "str" => Kind::Str,
            "bool" => Kind::Bool,
            "bytes" => Kind::Bytes,
            "datetime" => Kind::Datetime,
            "date" => Kind::Date,
            "time" => Kind::Time,
            "timedelta" => Kind::Timedelta,
            "decimal" => Kind::Decimal {
                precision: spec.get_item("precision")?.extract()?,
                scale: spec.get_item("scale")?.extract()?,
            },
            "uuid" => Kind::Uuid,
            "json" => Kind::Json(optional("adapter")?),
            "enum" => Kind::Enum {
                class: optional("cls")?,
                name: text("name")?.unwrap_or_default(),
                item: below("item")?,
            },
            "list" => Kind::List(below("item")?),
            "tuple" => Kind::Tuple(below("item")?),
            "set" => Kind::Set(below("item")?),
            "vector" => Kind::Vector {
                item: Float::parse(&spec.get_item("item")?.extract::<String>()?)?,
                length: spec.get_item("length")?.extract()?,
            },
            "map" => Kind::Map(below("key")?, below("value")?),
            "model" => Kind::Model(Model::parse(spec)?),
            "attribute" => Kind::Attribute {
                model: below("model")?,
                names: spec.get_item("names")?.extract()?,
            },
            "null" => Kind::Null,
            "arrow" => Kind::Foreign,
            other => return Err(PyValueError::new_err(format!("unknown kind `{other}`"))),
        };
        let nullable = spec.get_item("nullable")?.is_truthy()?;
        let choices = spec.call_method1("get", ("choices",))?;
        let admits = match text("only")?.as_deref() {
            Some("dict") => Admits::Dicts,
            Some("list") => Admits::Lists,
            _ if choices.is_none() => Admits::All,
            _ => Admits::Choices(choices.cast_into::<PyTuple>()?.unbind()),
        };
        Ok(Self { kind, nullable, annotation: text("annotation")?, admits })
    }
}

impl Float {
    fn parse(name: &str) -> PyResult<Self> {
        match name {
            "float16" => Ok(Self::F16),
            "float32" => Ok(Self::F32),
            "float64" => Ok(Self::F64),
            other => Err(PyValueError::new_err(format!("unknown vector type `{other}`"))),
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::F16 => DataType::Float16,
            Self::F32 => DataType::Float32,
            Self::F64 => DataType::Float64,
        }
    }

    fn of(kind: &DataType) -> Option<Self> {
        [Self::F16, Self::F32, Self::F64].into_iter().find(|float| float.data_type() == *kind)
    }
}

/// The spec that describes an Arrow field to Python; classes are for Python to fill in.
pub(crate) fn spec_of_field<'py>(py: Python<'py>, field: &Field) -> PyResult<Bound<'py, PyDict>> {
    let spec = PyDict::new(py);
    let metadata = field.metadata();
    let logical = metadata.get(TYPE_KEY).map(String::as_str).unwrap_or_default();
    let (kind, name) = logical.split_once(':').unwrap_or((logical, ""));
    let kind = match kind {
        "uuid" => "uuid",
        "json" => "json",
        "enum" => {
            spec.set_item("cls", py.None())?;
            spec.set_item("name", name)?;
            let item = if field.data_type().is_integer() { "int" } else { "str" };
            let stored = PyDict::new(py);
            stored.set_item("kind", item)?;
            stored.set_item("nullable", false)?;
            spec.set_item("item", stored)?;
            "enum"
        }
        _ => arrow_kind(py, field, logical, &spec)?,
    };
    if kind == "json" {
        spec.set_item("adapter", py.None())?;
    }
    if let Some(annotation) = metadata.get(ANNOTATION_KEY) {
        spec.set_item("annotation", annotation)?;
    }
    spec.set_item("kind", kind)?;
    spec.set_item("nullable", field.is_nullable())?;
    Ok(spec)
}

fn arrow_kind(
    py: Python<'_>,
    field: &Field,
    logical: &str,
    spec: &Bound<'_, PyDict>,
) -> PyResult<&'static str> {
    let kind = field.data_type();
    Ok(match kind {
        DataType::Int64 => "int",
        kind if kind.is_integer() => {
            spec.set_item("arrow", kind.to_string())?;
            "int"
        }
        DataType::Float64 => "float",
        kind if kind.is_floating() => {
            spec.set_item("arrow", kind.to_string())?;
            "float"
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str",
        DataType::Boolean => "bool",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Timestamp(..) => "datetime",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Duration(_) => "timedelta",
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            spec.set_item("precision", precision)?;
            spec.set_item("scale", scale)?;
            "decimal"
        }
        DataType::Dictionary(_, values) => {
            let plain = Field::new(field.name(), values.as_ref().clone(), field.is_nullable());
            return arrow_kind(py, &plain, logical, spec);
        }
        DataType::FixedSizeList(item, length) => match Float::of(item.data_type()) {
            Some(float) => {
                spec.set_item("item", float.as_str())?;
                spec.set_item("length", length)?;
                "vector"
            }
            None => list_kind(py, item, logical, spec)?,
        },
        DataType::List(item) | DataType::LargeList(item) => list_kind(py, item, logical, spec)?,
        DataType::Map(entries, _) => map_kind(py, entries, spec)?,
        DataType::Struct(_) => model_kind(py, field, logical, spec)?,
        DataType::Null => "null",
        other => {
            spec.set_item("type", other.to_string())?;
            "arrow"
        }
    })
}

fn list_kind(
    py: Python<'_>,
    item: &Arc<Field>,
    logical: &str,
    spec: &Bound<'_, PyDict>,
) -> PyResult<&'static str> {
    spec.set_item("item", spec_of_field(py, item)?)?;
    Ok(match logical {
        "tuple" => "tuple",
        "set" => "set",
        _ => "list",
    })
}

fn map_kind(py: Python<'_>, entries: &Field, spec: &Bound<'_, PyDict>) -> PyResult<&'static str> {
    let DataType::Struct(pair) = entries.data_type() else {
        return Ok("arrow");
    };
    spec.set_item("key", spec_of_field(py, &pair[0])?)?;
    spec.set_item("value", spec_of_field(py, &pair[1])?)?;
    Ok("map")
}

fn model_kind(
    py: Python<'_>,
    field: &Field,
    logical: &str,
    spec: &Bound<'_, PyDict>,
) -> PyResult<&'static str> {
    let DataType::Struct(children) = field.data_type() else {
        return Ok("arrow");
    };
    let fields = PyList::empty(py);
    for child in children {
        fields.append((child.name(), spec_of_field(py, child)?))?;
    }
    let name = match logical.strip_prefix("model:") {
        Some(name) => name.to_owned(),
        None => format!("ArrowDataModel_{}", field.name()),
    };
    let hidden: Vec<&str> = match field.metadata().get(HIDDEN_KEY) {
        Some(hidden) => hidden.split(',').filter(|name| !name.is_empty()).collect(),
        None => vec![],
    };
    spec.set_item("name", name)?;
    spec.set_item("cls", py.None())?;
    spec.set_item("fields", fields)?;
    spec.set_item("hidden", hidden)?;
    spec.set_item("fast", false)?;
    spec.set_item("trusted", false)?;
    spec.set_item("defaults", PyDict::new(py))?;
    Ok("model")
}
