//! Listings: datasets and versions.

use arrow::datatypes::SchemaRef;
use futures::{FutureExt, try_join};
use serde_json::Value;

use crate::dataset::{Dataset, DatasetVersion};
use crate::request::VersionFilter;

use super::claim::preview_path;
use super::datasets::{Named, Opened};
use super::documents::{Documents, corrupt};
use super::failure::Failure;
use super::head::Head;
use super::record::{Content, VersionRecord};
use super::schemas::{Schemas, no_schema};

/// All datasets with a complete version, by name.
pub(super) async fn datasets(documents: &Documents) -> Result<Vec<Dataset>, Failure> {
    let (_, every) = documents.every_dataset().await?;
    let visible = every.into_iter().filter(|(_, dataset)| dataset.is_visible());
    Ok(visible.map(|(name, dataset)| dataset.to_dataset(name)).collect())
}

/// The versions that the filter admits, by name and number.
pub(super) async fn versions(
    documents: &Documents,
    schemas: &Schemas,
    filter: &VersionFilter,
) -> Result<Vec<DatasetVersion>, Failure> {
    let (head, datasets) = find(documents, filter).await?;
    let admitted: Vec<(Dataset, &VersionRecord)> = datasets
        .iter()
        .flat_map(|(name, dataset)| {
            let admitted = dataset.admitted(filter).into_iter();
            admitted.map(|version| (dataset.to_dataset(name.clone()), version))
        })
        .collect();
    let contents = admitted.iter().filter_map(|(_, version)| version.content.as_ref());
    let known = schemas.read(documents, contents.map(|content| content.schema.as_str())).await?;
    let previews = admitted.iter().map(|(_, version)| {
        let content = version.content.as_ref().filter(|_| filter.with_preview);
        preview(documents, content).boxed()
    });
    let previews = Documents::all(previews.collect()).await?;
    let schema_of = |content: &Content| known.get(content.schema.as_str()).cloned();
    let shown = admitted.into_iter().zip(previews).map(|((dataset, version), preview)| {
        let schema: Option<SchemaRef> = version.content.as_ref().and_then(schema_of);
        version.to_version(dataset, &head, schema.unwrap_or_else(no_schema), preview)
    });
    Ok(shown.collect())
}

/// The datasets that may have such versions.
async fn find(documents: &Documents, filter: &VersionFilter) -> Result<(Head, Named), Failure> {
    let (head, id, found) = match (&filter.name, &filter.location) {
        (Some(name), _) => {
            let Opened { head, id, found } = documents.open(name).await?;
            (head, id, found)
        }
        (None, Some(location)) => {
            let Some(id) = documents.settler(location).await? else {
                return Ok((Head::new(), Vec::new()));
            };
            let (head, found) = try_join!(documents.head(), documents.record(&id))?;
            (head, id, found)
        }
        (None, None) => return documents.every_dataset().await,
    };
    let head = Head::of(head);
    let dataset = found.and_then(|found| found.document.into_dataset());
    let named = head.name_of(&id).zip(dataset);
    Ok((head, named.into_iter().collect()))
}

async fn preview(documents: &Documents, content: Option<&Content>) -> Result<Value, Failure> {
    let Some(content) = content else { return Ok(Value::Null) };
    let path = preview_path(documents, &content.preview)?;
    let found = documents.get(&path).await?;
    Ok(found.ok_or_else(|| corrupt(&path, "the preview is lost".into()))?.document)
}
