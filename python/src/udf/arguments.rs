//! [`Arguments`]: the rows of a batch as Python values, in the order of the parameters.

use arrow::record_batch::RecordBatch;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::Take;

/// What the parameters are given, for the rows of a batch.
pub(super) struct Arguments<'py> {
    columns: Vec<Values<'py>>,
}

/// A parameter's values for a batch.
enum Values<'py> {
    Column(Vec<Bound<'py, PyAny>>),
    Constant(Bound<'py, PyAny>),
}

impl<'py> Arguments<'py> {
    /// Reads the columns of a batch; set-ups have one value for all rows.
    pub(super) fn read(
        py: Python<'py>,
        takes: &[Take],
        setups: &[Py<PyAny>],
        batch: &RecordBatch,
    ) -> PyResult<Self> {
        let (mut columns, mut setups) = (batch.columns().iter(), setups.iter());
        let mut read = Vec::with_capacity(takes.len());
        for take in takes {
            read.push(match take {
                Take::Column { codec, .. } => {
                    Values::Column(codec.read(py, columns.next().ok_or_else(too_few)?)?)
                }
                Take::Setup(_) => {
                    Values::Constant(setups.next().ok_or_else(too_few)?.bind(py).clone())
                }
            });
        }
        Ok(Self { columns: read })
    }

    /// The arguments of one call.
    pub(super) fn row(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(
            py,
            self.columns.iter().map(|column| match column {
                Values::Column(values) => &values[row],
                Values::Constant(value) => value,
            }),
        )
    }
}

pub(super) fn too_few() -> PyErr {
    PyRuntimeError::new_err("a batch has fewer columns than the function has parameters")
}

/// How much of the arguments a message shows.
const SHOWN_CHARACTERS: usize = 200;

/// The arguments of a call as text; the values of set-ups are the same for all and left out.
pub(super) fn shown(takes: &[Take], row: &Bound<'_, PyTuple>) -> String {
    let columns = takes.iter().zip(row).filter(|(take, _)| matches!(take, Take::Column { .. }));
    let texts = columns
        .map(|(_, value)| value.repr().map(|text| text.to_string()).unwrap_or_default())
        .collect::<Vec<_>>();
    texts.join(", ").chars().take(SHOWN_CHARACTERS).collect()
}
