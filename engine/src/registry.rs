//! [`Functions`]: where the function is found that a node of a plan names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use udf_runtime::{BatchFunction, Identity};

use crate::logical::FunctionId;

/// The next id, and the functions by theirs.
type Known = (u64, HashMap<FunctionId, Arc<dyn BatchFunction>>);

/// The functions that the session's chains use, by the id that stands in their plans.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    known: Mutex<Known>,
}

impl Functions {
    /// Keeps `function` for as long as the returned registration lives.
    pub(crate) fn register(self: &Arc<Self>, function: Arc<dyn BatchFunction>) -> Registration {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = FunctionId(known.0);
        known.0 += 1;
        known.1.insert(id, function);
        Registration { id, functions: Arc::clone(self) }
    }

    pub(crate) fn get(&self, id: FunctionId) -> Option<Arc<dyn BatchFunction>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).1.get(&id).cloned()
    }

    /// What a function is, or why that cannot be told. Calls user code.
    pub(crate) fn identity(&self, id: FunctionId) -> Result<Identity, String> {
        match self.get(id) {
            Some(function) => function.identity(),
            None => Err("its function is gone".to_owned()),
        }
    }
}

/// Keeps a function registered; chains hold it beside their plans.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) id: FunctionId,
    functions: Arc<Functions>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut known = self.functions.known.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = known.1.remove(&self.id);
        drop(known);
        // The function's own drop may do anything: it runs after the lock is free.
        drop(gone);
    }
}
