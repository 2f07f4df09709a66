//! [`Inputs`]: what a statement is given beside its text.

use std::collections::HashMap;

use engine::Chain;

use crate::functions::UserFunction;
use crate::parameters::Parameters;

/// Values, tables and functions; none by default.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The values of `$1` and `$name`.
    pub parameters: Parameters,
    /// Chains that are tables by these names. They hide datasets that are called so.
    pub tables: HashMap<String, Chain>,
    /// The files that [`Statement::files`](crate::Statement::files) names, opened; others are refused.
    pub files: HashMap<String, Chain>,
    /// Functions of the user's by the names that they are called by.
    pub functions: HashMap<String, UserFunction>,
}
