//! `Server`: a server of SQL, which runs beside Python.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catalog::JobId;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use server::{Limits, Options, Tls};

use crate::error::{coded, raise};
use crate::runtime::{block, wait};
use crate::session::Session;

/// A running server; immutable.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Server(Arc<server::Server>);

/// How long a statement may run, how many rows it may have, and how many clients there may be.
type PyLimits = (Option<f64>, Option<u64>, usize);

#[pymethods]
impl Server {
    #[staticmethod]
    fn start(
        py: Python<'_>,
        session: &Session,
        addresses: (Option<String>, Option<String>),
        token: Option<String>,
        tls: Option<(PathBuf, PathBuf)>,
        insecure: bool,
        limits: PyLimits,
        write: Option<String>,
    ) -> PyResult<Self> {
        let (postgres, flight) = addresses;
        let (timeout, max_rows, max_connections) = limits;
        let statement_timeout = timeout.map(Duration::try_from_secs_f64).transpose();
        let statement_timeout =
            statement_timeout.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let options = Options {
            postgres,
            flight,
            token,
            tls: tls.map(|(certificate, key)| Tls { certificate, key }),
            insecure,
            limits: Limits { statement_timeout, max_rows, max_connections },
            write: write.map(JobId::from),
        };
        let session = session.shared();
        let start = async move { Ok(server::Server::start(session, options).await) };
        match wait(py, start, None)? {
            Ok(server) => Ok(Self(Arc::new(server))),
            Err(server::Error::Engine(failed)) => Err(raise(py, failed)),
            Err(failed) => Err(coded(py, failed.code(), &failed.to_string())),
        }
    }

    #[getter]
    fn postgres(&self) -> Option<String> {
        self.0.postgres().map(|address| address.to_string())
    }

    #[getter]
    fn flight(&self) -> Option<String> {
        self.0.flight().map(|address| address.to_string())
    }

    #[getter]
    fn token(&self) -> &str {
        self.0.token()
    }

    /// WHY: on the caller's thread, for queries may hold all others.
    fn stop(&self) -> PyResult<()> {
        block(self.0.stop())
    }
}
