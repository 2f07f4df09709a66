//! Where our types meet those of other libraries.

pub(crate) mod error;
