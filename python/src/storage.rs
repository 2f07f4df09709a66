//! `Storage`: users' files one by one, for `File` and the command line; in worker processes too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{ClientConfig, Listed, ObjectInfo, Objects, Wanted};
use futures::StreamExt;
use futures::stream::BoxStream;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::Mutex as AsyncMutex;

use crate::error::{coded, raise};
use crate::runtime::wait;

/// Size, etag, version, and when it was last modified, in microseconds since 1970.
pub(crate) type Info = (u64, String, String, i64);

/// A path below what was listed, and what is known of it.
type Row = (String, u64, String, String, i64);

pub(crate) fn info(found: ObjectInfo) -> Info {
    (found.size, found.etag, found.version, found.modified)
}

/// Reads and writes files wherever they are; immutable, safe to share between threads.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Storage(pub(crate) Objects);

/// Options as Python gives them.
pub(crate) fn client_config(
    py: Python<'_>,
    options: BTreeMap<String, String>,
) -> PyResult<ClientConfig> {
    ClientConfig::try_new(options).map_err(|failed| raise(py, failed))
}

#[pymethods]
impl Storage {
    /// Reached with these options, without a session.
    #[new]
    fn new(py: Python<'_>, options: BTreeMap<String, String>) -> PyResult<Self> {
        let config = client_config(py, options)?;
        Objects::without_session(&config).map(Self).map_err(|failed| raise(py, failed))
    }

    /// That of the process that started this one.
    #[staticmethod]
    fn restored(py: Python<'_>, setup: &[u8]) -> PyResult<Self> {
        Objects::restored(setup).map(Self).map_err(|failed| raise(py, failed))
    }

    /// What `restored` makes the same of in another process. It holds credentials.
    fn setup<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let setup = self.0.setup().map_err(|failed| raise(py, failed))?;
        Ok(PyBytes::new(py, &setup))
    }

    /// The same files, reached with these options and no others.
    fn connected(&self, py: Python<'_>, options: BTreeMap<String, String>) -> PyResult<Self> {
        Ok(Self(self.0.connected(client_config(py, options)?)))
    }

    /// The path of its file on this machine, if it was fetched.
    #[pyo3(signature = (uri, size=None, *, etag="", version=""))]
    fn cached(
        &self,
        py: Python<'_>,
        uri: &str,
        size: Option<u64>,
        etag: &str,
        version: &str,
    ) -> PyResult<Option<String>> {
        let found = self.0.cached(uri, size, Wanted { etag, version });
        found.map_err(|failed| raise(py, failed))
    }

    /// The path of its file on this machine, which is fetched first if need be, and kept.
    #[pyo3(signature = (uri, size=None, *, etag=String::new(), version=String::new()), text_signature = "($self, uri, size=None, *, etag='', version='')")]
    fn fetch(
        &self,
        py: Python<'_>,
        uri: String,
        size: Option<u64>,
        etag: String,
        version: String,
    ) -> PyResult<String> {
        let objects = self.0.clone();
        let fetched = async move {
            let wanted = Wanted { etag: &etag, version: &version };
            objects.fetch(&uri, size, wanted).await
        };
        wait(py, fetched, None)
    }

    /// The same; None when there is no room for it.
    #[pyo3(signature = (uri, size=None, *, etag=String::new(), version=String::new()), text_signature = "($self, uri, size=None, *, etag='', version='')")]
    fn fetch_if_room(
        &self,
        py: Python<'_>,
        uri: String,
        size: Option<u64>,
        etag: String,
        version: String,
    ) -> PyResult<Option<String>> {
        let objects = self.0.clone();
        let fetched = async move {
            let wanted = Wanted { etag: &etag, version: &version };
            objects.fetch_if_room(&uri, size, wanted).await
        };
        wait(py, fetched, None)
    }

    /// Removes all files that were fetched; how many, and their bytes.
    fn clear_cache(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let objects = self.0.clone();
        wait(py, async move { objects.clear_cache().await }, None)
    }

    #[pyo3(signature = (uri, version=String::new()), text_signature = "($self, uri, version='')")]
    fn head(&self, py: Python<'_>, uri: String, version: String) -> PyResult<Info> {
        let objects = self.0.clone();
        wait(py, async move { objects.head(&uri, &version).await }, None).map(info)
    }

    #[pyo3(signature = (uri, start, end, *, etag=String::new(), version=String::new()), text_signature = "($self, uri, start, end, *, etag='', version='')")]
    fn read<'py>(
        &self,
        py: Python<'py>,
        uri: String,
        start: u64,
        end: u64,
        etag: String,
        version: String,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let objects = self.0.clone();
        let read = async move {
            let wanted = Wanted { etag: &etag, version: &version };
            objects.read(&uri, start, end, wanted).await
        };
        Ok(PyBytes::new(py, &wait(py, read, None)?))
    }

    fn put(
        &self,
        py: Python<'_>,
        uri: String,
        data: Vec<u8>,
        attributes: BTreeMap<String, String>,
    ) -> PyResult<Info> {
        let objects = self.0.clone();
        let attributes: Vec<_> = attributes.into_iter().collect();
        wait(py, async move { objects.put(&uri, data, &attributes).await }, None).map(info)
    }

    fn upload(
        &self,
        py: Python<'_>,
        path: String,
        uri: String,
        attributes: BTreeMap<String, String>,
    ) -> PyResult<Info> {
        let objects = self.0.clone();
        let attributes: Vec<_> = attributes.into_iter().collect();
        wait(py, async move { objects.upload(&path, &uri, &attributes).await }, None).map(info)
    }

    #[pyo3(signature = (uri, path, *, etag=String::new(), version=String::new()), text_signature = "($self, uri, path, *, etag='', version='')")]
    fn download(
        &self,
        py: Python<'_>,
        uri: String,
        path: String,
        etag: String,
        version: String,
    ) -> PyResult<Info> {
        let objects = self.0.clone();
        let copy = async move {
            let wanted = Wanted { etag: &etag, version: &version };
            objects.download(&uri, &path, wanted).await
        };
        wait(py, copy, None).map(info)
    }

    fn writer(
        &self,
        py: Python<'_>,
        uri: String,
        attributes: BTreeMap<String, String>,
    ) -> PyResult<Writer> {
        let objects = self.0.clone();
        let attributes: Vec<_> = attributes.into_iter().collect();
        let writer = wait(py, async move { objects.writer(&uri, &attributes).await }, None)?;
        Ok(Writer(Arc::new(AsyncMutex::new(Some(writer)))))
    }

    fn list(&self, py: Python<'_>, uri: String, recursive: bool) -> PyResult<Pages> {
        let objects = self.0.clone();
        let pages = wait(py, async move { objects.list(&uri, recursive).await }, None)?;
        Ok(Pages(Mutex::new(Some(pages))))
    }

    fn delete(&self, py: Python<'_>, uri: String) -> PyResult<()> {
        let objects = self.0.clone();
        wait(py, async move { objects.delete(&uri).await }, None)
    }

    #[pyo3(signature = (uri, expires, version=String::new()), text_signature = "($self, uri, expires, version='')")]
    fn sign(&self, py: Python<'_>, uri: String, expires: u64, version: String) -> PyResult<String> {
        let objects = self.0.clone();
        let signed =
            async move { objects.sign(&uri, Duration::from_secs(expires), &version).await };
        wait(py, signed, None)
    }

    fn status(
        &self,
        py: Python<'_>,
        uri: String,
    ) -> PyResult<(bool, &'static str, Option<String>)> {
        let objects = self.0.clone();
        let status = wait(py, async move { objects.status(&uri).await }, None)?;
        Ok((status.exists, status.access, status.error))
    }
}

/// A file under construction; it appears when it is closed.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Writer(Arc<AsyncMutex<Option<engine::Writer>>>);

#[pymethods]
impl Writer {
    fn write(&self, py: Python<'_>, data: Vec<u8>) -> PyResult<()> {
        let writer = Arc::clone(&self.0);
        let written = async move {
            match writer.lock().await.as_mut() {
                Some(writer) => writer.write(&data).await.map(|()| true),
                None => Ok(false),
            }
        };
        if wait(py, written, None)? { Ok(()) } else { Err(closed(py)) }
    }

    fn close(&self, py: Python<'_>) -> PyResult<Info> {
        let writer = Arc::clone(&self.0);
        let ended = async move {
            match writer.lock().await.take() {
                Some(writer) => writer.finish().await.map(Some),
                None => Ok(None),
            }
        };
        wait(py, ended, None)?.map(info).ok_or_else(|| closed(py))
    }

    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        let writer = Arc::clone(&self.0);
        let ended = async move {
            match writer.lock().await.take() {
                Some(writer) => writer.abort().await,
                None => Ok(()),
            }
        };
        wait(py, ended, None)
    }
}

fn closed(py: Python<'_>) -> PyErr {
    coded(py, "engine.invalid_argument", "the file is closed")
}

type Stream = BoxStream<'static, engine::Result<Vec<Listed>>>;

/// An iterator over the pages of a listing.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Pages(Mutex<Option<Stream>>);

#[pymethods]
impl Pages {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Vec<Row>>> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut pages) = taken else { return Ok(None) };
        let next = async move {
            let page = pages.next().await.transpose()?;
            Ok((pages, page))
        };
        let (pages, page) = wait(py, next, None)?;
        let Some(page) = page else { return Ok(None) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pages);
        let row = |(path, found): Listed| {
            let (size, etag, version, modified) = info(found);
            (path, size, etag, version, modified)
        };
        Ok(Some(page.into_iter().map(row).collect()))
    }
}
