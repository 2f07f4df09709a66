//! Namespaces and projects that users made: make, list, forget.

use futures::FutureExt;
use object_store::path::Path;

use crate::folder::{Folder, FolderName};
use crate::time::now;

use super::documents::{Change, Documents};
use super::failure::Failure;

/// The folder of all of them.
const FOLDER: &str = "folders";

pub(super) async fn make(
    documents: &Documents,
    name: &FolderName,
    description: Option<String>,
) -> Result<Folder, Failure> {
    documents.prepare().await?;
    let path = path(documents, name)?;
    let new = Folder { name: name.clone(), description, created_at: now() };
    let found = documents.get::<Folder>(&path).await?;
    documents
        .edit(&path, found, |folder| {
            Ok(match folder {
                Some(folder) => Change::None(folder),
                None => Change::To(new.clone(), new.clone()),
            })
        })
        .await
}

pub(super) async fn made(documents: &Documents) -> Result<Vec<Folder>, Failure> {
    let paths = documents.list(FOLDER).await?;
    let requests = paths.iter().map(|path| documents.get::<Folder>(path).boxed()).collect();
    let found = Documents::all(requests).await?;
    // WHY: one that is gone was forgotten meanwhile.
    let mut made: Vec<Folder> =
        found.into_iter().filter_map(|found| Some(found?.document)).collect();
    made.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(made)
}

pub(super) async fn forget(documents: &Documents, name: &FolderName) -> Result<bool, Failure> {
    let path = path(documents, name)?;
    if documents.bytes(&path).await?.is_none() {
        return Ok(false);
    }
    documents.delete(&path).await?;
    Ok(true)
}

/// Where it is. No name has a slash, so that no two are the same.
fn path(documents: &Documents, name: &FolderName) -> Result<Path, Failure> {
    let FolderName { namespace, project } = name;
    match project {
        None => documents.path(format_args!("{FOLDER}/{namespace}.json")),
        Some(project) => documents.path(format_args!("{FOLDER}/{namespace}/{project}.json")),
    }
}
