//! [`Head`]: the format of a catalog and all its renames, from which every name follows.

use std::collections::HashMap;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::QualifiedName;

use super::documents::{Change, Documents, Found};
use super::failure::Failure;

/// The newest format that this release knows.
const FORMAT: i64 = 1;

/// What is known of the catalog as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    format: i64,
    steps: Vec<Step>,
}

/// A dataset gives its name away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    /// Its name until now.
    pub(super) from: QualifiedName,
    /// Its name from now on; none, if there was only the reservation of a rename that died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<QualifiedName>,
    /// What tells this step from every other.
    pub(super) id: String,
}

/// Which dataset: the first name it had, and how many had given that name away before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Id {
    pub(super) name: QualifiedName,
    pub(super) generation: u32,
}

/// Who has which name after some steps.
#[derive(Debug, Default)]
struct Names<'h> {
    /// Names that came by rename.
    moved: HashMap<&'h QualifiedName, Id>,
    /// How often each name was given away.
    given: HashMap<&'h QualifiedName, u32>,
}

impl Id {
    /// The first dataset of this name.
    pub(super) fn first(name: &QualifiedName) -> Self {
        Self { name: name.clone(), generation: 0 }
    }
}

impl Head {
    /// Of a catalog in which nothing was renamed yet.
    pub(super) fn new() -> Self {
        Self { format: FORMAT, steps: Vec::new() }
    }

    /// The one that was found, or that of an empty bucket.
    pub(super) fn of(found: Option<Found<Self>>) -> Self {
        found.map_or_else(Self::new, |found| found.document)
    }

    /// With one more step.
    pub(super) fn with(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Whether the step was taken.
    pub(super) fn has(&self, id: &str) -> bool {
        self.steps.iter().any(|step| step.id == id)
    }

    /// How many steps were taken.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The dataset that has, or would have, this name.
    pub(super) fn id_of(&self, name: &QualifiedName) -> Id {
        Names::after(&self.steps).id_of(name)
    }

    /// What each of these datasets is called now; none for one whose name went to another before
    /// it had a version.
    pub(super) fn names_of<'i>(
        &self,
        ids: impl Iterator<Item = &'i Id>,
    ) -> Vec<Option<QualifiedName>> {
        let names = Names::after(&self.steps);
        let moved: HashMap<&Id, &QualifiedName> =
            names.moved.iter().map(|(name, id)| (id, *name)).collect();
        let name_of = |id: &Id| match moved.get(id) {
            Some(name) => Some((*name).clone()),
            None => (names.id_of(&id.name) == *id).then(|| id.name.clone()),
        };
        ids.map(name_of).collect()
    }

    /// What this dataset is called now.
    pub(super) fn name_of(&self, id: &Id) -> Option<QualifiedName> {
        self.names_of([id].into_iter()).pop().flatten()
    }

    /// Every dataset that ever had, or would have had, this name; the last one first.
    pub(super) fn once_called(&self, name: &QualifiedName) -> Vec<Id> {
        let mut names = Names::default();
        let mut ids = vec![Id::first(name)];
        for step in &self.steps {
            names.take(step);
            if step.from == *name || step.to.as_ref() == Some(name) {
                ids.push(names.id_of(name));
            }
        }
        ids.reverse();
        ids
    }

    /// What a dataset is called now that had this name after so many steps.
    pub(super) fn follow(&self, name: &QualifiedName, since: usize) -> QualifiedName {
        self.steps.iter().skip(since).fold(name.clone(), |name, step| match &step.to {
            Some(to) if step.from == name => to.clone(),
            _ => name,
        })
    }
}

impl<'h> Names<'h> {
    fn after(steps: &'h [Step]) -> Self {
        let mut names = Self::default();
        steps.iter().for_each(|step| names.take(step));
        names
    }

    fn id_of(&self, name: &QualifiedName) -> Id {
        let generation = || self.given.get(name).copied().unwrap_or_default();
        let unmoved = || Id { name: name.clone(), generation: generation() };
        self.moved.get(name).cloned().unwrap_or_else(unmoved)
    }

    fn take(&mut self, step: &'h Step) {
        let id = self.id_of(&step.from);
        self.moved.remove(&step.from);
        *self.given.entry(&step.from).or_default() += 1;
        if let Some(to) = &step.to {
            self.moved.insert(to, id);
        }
    }
}

impl Documents {
    pub(super) fn head_path(&self) -> Result<Path, Failure> {
        self.path(format_args!("catalog.json"))
    }

    /// The head, if the catalog exists.
    pub(super) async fn head(&self) -> Result<Option<Found<Head>>, Failure> {
        let path = self.head_path()?;
        let head = self.get::<Head>(&path).await?;
        match head.as_ref().map(|head| head.document.format) {
            Some(found) if found > FORMAT => {
                Err(Error::NewerStore { found, known: FORMAT, path: path.to_string() }.into())
            }
            _ => Ok(head),
        }
    }

    /// Makes the catalog if it does not exist, in a bucket that is fit for it.
    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        if self.head().await?.is_some() {
            return Ok(());
        }
        self.probe().await?;
        self.edit(&self.head_path()?, None, |head| {
            Ok(match head {
                Some(_) => Change::None(()),
                None => Change::To(Head::new(), ()),
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests;
