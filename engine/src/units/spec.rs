//! [`StageSpec`]: which function is to be called with which rows.

use serde::{Deserialize, Serialize};
use udf_runtime::Shape;

use crate::checkpoint::UnitName;
use crate::logical::{StageKey, UdfOptions};
use crate::{Error, Result};

/// Grows when older releases could not run a spec any more.
pub(super) const FORMAT: u32 = 1;

/// A function of a chain and the rows that it still has to be called for, as data: with the root, all that another process
/// needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpec {
    pub(super) format: u32,
    /// What users call the function.
    pub name: String,
    pub(super) key: StageKey,
    pub(super) shape: Shape,
    /// How many columns the function is called with, and results are found by.
    pub(super) arguments: usize,
    /// How the function is run.
    pub options: UdfOptions,
    /// The copy of the function.
    pub(super) function: String,
    /// The units.
    pub(super) units: Vec<Unit>,
}

/// Rows that are computed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unit {
    /// The file of their arguments.
    pub(super) file: String,
    pub(super) rows: u64,
}

impl StageSpec {
    /// How many rows all units have.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.units.iter().map(|unit| unit.rows).sum()
    }

    /// The stage once for each unit, with this unit alone: what whoever computes it needs.
    pub fn units(&self) -> impl Iterator<Item = Self> {
        let units = self.units.iter();
        let stage = Self { units: Vec::new(), ..self.clone() };
        units.map(move |unit| Self { units: vec![unit.clone()], ..stage.clone() })
    }

    /// The stage that [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// A text that is no spec, or one of a newer release.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |reason: String| Error::InvalidArgument {
            argument: "stage",
            given: text.chars().take(80).collect(),
            accepted: reason,
        };
        let spec: Self = serde_json::from_str(text)
            .map_err(|error| refused(format!("it is not what `stages()` made: {error}")))?;
        if spec.format != FORMAT {
            return Err(refused(format!(
                "it was made by another release: format {}, and not {FORMAT}",
                spec.format
            )));
        }
        Ok(spec)
    }

    /// The spec as text.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))
    }

    pub(super) fn unit(&self, number: usize) -> Result<&Unit> {
        self.units.get(number).ok_or_else(|| Error::InvalidArgument {
            argument: "unit",
            given: number.to_string(),
            accepted: format!("the stage of `{}` has {} units", self.name, self.units.len()),
        })
    }
}

pub(super) fn parsed(name: &str) -> Result<UnitName> {
    name.parse().map_err(|()| Error::InvalidArgument {
        argument: "stage",
        given: name.to_owned(),
        accepted: "no file of a unit is called so".to_owned(),
    })
}
