//! The schema `lakebed`: datasets, versions, their columns and what they were made of, and the runs that made them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::{DatasetVersion, Dependency, Job, QualifiedName, VersionFilter, VersionStatus, View};
use datafusion::arrow::datatypes::FieldRef;
use engine::Session;

use super::{LAKEBED, Rows, unknown};
use crate::type_text::type_text;
use crate::{Error, Result};

/// A value of a run: its job, its name, the value as text, and as a number where it is one.
type Note = (String, String, Option<String>, Option<f64>);

/// The values of a run.
///
/// WHY: a macro, since the type of JSON is the catalog's, and this crate has no name for it.
macro_rules! noted {
    ($job:expr, $values:expr) => {{
        let note = $values.map(|(name, value)| {
            let text = match (value.as_str(), value.is_null()) {
                (Some(text), _) => Some(text.to_owned()),
                (None, true) => None,
                (None, false) => Some(value.to_string()),
            };
            ($job.id.to_string(), name.clone(), text, value.as_f64())
        });
        note.collect::<Vec<Note>>()
    }};
}

pub(super) async fn named(session: &Arc<Session>, name: &str) -> Result<Rows> {
    match name {
        "datasets" => Ok(datasets(&versions(session, VersionFilter::default()).await?)),
        "versions" => {
            let (include_removed, include_unfinished) = (true, true);
            let filter =
                VersionFilter { include_removed, include_unfinished, ..VersionFilter::default() };
            Ok(version_rows(&versions(session, filter).await?))
        }
        "columns" => Ok(columns(&versions(session, VersionFilter::default()).await?)),
        "dependencies" => Ok(dependencies(&versions(session, VersionFilter::default()).await?)),
        "views" => Ok(view_rows(&session.catalog().views().await?)),
        "jobs" => Ok(job_rows(&jobs(session).await?)),
        "metrics" => {
            let jobs = jobs(session).await?;
            let of = |job: &Job| noted!(job, job.metrics.iter());
            Ok(notes(&jobs.iter().flat_map(of).collect::<Vec<_>>()))
        }
        "params" => {
            let jobs = jobs(session).await?;
            let of = |job: &Job| noted!(job, job.params.as_object().into_iter().flatten());
            Ok(notes(&jobs.iter().flat_map(of).collect::<Vec<_>>()))
        }
        "failures" => Err(Error::refused(
            "the table `lakebed.failures`",
            "rows that failed are not in the catalog: `chain.errors()` lists them, and can be \
             saved",
        )),
        _ => Err(unknown(LAKEBED, name, &empty())),
    }
}

/// The tables without rows, for their columns.
pub(super) fn empty() -> Vec<(&'static str, Rows)> {
    vec![
        ("datasets", datasets(&[])),
        ("versions", version_rows(&[])),
        ("columns", columns(&[])),
        ("dependencies", dependencies(&[])),
        ("views", view_rows(&[])),
        ("jobs", job_rows(&[])),
        ("metrics", notes(&[])),
        ("params", notes(&[])),
    ]
}

/// Versions but those that go with a session.
pub(super) async fn versions(
    session: &Arc<Session>,
    filter: VersionFilter,
) -> Result<Vec<DatasetVersion>> {
    let mut found = session.catalog().versions(filter).await?;
    found.retain(|version| !version.dataset.is_of_session());
    Ok(found)
}

/// The runs that made versions, the oldest first.
async fn jobs(session: &Arc<Session>) -> Result<Vec<Job>> {
    let filter = VersionFilter { include_removed: true, ..VersionFilter::default() };
    let made = session.catalog().versions(filter).await?;
    let ids: BTreeSet<_> = made.into_iter().map(|version| version.job).collect();
    let mut jobs = Vec::with_capacity(ids.len());
    for id in &ids {
        jobs.push(session.catalog().job(id).await?);
    }
    jobs.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    Ok(jobs)
}

/// The three parts of names.
fn names<'r>(rows: Rows, all: impl Iterator<Item = &'r QualifiedName> + Clone) -> Rows {
    rows.texts("namespace", all.clone().map(|name| Some(name.namespace.to_string())))
        .texts("project", all.clone().map(|name| Some(name.project.to_string())))
        .texts("name", all.map(|name| Some(name.name.to_string())))
}

fn datasets(versions: &[DatasetVersion]) -> Rows {
    // The highest version of each comes last.
    let mut all: BTreeMap<&QualifiedName, (u64, &DatasetVersion)> = BTreeMap::new();
    for version in versions {
        let entry = all.entry(&version.dataset).or_insert((0, version));
        *entry = (entry.0 + 1, version);
    }
    let latest = || all.values().map(|(_, version)| *version);
    names(Rows::new(all.len()), all.keys().copied())
        .texts("version", latest().map(|it| Some(it.version.to_string())))
        .counts("versions", all.values().map(|(count, _)| Some(*count)))
        .counts("rows", latest().map(|it| Some(it.rows)))
        .counts("bytes", latest().map(|it| Some(it.bytes)))
        .texts("description", latest().map(|it| it.description.clone()))
        .lists("labels", latest().map(|it| it.attrs.clone()))
        .moments("changed_at", latest().map(|it| Some(it.created_at.timestamp_micros())))
}

fn version_rows(versions: &[DatasetVersion]) -> Rows {
    let is_there = |it: &DatasetVersion| it.status == VersionStatus::Complete;
    let changes = || versions.iter().map(|it| it.delta.as_ref().and_then(|delta| delta.changes));
    names(Rows::new(versions.len()), versions.iter().map(|it| &it.dataset))
        .texts("version", versions.iter().map(|it| Some(it.version.to_string())))
        .texts("status", versions.iter().map(|it| Some(it.status.to_string())))
        .counts("rows", versions.iter().map(|it| is_there(it).then_some(it.rows)))
        .counts("bytes", versions.iter().map(|it| is_there(it).then_some(it.bytes)))
        .counts("added", changes().map(|changes| Some(changes?.added)))
        .counts("replaced", changes().map(|changes| Some(changes?.replaced)))
        .counts("dropped", changes().map(|changes| Some(changes?.dropped)))
        .texts("job", versions.iter().map(|it| Some(it.job.to_string())))
        .moments("created_at", versions.iter().map(|it| Some(it.created_at.timestamp_micros())))
        .moments(
            "finished_at",
            versions.iter().map(|it| it.finished_at.map(|time| time.timestamp_micros())),
        )
        .texts("error", versions.iter().map(|it| it.error.clone()))
}

fn columns(versions: &[DatasetVersion]) -> Rows {
    let mut all: Vec<(&DatasetVersion, u64, &FieldRef)> = Vec::new();
    for version in versions {
        all.extend((1..).zip(version.schema.fields()).map(|(at, field)| (version, at, field)));
    }
    names(Rows::new(all.len()), all.iter().map(|(it, ..)| &it.dataset))
        .texts("version", all.iter().map(|(it, ..)| Some(it.version.to_string())))
        .texts("column", all.iter().map(|(.., field)| Some(field.name().clone())))
        .counts("position", all.iter().map(|(_, at, _)| Some(*at)))
        .texts("type", all.iter().map(|(.., field)| Some(type_text(field.data_type()))))
        .flags("nullable", all.iter().map(|(.., field)| Some(field.is_nullable())))
}

fn dependencies(versions: &[DatasetVersion]) -> Rows {
    let mut all: Vec<(&DatasetVersion, &Dependency)> = Vec::new();
    for version in versions {
        all.extend(version.dependencies.iter().map(|source| (version, source)));
    }
    names(Rows::new(all.len()), all.iter().map(|(it, _)| &it.dataset))
        .texts("version", all.iter().map(|(it, _)| Some(it.version.to_string())))
        .texts("source_namespace", all.iter().map(|(_, it)| Some(it.name.namespace.to_string())))
        .texts("source_project", all.iter().map(|(_, it)| Some(it.name.project.to_string())))
        .texts("source_name", all.iter().map(|(_, it)| Some(it.name.name.to_string())))
        .texts("source_version", all.iter().map(|(_, it)| Some(it.version.to_string())))
}

fn view_rows(views: &[View]) -> Rows {
    names(Rows::new(views.len()), views.iter().map(|it| &it.name))
        .texts("query", views.iter().map(|it| Some(it.text.clone())))
        .texts("default_namespace", views.iter().map(|it| Some(it.namespace.to_string())))
        .texts("default_project", views.iter().map(|it| Some(it.project.to_string())))
        .moments("created_at", views.iter().map(|it| Some(it.created_at.timestamp_micros())))
}

fn job_rows(jobs: &[Job]) -> Rows {
    Rows::new(jobs.len())
        .texts("id", jobs.iter().map(|it| Some(it.id.to_string())))
        .texts("name", jobs.iter().map(|it| Some(it.name.clone())))
        .texts("status", jobs.iter().map(|it| Some(it.status.as_str().to_owned())))
        .moments("created_at", jobs.iter().map(|it| Some(it.created_at.timestamp_micros())))
        .moments(
            "finished_at",
            jobs.iter().map(|it| it.finished_at.map(|time| time.timestamp_micros())),
        )
        .texts("author", jobs.iter().map(|it| it.author.clone()))
        .texts("git_commit", jobs.iter().map(|it| it.git_commit.clone()))
        .flags("git_dirty", jobs.iter().map(|it| it.git_dirty))
        .texts("error", jobs.iter().map(|it| it.error.clone()))
}

fn notes(all: &[Note]) -> Rows {
    Rows::new(all.len())
        .texts("job", all.iter().map(|(job, ..)| Some(job.clone())))
        .texts("name", all.iter().map(|(_, name, ..)| Some(name.clone())))
        .texts("value", all.iter().map(|(_, _, text, _)| text.clone()))
        .numbers("number", all.iter().map(|(.., number)| *number))
}
