//! `Expr`: expressions under construction. They meet a schema when a verb of a chain takes them.

use engine::BinaryOp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::codec::Codec;

/// An expression; immutable.
#[pyclass(frozen, module = "lakebed._native")]
#[derive(Debug)]
pub(crate) struct Expr(pub(crate) engine::Expr);

#[pymethods]
impl Expr {
    #[staticmethod]
    fn column(path: String) -> Self {
        Self(engine::Expr::Column(path))
    }

    #[staticmethod]
    fn literal(value: Bound<'_, PyAny>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut codec = Codec::parse(spec)?;
        codec.nullable = true;
        let array = codec.write(&[value]).map_err(|misfit| PyValueError::new_err(misfit.reason))?;
        Ok(Self(engine::Expr::Literal(array)))
    }

    #[staticmethod]
    fn call(function: String, arguments: Vec<PyRef<'_, Self>>) -> Self {
        let arguments = arguments.iter().map(|argument| argument.0.clone()).collect();
        Self(engine::Expr::Call { function, arguments })
    }

    #[staticmethod]
    #[pyo3(signature = (branches, otherwise))]
    fn case(
        branches: Vec<(PyRef<'_, Self>, PyRef<'_, Self>)>,
        otherwise: Option<PyRef<'_, Self>>,
    ) -> Self {
        let branches = branches
            .iter()
            .map(|(condition, value)| (condition.0.clone(), value.0.clone()))
            .collect();
        let otherwise = otherwise.map(|value| Box::new(value.0.clone()));
        Self(engine::Expr::Case { branches, otherwise })
    }

    fn binary(&self, op: &str, other: &Self) -> PyResult<Self> {
        let Some(op) = BinaryOp::parse(op) else {
            return Err(PyValueError::new_err(format!("unknown operator `{op}`")));
        };
        let (left, right) = (Box::new(self.0.clone()), Box::new(other.0.clone()));
        Ok(Self(engine::Expr::Binary { op, left, right }))
    }

    fn negate(&self) -> Self {
        Self(engine::Expr::Negate(Box::new(self.0.clone())))
    }

    fn invert(&self) -> Self {
        Self(engine::Expr::Not(Box::new(self.0.clone())))
    }

    fn is_null(&self) -> Self {
        Self(engine::Expr::IsNull(Box::new(self.0.clone())))
    }

    fn is_in(&self, values: Vec<PyRef<'_, Self>>) -> Self {
        let list = values.iter().map(|value| value.0.clone()).collect();
        Self(engine::Expr::InList { value: Box::new(self.0.clone()), list })
    }

    fn cast(&self, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let to = Codec::parse(spec)?.data_type();
        Ok(Self(engine::Expr::Cast { value: Box::new(self.0.clone()), to }))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }
}
