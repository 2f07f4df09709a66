//! [`Model`]: rows of a struct column as objects of a Pydantic class.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyString};

use super::Codec;

/// A model and its fields.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) class: Option<Py<PyAny>>,
    pub(crate) fields: Vec<ModelField>,
    pub(crate) hidden: Vec<String>,
    /// Setting the fields directly is provably the same as validating them.
    fast: bool,
    defaults: Vec<(Py<PyString>, Default)>,
}

/// A field that is stored.
#[derive(Debug)]
pub(crate) struct ModelField {
    pub(crate) name: String,
    pub(crate) key: Py<PyString>,
    pub(crate) codec: Codec,
}

/// What a field that is not stored gets.
#[derive(Debug)]
enum Default {
    Value(Py<PyAny>),
    Factory(Py<PyAny>),
}

impl Model {
    pub(super) fn parse(spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = spec.py();
        let mut fields = Vec::new();
        for item in spec.get_item("fields")?.try_iter()? {
            let (name, below): (String, Bound<'_, PyAny>) = item?.extract()?;
            let key = PyString::intern(py, &name).unbind();
            fields.push(ModelField { name, key, codec: Codec::parse(&below)? });
        }
        let class = spec.get_item("cls")?;
        let mut defaults = Vec::new();
        for item in spec.get_item("defaults")?.call_method0("items")?.try_iter()? {
            let (name, (how, what)): (String, (String, Py<PyAny>)) = item?.extract()?;
            if fields.iter().any(|field| field.name == name) {
                continue;
            }
            let default =
                if how == "factory" { Default::Factory(what) } else { Default::Value(what) };
            defaults.push((PyString::intern(py, &name).unbind(), default));
        }
        Ok(Self {
            name: spec.get_item("name")?.extract()?,
            class: (!class.is_none()).then(|| class.unbind()),
            fields,
            hidden: spec.get_item("hidden")?.extract()?,
            fast: spec.get_item("fast")?.is_truthy()?,
            defaults,
        })
    }

    /// What makes the objects; one for each batch.
    pub(super) fn builder<'py>(&self, py: Python<'py>) -> PyResult<Builder<'py>> {
        let Some(class) = &self.class else {
            return Ok(Builder::Dict);
        };
        let class = class.bind(py).clone();
        if !self.fast {
            let named = PyDict::new(py);
            named.set_item("by_name", true)?;
            named.set_item("by_alias", true)?;
            return Ok(Builder::Validated { validate: class.getattr("model_validate")?, named });
        }
        let object = py.import("builtins")?.getattr("object")?;
        let names: Vec<&Py<PyString>> = self.fields.iter().map(|field| &field.key).collect();
        Ok(Builder::Direct {
            class,
            new: object.getattr("__new__")?,
            set: object.getattr("__setattr__")?,
            stored: PySet::new(py, names)?,
        })
    }

    /// Adds what the stored row lacks.
    pub(super) fn fill<'py>(&self, row: &Bound<'py, PyDict>) -> PyResult<()> {
        let py = row.py();
        for (name, default) in &self.defaults {
            match default {
                Default::Value(value) => row.set_item(name, value)?,
                Default::Factory(factory) => row.set_item(name, factory.call0(py)?)?,
            }
        }
        Ok(())
    }
}

/// How a row's fields become an object.
pub(super) enum Builder<'py> {
    /// There is no class: a dict.
    Dict,
    /// Through Pydantic.
    Validated { validate: Bound<'py, PyAny>, named: Bound<'py, PyDict> },
    /// Without Pydantic: the slots that it would set, set.
    Direct {
        class: Bound<'py, PyAny>,
        new: Bound<'py, PyAny>,
        set: Bound<'py, PyAny>,
        stored: Bound<'py, PySet>,
    },
}

impl<'py> Builder<'py> {
    pub(super) fn build(
        &self,
        model: &Model,
        row: Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = row.py();
        match self {
            Self::Dict => Ok(row.into_any()),
            Self::Validated { validate, named } => validate.call((row,), Some(named)),
            Self::Direct { class, new, set, stored } => {
                model.fill(&row)?;
                let object = new.call1((class,))?;
                set.call1((&object, pyo3::intern!(py, "__dict__"), row))?;
                let stored = stored.call_method0(pyo3::intern!(py, "copy"))?;
                set.call1((&object, pyo3::intern!(py, "__pydantic_fields_set__"), stored))?;
                set.call1((&object, pyo3::intern!(py, "__pydantic_extra__"), py.None()))?;
                set.call1((&object, pyo3::intern!(py, "__pydantic_private__"), py.None()))?;
                Ok(object)
            }
        }
    }
}
