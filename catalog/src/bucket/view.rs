//! Queries under names: make, replace, find, drop.

use futures::FutureExt;
use object_store::path::Path;

use crate::name::QualifiedName;
use crate::view::View;

use super::documents::{Change, Documents};
use super::failure::Failure;

/// The folder of all of them.
const FOLDER: &str = "views";

pub(super) async fn make(documents: &Documents, view: &View) -> Result<View, Failure> {
    documents.prepare().await?;
    let path = path(documents, &view.name)?;
    let found = documents.get::<View>(&path).await?;
    documents
        .edit(&path, found, |there| {
            Ok(match there {
                Some(there) => Change::None(there),
                None => Change::To(view.clone(), view.clone()),
            })
        })
        .await
}

pub(super) async fn replace(documents: &Documents, view: &View) -> Result<(), Failure> {
    documents.prepare().await?;
    let path = path(documents, &view.name)?;
    let found = documents.get::<View>(&path).await?;
    documents
        .edit(&path, found, |there| {
            Ok(match there {
                Some(there) if there == *view => Change::None(()),
                _ => Change::To(view.clone(), ()),
            })
        })
        .await
}

pub(super) async fn find(
    documents: &Documents,
    name: &QualifiedName,
) -> Result<Option<View>, Failure> {
    let found = documents.get::<View>(&path(documents, name)?).await?;
    Ok(found.map(|found| found.document))
}

pub(super) async fn all(documents: &Documents) -> Result<Vec<View>, Failure> {
    let paths = documents.list(FOLDER).await?;
    let requests = paths.iter().map(|path| documents.get::<View>(path).boxed()).collect();
    let found = Documents::all(requests).await?;
    // WHY: one that is gone was dropped meanwhile.
    let mut all: Vec<View> = found.into_iter().filter_map(|found| Some(found?.document)).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

pub(super) async fn drop(documents: &Documents, name: &QualifiedName) -> Result<bool, Failure> {
    let path = path(documents, name)?;
    if documents.bytes(&path).await?.is_none() {
        return Ok(false);
    }
    documents.delete(&path).await?;
    Ok(true)
}

/// Where it is. No name has a slash, so that no two are the same.
fn path(documents: &Documents, name: &QualifiedName) -> Result<Path, Failure> {
    let QualifiedName { namespace, project, name } = name;
    documents.path(format_args!("{FOLDER}/{namespace}/{project}/{name}.json"))
}
