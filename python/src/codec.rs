//! [`Codec`]: how values of one column travel between Python and Arrow.
//!
//! A codec is parsed from a spec, the plain dict that `lakebed/_schema.py` makes; the same specs describe columns to
//! Python. Arrow fields carry what Arrow types cannot say in their metadata.

mod decimal;
mod field;
mod model;
mod read;
mod spec;
mod time;
mod write;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

pub(crate) use model::Model;
pub(crate) use read::tuples;
pub(crate) use spec::spec_of_field;

/// One column's conversions.
#[derive(Debug)]
pub(crate) struct Codec {
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    /// The Python type as text, for kinds whose storage does not tell it.
    pub(crate) annotation: Option<String>,
    /// What of its kind a declared type admits.
    admits: Admits,
}

impl Codec {
    /// Values of a kind, or None.
    pub(crate) fn optional(kind: Kind) -> Self {
        Self { kind, nullable: true, annotation: None, admits: Admits::All }
    }

    /// Whether a tuple may be a value.
    pub(crate) fn takes_tuples(&self) -> bool {
        use Kind::{Attribute, Foreign, Json, List, Null, Set, Tuple, Vector};
        let kind = &self.kind;
        matches!(kind, List(_) | Tuple(_) | Set(_) | Json(_) | Vector { .. })
            || matches!(kind, Attribute { .. } | Null | Foreign)
    }
}

/// Which values a declared type admits where the kind admits more.
#[derive(Debug)]
enum Admits {
    All,
    /// Those of a `Literal`.
    Choices(Py<PyTuple>),
    Dicts,
    Lists,
}

/// What a column's values are in Python.
#[derive(Debug)]
pub(crate) enum Kind {
    Int,
    Float,
    Str,
    Bool,
    Bytes,
    Datetime,
    Date,
    Time,
    Timedelta,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Uuid,
    /// Stored as text; the adapter validates what comes back.
    Json(Option<Py<PyAny>>),
    /// Stored as the members' values.
    Enum {
        class: Option<Py<PyAny>>,
        name: String,
        item: Box<Codec>,
    },
    List(Box<Codec>),
    Tuple(Box<Codec>),
    Set(Box<Codec>),
    Vector {
        item: Float,
        length: i32,
    },
    Map(Box<Codec>, Box<Codec>),
    Model(Model),
    /// A field that the class has but stored rows lack: read from the objects, at the end of `names`.
    Attribute {
        model: Box<Codec>,
        names: Vec<Py<PyString>>,
    },
    Null,
    /// A foreign Arrow type: values come as Python's nearest, or as text.
    Foreign,
}

/// The element type of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    F16,
    F32,
    F64,
}
