//! `Expr`: expressions under construction. They meet a schema when a verb of a chain takes them.

use std::sync::Arc;

use engine::{BinaryOp, Frame, OfRows, SortKey, Window};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::codec::Codec;
use crate::error::raise;

/// An expression; immutable.
#[pyclass(frozen, module = "lakebed._native")]
#[derive(Debug)]
pub(crate) struct Expr(pub(crate) engine::Expr, Extent);

type PyExpr<'py> = PyRef<'py, Expr>;

/// A key, and whether the largest come first.
pub(crate) type PyKey<'py> = (PyExpr<'py>, bool);

/// Keys to sort by.
pub(crate) fn sort_keys(keys: &[PyKey<'_>]) -> Vec<SortKey> {
    let key =
        |(key, descending): &PyKey<'_>| SortKey { expr: key.0.clone(), descending: *descending };
    keys.iter().map(key).collect()
}

/// How deep an expression is nested, and how many parts it has.
#[derive(Clone, Copy, Debug)]
struct Extent {
    depth: usize,
    parts: usize,
}

impl Extent {
    const LEAF: Self = Self { depth: 1, parts: 1 };

    fn over(expr: &engine::Expr, below: impl IntoIterator<Item = Self>) -> Self {
        let levels = expr.levels().max(1);
        below.into_iter().fold(Self::LEAF, |above, one| Self {
            depth: above.depth.max(levels + one.depth),
            parts: above.parts.saturating_add(one.parts),
        })
    }
}

impl Expr {
    fn try_new(py: Python<'_>, expr: engine::Expr, extent: Extent) -> PyResult<Self> {
        expr.check_size(extent.depth, extent.parts).map_err(|failed| raise(py, failed))?;
        Ok(Self(expr, extent))
    }

    /// An expression over others.
    fn made_of<'e>(
        py: Python<'_>,
        expr: engine::Expr,
        parts: impl IntoIterator<Item = &'e Self>,
    ) -> PyResult<Self> {
        let extent = Extent::over(&expr, parts.into_iter().map(|part| part.1));
        Self::try_new(py, expr, extent)
    }

    /// A list of conditions. Those that were such lists went into it and add no depth.
    fn joined(
        py: Python<'_>,
        expr: engine::Expr,
        conditions: &[PyExpr<'_>],
        is_list: fn(&engine::Expr) -> bool,
    ) -> PyResult<Self> {
        let below = conditions.iter().map(|one| Extent {
            depth: one.1.depth - usize::from(is_list(&one.0)),
            parts: one.1.parts,
        });
        let extent = Extent::over(&expr, below);
        Self::try_new(py, expr, extent)
    }

    fn shared(&self) -> Arc<engine::Expr> {
        Arc::new(self.0.clone())
    }
}

fn exprs(given: &[PyExpr<'_>]) -> Vec<engine::Expr> {
    given.iter().map(|one| one.0.clone()).collect()
}

fn parts<'e>(given: &'e [PyExpr<'_>]) -> impl Iterator<Item = &'e Expr> {
    given.iter().map(|one| &**one)
}

#[pymethods]
impl Expr {
    #[staticmethod]
    fn column(path: String) -> Self {
        Self(engine::Expr::Column(path), Extent::LEAF)
    }

    #[staticmethod]
    fn literal(value: Bound<'_, PyAny>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut codec = Codec::parse(spec)?;
        codec.nullable = true;
        let array = codec.write(&[value]).map_err(|misfit| PyValueError::new_err(misfit.reason))?;
        Ok(Self(typed(engine::Expr::Literal(array), &codec), Extent::LEAF))
    }

    #[staticmethod]
    fn call(py: Python<'_>, function: String, arguments: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let given = exprs(&arguments);
        Self::made_of(py, engine::Expr::Call { function, arguments: given }, parts(&arguments))
    }

    #[staticmethod]
    #[pyo3(signature = (branches, otherwise))]
    fn case(
        py: Python<'_>,
        branches: Vec<(PyExpr<'_>, PyExpr<'_>)>,
        otherwise: Option<PyExpr<'_>>,
    ) -> PyResult<Self> {
        let pairs =
            branches.iter().map(|(condition, value)| (condition.0.clone(), value.0.clone()));
        let last = otherwise.as_ref().map(|value| Arc::new(value.0.clone()));
        let expr = engine::Expr::Case { branches: pairs.collect(), otherwise: last };
        let parts = branches.iter().flat_map(|(condition, value)| [&**condition, &**value]);
        Self::made_of(py, expr, parts.chain(otherwise.as_deref()))
    }

    /// All of the conditions.
    #[staticmethod]
    fn all(py: Python<'_>, conditions: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let expr = engine::Expr::all(exprs(&conditions));
        Self::joined(py, expr, &conditions, |part| matches!(part, engine::Expr::All(_)))
    }

    /// Any of the conditions.
    #[staticmethod]
    fn any(py: Python<'_>, conditions: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let expr = engine::Expr::any(exprs(&conditions));
        Self::joined(py, expr, &conditions, |part| matches!(part, engine::Expr::Any(_)))
    }

    /// A function of many rows.
    #[staticmethod]
    fn of_rows(
        py: Python<'_>,
        function: String,
        arguments: Vec<PyExpr<'_>>,
        options: (bool, bool),
        order_by: Vec<PyKey<'_>>,
    ) -> PyResult<Self> {
        let (distinct, skips_nulls) = options;
        let call = OfRows {
            function,
            arguments: exprs(&arguments),
            distinct,
            skips_nulls,
            order_by: sort_keys(&order_by),
            window: None,
        };
        let keys = order_by.iter().map(|(key, _)| &**key);
        Self::made_of(py, engine::Expr::OfRows(Arc::new(call)), parts(&arguments).chain(keys))
    }

    /// The same function, over a window.
    fn over(
        &self,
        py: Python<'_>,
        partition_by: Vec<PyExpr<'_>>,
        order_by: Vec<PyKey<'_>>,
        frame: Option<(Option<i64>, Option<i64>)>,
    ) -> PyResult<Self> {
        let engine::Expr::OfRows(call) = &self.0 else {
            return Err(PyValueError::new_err(format!("`{}` is no function of rows", self.0)));
        };
        let window = Window {
            partition_by: exprs(&partition_by),
            order_by: sort_keys(&order_by),
            frame: frame.map(|(start, end)| Frame { start, end }),
        };
        let call = OfRows { window: Some(window), ..OfRows::clone(call) };
        let keys = order_by.iter().map(|(key, _)| &**key);
        Self::made_of(
            py,
            engine::Expr::OfRows(Arc::new(call)),
            parts(&partition_by).chain(keys).chain([self]),
        )
    }

    /// A field of a model, or the value of a key of a dict.
    fn inside(&self, py: Python<'_>, name: String) -> PyResult<Self> {
        Self::made_of(py, engine::Expr::Inside { value: self.shared(), name }, [self])
    }

    fn binary(&self, py: Python<'_>, op: &str, other: &Self) -> PyResult<Self> {
        let Some(op) = BinaryOp::parse(op) else {
            return Err(PyValueError::new_err(format!("unknown operator `{op}`")));
        };
        let (left, right) = (self.shared(), other.shared());
        Self::made_of(py, engine::Expr::Binary { op, left, right }, [self, other])
    }

    fn negate(&self, py: Python<'_>) -> PyResult<Self> {
        Self::made_of(py, engine::Expr::Negate(self.shared()), [self])
    }

    fn invert(&self, py: Python<'_>) -> PyResult<Self> {
        Self::made_of(py, engine::Expr::Not(self.shared()), [self])
    }

    fn is_null(&self, py: Python<'_>) -> PyResult<Self> {
        Self::made_of(py, engine::Expr::IsNull(self.shared()), [self])
    }

    fn is_in(&self, py: Python<'_>, values: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let expr = engine::Expr::InList { value: self.shared(), list: exprs(&values) };
        Self::made_of(py, expr, parts(&values).chain([self]))
    }

    fn cast(&self, py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let codec = Codec::parse(spec)?;
        let (value, to) = (self.shared(), codec.data_type());
        Self::made_of(py, typed(engine::Expr::Cast { value, to }, &codec), [self])
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }
}

/// The value with what its storage does not tell of its type.
fn typed(value: engine::Expr, codec: &Codec) -> engine::Expr {
    let field = codec.field("");
    if field.metadata().is_empty() {
        return value;
    }
    engine::Expr::Typed { value: Arc::new(value), field: Arc::new(field) }
}
