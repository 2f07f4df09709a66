//! The names that new columns may have.

use arrow::datatypes::FieldRef;

use crate::sys::SYS;
use crate::{Error, Result};

/// A name that a column may be given: paths into it must stay readable, and `sys` is ours.
pub(super) fn check_new_name(name: &str) -> Result<()> {
    if !name.is_empty() && !name.contains('.') && !name.contains("__") && name != SYS {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        argument: "column name",
        given: name.to_owned(),
        accepted: "it must not be empty, `sys`, or hold `.` or `__`".to_owned(),
    })
}

/// Results need names that are columns and nobody else's.
pub(super) fn check_results(results: &[FieldRef], taken: &[String]) -> Result<()> {
    for (at, result) in results.iter().enumerate() {
        let name = result.name();
        check_new_name(name)?;
        let twice = results[..at].iter().any(|other| other.name() == name);
        if twice || taken.contains(name) {
            return Err(Error::ColumnExists { name: name.clone() });
        }
    }
    Ok(())
}
