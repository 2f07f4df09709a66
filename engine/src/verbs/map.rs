//! `map`: a function of every row, whose results become columns.

use super::Stage;
use super::new_names::check_results;
use crate::logical::Keep;
use crate::{Chain, Result};

impl Chain {
    /// Calls a function on every row and appends its results as columns. A function of [`Shape::Any`] may leave rows
    /// out.
    ///
    /// [`Shape::Any`]: udf_runtime::Shape::Any
    ///
    /// # Errors
    /// An unknown argument, or a result whose name is taken.
    pub fn map(&self, stage: Stage) -> Result<Self> {
        let names = self.plan().schema().fields().iter().map(|field| field.name().clone());
        check_results(&stage.results, &names.collect::<Vec<_>>())?;
        let arguments = self.resolved(&stage.arguments)?;
        self.call(self.plan().clone(), stage, arguments, Keep::All)
    }
}
