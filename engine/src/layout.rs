//! What is where below the root.

use catalog::{CatalogStore, NamePart, QualifiedName, VersionFilter};

use crate::storage::Location;
use crate::{Error, Result};

/// The folder of all datasets.
const DATA: &str = "data";

/// What the folder of a dataset is called after its name.
const SUFFIX: &str = ".lance";

/// The folder for the results of stages, one folder each.
const STAGES: &str = "jobs";

/// The folder of all datasets, and how many steps below it they are.
pub(crate) fn datasets() -> (Location, usize) {
    (Location::from(DATA), 3)
}

/// Whether a folder at that depth is a dataset's.
pub(crate) fn is_dataset(folder: &Location) -> bool {
    folder.filename().is_some_and(|name| name.ends_with(SUFFIX))
}

/// The folder of all stages, which are one step below it.
pub(crate) fn stages() -> Location {
    Location::from(STAGES)
}

/// Where the results of a stage are kept.
pub(crate) fn stage(stage: &str) -> Location {
    stages().join(stage)
}

/// A location as the catalog has it.
pub(crate) fn location(text: &str) -> Result<Location> {
    Location::parse(text)
        .map_err(|error| Error::internal(format!("`{text}` is no location: {error}")))
}

/// The folder around one.
pub(crate) fn parent(folder: &Location) -> Location {
    let steps = folder.parts().count().saturating_sub(1);
    folder.parts().take(steps).collect()
}

/// Where a dataset's next version goes: where its others are, else a folder that no dataset ever used.
///
/// A renamed dataset keeps its folder, so a new one of the old name needs another: `cats.2.lance`. No name has a
/// dot, so only datasets of one name ever ask for the same folder.
pub(crate) async fn locate(catalog: &dyn CatalogStore, name: &QualifiedName) -> Result<String> {
    let newest = VersionFilter { newest_only: true, ..VersionFilter::all_of(name) };
    if let Some(record) = catalog.versions(newest).await?.pop() {
        return Ok(record.location);
    }
    let mut location = first_location(name);
    let mut number = 1;
    loop {
        let taken = VersionFilter { newest_only: true, ..VersionFilter::all_at(&location) };
        if catalog.versions(taken).await?.is_empty() {
            return Ok(location);
        }
        number += 1;
        location = in_project(name, &format!("{}.{number}", name.name));
    }
}

/// Where a dataset is if no other one was there before.
pub(crate) fn first_location(name: &QualifiedName) -> String {
    in_project(name, name.name.as_str())
}

/// Whether the dataset there goes when its session does.
pub(crate) fn is_of_session(location: &Location) -> bool {
    let mut steps = location.as_ref().split('/').skip(1).map(str::parse::<NamePart>);
    match (steps.next(), steps.next()) {
        (Some(Ok(namespace)), Some(Ok(project))) => {
            QualifiedName::new(namespace, project, NamePart::local()).is_of_session()
        }
        _ => false,
    }
}

fn in_project(name: &QualifiedName, folder: &str) -> String {
    format!("{DATA}/{}/{}/{folder}{SUFFIX}", name.namespace, name.project)
}
