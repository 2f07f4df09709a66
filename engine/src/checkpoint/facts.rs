//! [`RunFacts`]: what the functions and sources of a run are, asked once, so that all who tell what a plan is agree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use blake3::Hash;
use datafusion::logical_expr::TableScan;
use udf_runtime::Identity;

use crate::identity::{Facts, Reason};
use crate::logical::FunctionId;
use crate::registry::Functions;
use crate::source::{Source, source_of};

/// A source and its digest.
type Told = (Arc<dyn Source>, Result<Hash, Reason>);

/// What was told so far.
#[derive(Debug)]
pub(crate) struct RunFacts {
    functions: Arc<Functions>,
    known: Mutex<HashMap<FunctionId, Result<Identity, Reason>>>,
    /// By address; what is kept beside the digest is not freed, so that nothing else gets its address.
    sources: Mutex<HashMap<usize, Told>>,
}

impl RunFacts {
    pub(crate) fn new(functions: Arc<Functions>) -> Self {
        Self { functions, known: Mutex::default(), sources: Mutex::default() }
    }
}

impl Facts for RunFacts {
    /// Calls user code, once for each function, while no lock is held.
    fn function(&self, id: FunctionId) -> Result<Identity, Reason> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.unwrap_or_else(|| {
            let told = self.functions.identity(id);
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(id, told.clone());
            told
        })
    }

    fn source(&self, scan: &TableScan) -> Result<Hash, Reason> {
        let Some(source) = source_of(scan) else {
            return Err("what its source holds cannot be told".to_owned());
        };
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let told = sources.entry(Arc::as_ptr(&source).addr()).or_insert_with(|| {
            let told = source.identity().map(|identity| identity.digest());
            (source, told)
        });
        told.1.clone()
    }
}
