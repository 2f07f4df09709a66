//! Exports as Python describes them, and how one that is interrupted ends.

use std::sync::Arc;

use engine::{
    Chain, CsvStyle, Export, ExportFormat, JsonStyle, Others, ParquetStyle, Progress, Quoting,
    Uploads,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::runtime::wait;
use crate::storage::{Info, info};

/// The format of this name with its options, all of which are there.
pub(crate) fn parse(format: &str, options: &Bound<'_, PyAny>) -> PyResult<ExportFormat> {
    let unknown = || PyValueError::new_err(format!("unknown format `{format}`"));
    match format {
        "csv" => Ok(ExportFormat::Csv(csv(options)?)),
        "json" => Ok(ExportFormat::Json(JsonStyle::Array)),
        "jsonl" => Ok(ExportFormat::Json(JsonStyle::Lines)),
        "parquet" => Ok(ExportFormat::Parquet(parquet(options)?)),
        _ => Err(unknown()),
    }
}

fn csv(options: &Bound<'_, PyAny>) -> PyResult<CsvStyle> {
    let quoting: u8 = options.get_item("quoting")?.extract()?;
    let kinds = [
        Quoting::Minimal,
        Quoting::All,
        Quoting::NonNumeric,
        Quoting::None,
        Quoting::Strings,
        Quoting::NotNull,
    ];
    let Some(quoting) = kinds.get(usize::from(quoting)) else {
        return Err(PyValueError::new_err(format!("unknown quoting {quoting}")));
    };
    Ok(CsvStyle {
        delimiter: options.get_item("delimiter")?.extract()?,
        quote: options.get_item("quote")?.extract()?,
        quoting: *quoting,
        escape: options.get_item("escape")?.extract()?,
        doubled: options.get_item("doubled")?.extract()?,
        line_end: options.get_item("line_end")?.extract()?,
    })
}

fn parquet(options: &Bound<'_, PyAny>) -> PyResult<ParquetStyle> {
    let others: String = options.get_item("others")?.extract()?;
    Ok(ParquetStyle {
        group_rows: options.get_item("group_rows")?.extract()?,
        options: options.get_item("options")?.extract()?,
        metadata: options.get_item("metadata")?.extract()?,
        partition_by: options.get_item("partition_by")?.extract()?,
        file_name: options.get_item("file_name")?.extract()?,
        others: match others.as_str() {
            "go" => Others::Go,
            "refused" => Others::Refused,
            _ => Others::Stay,
        },
    })
}

/// Writes the rows; what was sent of a file that did not become one is taken back.
pub(crate) fn run(
    py: Python<'_>,
    chain: &Chain,
    export: Export,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Info>> {
    let (chain, counters, uploads) =
        (chain.clone(), Arc::<Progress>::default(), Uploads::default());
    let (shared, sent) = (Arc::clone(&counters), uploads.clone());
    let written = async move { chain.export(export, &sent, &shared).await };
    match wait(py, written, progress.map(|callback| (&counters, callback))) {
        Ok(found) => Ok(found.map(info)),
        Err(raised) => {
            // A second interrupt ends this too.
            let abandoned = async move {
                uploads.abandon().await;
                Ok(())
            };
            wait(py, abandoned, None)?;
            Err(raised)
        }
    }
}
