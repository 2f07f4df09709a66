//! [`Model`]: rows of a struct column as objects of a Pydantic class.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyString};

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
    /// Stored values are those of the fields; only the user's own code is to be called with them.
    trusted: bool,
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
            trusted: spec.get_item("trusted")?.is_truthy()?,
            defaults,
        })
    }

    /// What makes the objects; one for each batch.
    pub(super) fn builder<'py>(&self, py: Python<'py>) -> PyResult<Builder<'py>> {
        let Some(class) = &self.class else {
            return Ok(Builder::Dict);
        };
        let class = class.bind(py).clone();
        if !self.fast && self.trusted {
            let restored = py.import("lakebed._types.restored")?;
            return Ok(Builder::Restored(restored.call_method1("maker_of", (class,))?));
        }
        if !self.fast {
            let named = PyDict::new(py);
            named.set_item("by_name", true)?;
            named.set_item("by_alias", true)?;
            return Ok(Builder::Validated { validate: class.getattr("model_validate")?, named });
        }
        let stored = PySet::new(py, self.fields.iter().map(|field| &field.key))?;
        Ok(Builder::Direct(Direct::new(class, stored)?))
    }

    /// A row before its values: with all keys, as making room for one after the other takes longer than setting them.
    pub(super) fn template<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let row = PyDict::new(py);
        for field in &self.fields {
            row.set_item(&field.key, py.None())?;
        }
        if self.class.is_some() && self.fast {
            for (name, default) in &self.defaults {
                match default {
                    Default::Value(value) => row.set_item(name, value)?,
                    Default::Factory(_) => row.set_item(name, py.None())?,
                }
            }
        }
        Ok(row)
    }

    /// Adds what is made for each row that lacks it.
    fn fill(&self, row: &Bound<'_, PyDict>) -> PyResult<()> {
        for (name, default) in &self.defaults {
            if let Default::Factory(factory) = default {
                row.set_item(name, factory.call0(row.py())?)?;
            }
        }
        Ok(())
    }
}

/// How the fields of rows become objects.
pub(super) enum Builder<'py> {
    /// There is no class: a dict.
    Dict,
    /// With the fields as they are, by `lakebed/_types/restored.py`.
    Restored(Bound<'py, PyAny>),
    /// Through Pydantic.
    Validated { validate: Bound<'py, PyAny>, named: Bound<'py, PyDict> },
    /// Without Pydantic: the slots that it would set, set.
    Direct(Direct<'py>),
}

impl<'py> Builder<'py> {
    pub(super) fn build(
        &self,
        model: &Model,
        rows: Vec<Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        match self {
            Self::Dict => Ok(rows.into_iter().map(Bound::into_any).collect()),
            Self::Restored(make) => rows.into_iter().map(|row| make.call((), Some(&row))).collect(),
            Self::Validated { validate, named } => {
                rows.into_iter().map(|row| validate.call((row,), Some(named))).collect()
            }
            Self::Direct(direct) => direct.build(model, rows),
        }
    }
}

/// Makes objects by setting their slots. The loops over the rows are Python's own, in C: they call without making a
/// tuple of the arguments of each call.
pub(super) struct Direct<'py> {
    class: Bound<'py, PyAny>,
    stored: Bound<'py, PySet>,
    new: Bound<'py, PyAny>,
    map: Bound<'py, PyAny>,
    repeat: Bound<'py, PyAny>,
    /// Runs an iterator to its end.
    exhaust: Bound<'py, PyAny>,
    /// Pydantic's class, whose slots hold what its objects are.
    base: Bound<'py, PyAny>,
}

impl<'py> Direct<'py> {
    fn new(class: Bound<'py, PyAny>, stored: Bound<'py, PySet>) -> PyResult<Self> {
        let py = class.py();
        let builtins = py.import("builtins")?;
        let discarding = PyDict::new(py);
        discarding.set_item("maxlen", 0)?;
        let deque = py.import("collections")?.call_method("deque", (), Some(&discarding))?;
        Ok(Self {
            class,
            stored,
            new: builtins.getattr("object")?.getattr("__new__")?,
            map: builtins.getattr("map")?,
            repeat: py.import("itertools")?.getattr("repeat")?,
            exhaust: deque.getattr("extend")?,
            base: py.import("pydantic")?.getattr("BaseModel")?.getattr("__dict__")?,
        })
    }

    fn build(
        &self,
        model: &Model,
        rows: Vec<Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let py = self.class.py();
        for row in &rows {
            model.fill(row)?;
        }
        let classes = self.repeat.call1((&self.class, rows.len()))?;
        let objects = self.map.call1((&self.new, classes))?;
        let objects = objects.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let made = PyList::new(py, &objects)?;
        let none = self.repeat.call1((py.None(),))?;
        // WHY: an object may only add to the set, and what it could add is there when all its fields are stored.
        let stored = if model.defaults.is_empty() {
            self.repeat.call1((&self.stored,))?
        } else {
            let copies = self.repeat.call1((&self.stored,))?;
            self.map.call1((self.stored.get_type().getattr("copy")?, copies))?
        };
        self.set("__dict__", &made, PyList::new(py, rows)?.into_any())?;
        self.set("__pydantic_fields_set__", &made, stored)?;
        self.set("__pydantic_extra__", &made, none.clone())?;
        self.set("__pydantic_private__", &made, none)?;
        Ok(objects)
    }

    fn set(
        &self,
        slot: &str,
        objects: &Bound<'py, PyList>,
        values: Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let set = self.base.get_item(slot)?.getattr("__set__")?;
        self.exhaust.call1((self.map.call1((set, objects, values))?,)).map(drop)
    }
}
