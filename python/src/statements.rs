//! Statements of SQL, with what Python gives them beside their text.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use ::arrow::array::ArrayRef;
use ::arrow::datatypes::FieldRef;
use engine::{Error, Objects, Progress, Session, Stage};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sql::{Inputs, Parameters, Statement, UserFunction, Writing};

use crate::chain::Chain;
use crate::codec::{Codec, spec_of_field};
use crate::error::{coded, raise};
use crate::gate::attach;
use crate::runtime::wait;
use crate::udf::{Function, failure_of};

/// The rows; the version that they are, once one was made; the file that they go to, and its format.
pub(crate) type Answered = (Chain, Option<(String, String)>, Option<(String, Option<String>)>);

/// What a statement needs: files, names of parameters, and whether it writes.
#[pyfunction]
pub(crate) fn look_at_sql(
    py: Python<'_>,
    text: &str,
) -> PyResult<(Vec<String>, Vec<String>, bool)> {
    let statement = Statement::parse(text).map_err(|failed| refused(py, failed))?;
    let (files, names) = (statement.files().to_vec(), statement.parameter_names().to_vec());
    Ok((files, names, statement.writes()))
}

/// Runs a statement.
pub(crate) fn run(
    py: Python<'_>,
    session: &Arc<Session>,
    (text, given): (&str, &Bound<'_, PyDict>),
    job: Option<String>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Answered> {
    let statement = Statement::parse(text).map_err(|failed| refused(py, failed))?;
    let inputs = inputs(session, given)?;
    let (session, counters) = (Arc::clone(session), Arc::<Progress>::default());
    let shared = Arc::clone(&counters);
    let ran = async move {
        let Some(job) = job else {
            let chain = sql::read(&session, &statement, &inputs).await;
            return Ok(chain.map(|chain| (chain, None, None)));
        };
        let writing = Writing { job: job.into(), progress: shared };
        let answer = Box::pin(sql::run(&session, &statement, &inputs, &writing)).await;
        Ok(answer.map(|answer| (answer.chain, answer.version, answer.copy)))
    };
    let ran = wait(py, ran, progress.map(|callback| (&counters, callback)))?;
    let (chain, version, copy) = ran.map_err(|failed| refused(py, failed))?;
    let version = version.map(|(name, version)| (name.to_string(), version.to_string()));
    Ok((Chain::new(chain), version, copy.map(|copy| (copy.target, copy.format))))
}

fn refused(py: Python<'_>, failed: sql::Error) -> PyErr {
    match failed {
        sql::Error::Engine(failed) => raise(py, failed),
        failed => coded(py, failed.code(), &failed.to_string()),
    }
}

/// What `read/_sql.py` makes of the arguments of a call.
fn inputs(session: &Session, given: &Bound<'_, PyDict>) -> PyResult<Inputs> {
    let get = |key: &str| given.as_any().get_item(key);
    let places: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)> = get("places")?.extract()?;
    let names: Vec<(String, Bound<'_, PyAny>, Bound<'_, PyAny>)> = get("names")?.extract()?;
    let places = places.iter().map(|(value, spec)| constant(value, spec));
    let names = names.iter().map(|(name, value, spec)| Ok((name.clone(), constant(value, spec)?)));
    let parameters = Parameters {
        places: places.collect::<PyResult<_>>()?,
        names: names.collect::<PyResult<_>>()?,
    };
    let chains = |key: &str| -> PyResult<HashMap<String, engine::Chain>> {
        let chains: HashMap<String, PyRef<'_, Chain>> = get(key)?.extract()?;
        Ok(chains.into_iter().map(|(name, chain)| (name, chain.inner().clone())).collect())
    };
    let functions: Vec<(String, Bound<'_, PyAny>, Py<PyAny>)> = get("functions")?.extract()?;
    let functions = functions.into_iter().map(|(name, spec, make)| {
        let result = Arc::new(Codec::parse(&spec)?.field(&name));
        let objects = session.objects();
        let stage = move |arguments: &[_], result: &str| stage(&make, &objects, arguments, result);
        Ok((name, UserFunction::new(result, stage)))
    });
    let functions = functions.collect::<PyResult<_>>()?;
    Ok(Inputs { parameters, tables: chains("tables")?, files: chains("files")?, functions })
}

/// A value as an array of one row.
fn constant(value: &Bound<'_, PyAny>, spec: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let mut codec = Codec::parse(spec)?;
    codec.nullable = true;
    let array = codec.write(slice::from_ref(value));
    array.map_err(|misfit| PyValueError::new_err(misfit.reason))
}

/// The stage that a function is, once the types of its arguments are known.
fn stage(
    make: &Py<PyAny>,
    objects: &Objects,
    arguments: &[(String, FieldRef)],
    result: &str,
) -> engine::Result<Stage> {
    attach(|py| {
        let made = || -> PyResult<Stage> {
            let arguments = arguments
                .iter()
                .map(|(name, field)| Ok((name.as_str(), spec_of_field(py, field)?)));
            let arguments = arguments.collect::<PyResult<Vec<_>>>()?;
            let made = make.bind(py).call1((arguments, result))?;
            let (function, options): (PyRef<'_, Function>, Bound<'_, PyDict>) = made.extract()?;
            function.stage(&options, objects.clone())
        };
        made().map_err(|error| {
            let failure = Box::new(failure_of(py, error));
            Error::Function(udf_runtime::Error::Function { name: "sql".to_owned(), failure })
        })
    })
}
