//! What other processes are given: rows of arguments, and a copy of the function that they call with them.

use arrow::array::RecordBatch;

use super::{Ledger, UnitName, now, short};
use crate::Result;

const ROWS: &str = "rows";
const FUNCTION: &str = "function";

/// What the names end with of what is given.
pub(crate) const GIVEN: [&str; 2] = [".rows", ".function"];

impl Ledger {
    /// Writes down the rows of a unit.
    pub(crate) async fn give_rows(&self, rows: Vec<RecordBatch>) -> Result<UnitName> {
        self.put_rows(rows, ROWS).await
    }

    /// The rows of a unit; `None` when they are damaged or gone.
    pub(crate) async fn given_rows(&self, name: &UnitName) -> Result<Option<Vec<RecordBatch>>> {
        self.read_rows(name, ROWS).await
    }

    /// Writes down a copy of the function.
    pub(crate) async fn give_function(&self, copy: Vec<u8>) -> Result<UnitName> {
        let name = UnitName { code: self.code.clone(), time: now(), check: digest(&copy) };
        self.storage.put(&self.at(&format!("{name}.{FUNCTION}")), copy).await?;
        Ok(name)
    }

    /// A copy of the function; `None` when it is damaged or gone.
    pub(crate) async fn given_function(&self, name: &UnitName) -> Result<Option<Vec<u8>>> {
        let copy = self.storage.get(&self.at(&format!("{name}.{FUNCTION}"))).await?;
        Ok(copy.filter(|copy| digest(copy) == name.check))
    }

    /// Removes rows of units and the function that was called with them.
    pub(crate) async fn forget_given(
        &self,
        rows: &[UnitName],
        function: Option<&UnitName>,
    ) -> Result<()> {
        for name in rows {
            self.storage.delete(&self.at(&format!("{name}.{ROWS}"))).await?;
        }
        match function {
            Some(function) => {
                self.storage.delete(&self.at(&format!("{function}.{FUNCTION}"))).await
            }
            None => Ok(()),
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    short(blake3::hash(bytes).to_hex().as_str())
}
