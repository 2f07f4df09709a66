//! Where the objects of datasets are, and how they are found.

use futures::{FutureExt, try_join};
use object_store::path::Path;

use crate::name::{NamePart, QualifiedName};
use crate::patience::Patience;

use super::documents::{Documents, Found, pause};
use super::failure::Failure;
use super::head::{Head, Id};
use super::record::{DatasetRecord, Record};

/// The folder of all datasets.
const FOLDER: &str = "datasets";

/// Datasets under the names that they have now.
pub(super) type Named = Vec<(QualifiedName, DatasetRecord)>;

/// What a name leads to.
#[derive(Debug)]
pub(super) struct Opened {
    /// The head; none if there is no catalog yet.
    pub(super) head: Option<Found<Head>>,
    /// The dataset that has, or would have, the name.
    pub(super) id: Id,
    /// What is at its path.
    pub(super) found: Option<Found<Record>>,
}

impl Opened {
    /// The renames until now.
    pub(super) fn renames(&self) -> Head {
        Head::of(self.head.clone())
    }

    /// The dataset, if there is one.
    pub(super) fn dataset(&self) -> Option<&DatasetRecord> {
        match &self.found {
            Some(Found { document: Record::Dataset(dataset), .. }) => Some(dataset),
            _ => None,
        }
    }
}

impl Documents {
    /// The path of a dataset. No name has a dot, so that no two are the same.
    pub(super) fn dataset_path(&self, id: &Id) -> Result<Path, Failure> {
        let QualifiedName { namespace, project, name } = &id.name;
        match id.generation {
            0 => self.path(format_args!("{FOLDER}/{namespace}/{project}/{name}.json")),
            later => self.path(format_args!("{FOLDER}/{namespace}/{project}/{name}.{later}.json")),
        }
    }

    /// What is at the path of a dataset.
    pub(super) async fn record(&self, id: &Id) -> Result<Option<Found<Record>>, Failure> {
        self.get(&self.dataset_path(id)?).await
    }

    /// What a name leads to; at once, if the name was never given away.
    pub(super) async fn open(&self, name: &QualifiedName) -> Result<Opened, Failure> {
        let first = Id::first(name);
        let (head, found) = try_join!(self.head(), self.record(&first))?;
        let id = head.as_ref().map_or_else(|| first.clone(), |head| head.document.id_of(name));
        let found = if id == first { found } else { self.record(&id).await? };
        Ok(Opened { head, id, found })
    }

    /// Every dataset there is, by name.
    pub(super) async fn every_dataset(&self) -> Result<(Head, Named), Failure> {
        let (head, paths) = try_join!(self.head(), self.list(FOLDER))?;
        let head = Head::of(head);
        let ids: Vec<Id> = paths.iter().filter_map(to_id).collect();
        let names = head.names_of(ids.iter());
        let named = names.into_iter().zip(ids).filter_map(|(name, id)| Some((name?, id)));
        let (names, ids): (Vec<QualifiedName>, Vec<Id>) = named.unzip();
        let records = ids.iter().map(|id| self.record(id).boxed()).collect();
        let records = names.into_iter().zip(Self::all(records).await?);
        let dataset = |found: Option<Found<Record>>| found?.document.into_dataset();
        let mut datasets: Named =
            records.filter_map(|(name, found)| Some((name, dataset(found)?))).collect();
        datasets.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok((head, datasets))
    }

    /// Makes sure that there is no such dataset and never will be; false if there is one.
    pub(super) async fn reserve(&self, id: &Id) -> Result<bool, Failure> {
        let path = self.dataset_path(id)?;
        let mut patience = Patience::new();
        loop {
            if self.put_if(&path, &Record::Reserved, None).await? {
                return Ok(true);
            }
            match self.get::<Record>(&path).await? {
                Some(found) => return Ok(found.document == Record::Reserved),
                None => pause(&mut patience).await?,
            }
        }
    }
}

/// The dataset at a path; none if it is no dataset's.
fn to_id(path: &Path) -> Option<Id> {
    let mut from_end = path.as_ref().rsplit('/');
    let (file, project, namespace) = (from_end.next()?, from_end.next()?, from_end.next()?);
    let file = file.strip_suffix(".json")?;
    let (name, generation) = match file.split_once('.') {
        Some((name, generation)) => (name, generation.parse().ok()?),
        None => (file, 0),
    };
    let part = |text: &str| NamePart::try_from(text.to_owned()).ok();
    let name = QualifiedName::new(part(namespace)?, part(project)?, part(name)?);
    Some(Id { name, generation })
}
