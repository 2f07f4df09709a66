//! Datasets and jobs: names, descriptions, ends.

use serde_json::{Map, Value, json};

use crate::dataset::Dependency;
use crate::error::Result;
use crate::folder::{Folder, FolderName};
use crate::job::{JobId, JobNotes, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::request::{ClaimRequest, CompletedVersion, DatasetEdit, VersionFilter};
use crate::store::CatalogExt;
use crate::version::Version;
use crate::view::View;

use super::{PATCH, Store, Verdict, claim, code, name, same, save, shown, start};

/// A rename keeps identities, versions and open claims; the lineage of others follows.
pub async fn renames_keep_versions_and_lineage(store: &Store) -> Verdict {
    let job = start(store).await?;
    let (from, to) = (name("cats")?, name("lab.vision.felines")?);
    let first = save(store, &job, "cats", PATCH).await?;
    let open = claim(store, &job, "cats", PATCH).await?;
    let heir = claim(store, &job, "kittens", PATCH).await?;
    let dependencies = vec![Dependency { name: from.clone(), version: first.version }];
    store
        .complete_version(&heir, CompletedVersion { dependencies, ..CompletedVersion::default() })
        .await?;
    store.rename(&from, &to).await?;
    code("old name", store.latest(&from).await, "catalog.dataset_not_found")?;
    let lineage = store.latest(&heir.name).await?.dependencies;
    same("lineage", &lineage, &vec![Dependency { name: to.clone(), version: first.version }])?;
    store.complete_version(&open, CompletedVersion::default()).await?;
    let expected = "lab.vision.felines@1.0.0 lab.vision.felines@1.0.1";
    same("versions", &shown(&store.versions(VersionFilter::of(&to)).await?).as_str(), &expected)?;
    let anew = ClaimRequest {
        location: "elsewhere".to_owned(),
        ..ClaimRequest::new(from, PATCH, job.clone())
    };
    same("the old name starts anew", &store.claim_version(anew).await?.version, &Version::FIRST)
}

/// A location is one dataset's for good: claims for it follow a rename, and all versions are found
/// there.
pub async fn locations_lead_to_their_dataset(store: &Store) -> Verdict {
    let job = start(store).await?;
    let (cats, felines) = (name("cats")?, name("felines")?);
    let at = |name: &QualifiedName, location: &str| ClaimRequest {
        location: location.to_owned(),
        ..ClaimRequest::new(name.clone(), PATCH, job.clone())
    };
    let first = store.claim_version(at(&cats, "here")).await?;
    store.complete_version(&first, CompletedVersion::default()).await?;
    store.rename(&cats, &felines).await?;
    let late = store.claim_version(at(&cats, "here")).await?;
    same("late", &(late.name.clone(), late.version), &(felines.clone(), "1.0.1".parse()?))?;
    let other = store.claim_version(at(&cats, "there")).await?;
    same("other", &(other.name, other.version), &(cats, Version::FIRST))?;
    let found = |location| store.versions(VersionFilter::all_at(location));
    let expected = "local.local.felines@1.0.0 local.local.felines@1.0.1";
    same("here", &shown(&found("here").await?).as_str(), &expected)?;
    same("there", &shown(&found("there").await?).as_str(), &"local.local.cats@1.0.0")?;
    store.abandon_version(&late, "killed").await?;
    store.remove_version(&felines, late.version).await?;
    same("removed", &found("here").await?.len(), &2)?;
    same("nowhere", &found("nowhere").await?.len(), &0)
}

/// A name that was ever used is taken.
pub async fn taken_names_are_refused(store: &Store) -> Verdict {
    let job = start(store).await?;
    let (cats, dogs) = (name("cats")?, name("dogs")?);
    save(store, &job, "cats", PATCH).await?;
    let gone = save(store, &job, "dogs", PATCH).await?;
    code("taken", store.rename(&cats, &dogs).await, "catalog.name_taken")?;
    store.remove_version(&gone.dataset, gone.version).await?;
    code("taken by a tombstone", store.rename(&cats, &dogs).await, "catalog.name_taken")?;
    code("unknown", store.rename(&dogs, &name("birds")?).await, "catalog.dataset_not_found")?;
    store.rename(&cats, &cats).await?;
    same("datasets", &store.datasets().await?.len(), &1)
}

/// A save's description takes effect when it completes; one that fails changes nothing.
pub async fn descriptions_change_with_completion(store: &Store) -> Verdict {
    let job = start(store).await?;
    let described = |text: &str| -> Result<ClaimRequest> {
        let attrs = Some(vec![text.to_owned(), "all \"kinds\"".to_owned()]);
        Ok(ClaimRequest {
            description: Some(text.to_owned()),
            attrs,
            ..ClaimRequest::new(name("cats")?, PATCH, job.clone())
        })
    };
    let first = store.claim_version(described("first")?).await?;
    store.complete_version(&first, CompletedVersion::default()).await?;
    let failed = store.claim_version(described("failed")?).await?;
    store.abandon_version(&failed, "killed").await?;
    save(store, &job, "cats", PATCH).await?;
    let latest = store.latest(&first.name).await?;
    let attrs = vec!["first".to_owned(), "all \"kinds\"".to_owned()];
    same("copied", &(latest.description.as_deref(), &latest.attrs), &(Some("first"), &attrs))?;
    let edit = DatasetEdit { description: Some("edited".to_owned()), attrs: None };
    let edited = store.edit_dataset(&first.name, edit).await?;
    same("edited", &(edited.description.as_deref(), &edited.attrs), &(Some("edited"), &attrs))?;
    same("listed", &store.datasets().await?, &vec![edited])
}

/// A job is kept as given; its first end counts.
pub async fn jobs_end_once(store: &Store) -> Verdict {
    let new = NewJob {
        name: "photos.py".to_owned(),
        source: Some("import lakebed".to_owned()),
        git_commit: Some("c0ffee".to_owned()),
        git_dirty: Some(true),
        author: Some("Ada".to_owned()),
        environment: json!({"python": "3.13", "packages": {"numpy": "2.0"}}),
        params: json!({"limit": 3}),
    };
    let job = store.start_job(new).await?;
    same("read", &store.job(&job.id).await?, &job)?;
    store.finish_job(&job.id, JobStatus::Failed, Some("boom".to_owned())).await?;
    store.finish_job(&job.id, JobStatus::Complete, None).await?;
    let ended = store.job(&job.id).await?;
    same("end", &(ended.status, ended.error.as_deref()), &(JobStatus::Failed, Some("boom")))?;
    same("ended after start", &(ended.finished_at >= Some(job.created_at)), &true)?;
    let unknown = JobId::random();
    code("unknown job", store.job(&unknown).await, "catalog.job_not_found")?;
    code(
        "unknown end",
        store.finish_job(&unknown, JobStatus::Complete, None).await,
        "catalog.job_not_found",
    )
}

/// Parameters and metrics grow; the last value of a name counts, also after the end.
pub async fn jobs_are_noted_on_their_way(store: &Store) -> Verdict {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    let metrics = |value| JobNotes { metrics: object(value), params: Map::new() };
    let params = json!({"argv": ["--fast"]});
    let job = store.start_job(NewJob { params, ..NewJob::default() }).await?;
    same("at first", &job.metrics, &Map::new())?;
    store.note_job(&job.id, metrics(json!({"loss": 2, "name": "a \"b\""}))).await?;
    store.note_job(&job.id, metrics(json!({"loss": 0.5, "done": null}))).await?;
    store.finish_job(&job.id, JobStatus::Complete, None).await?;
    let params = object(json!({"rate": 0.1}));
    store.note_job(&job.id, JobNotes { params, metrics: Map::new() }).await?;
    let noted = store.job(&job.id).await?;
    let expected = json!({"loss": 0.5, "name": "a \"b\"", "done": null});
    same("metrics", &Value::from(noted.metrics), &expected)?;
    same("params", &noted.params, &json!({"argv": ["--fast"], "rate": 0.1}))?;
    same("end", &noted.status, &JobStatus::Complete)?;
    let bare = store.start_job(NewJob::default()).await?;
    let params = object(json!({"rate": 1}));
    store.note_job(&bare.id, JobNotes { params, metrics: Map::new() }).await?;
    same("first params", &store.job(&bare.id).await?.params, &json!({"rate": 1}))?;
    let unknown = store.note_job(&JobId::random(), JobNotes::default()).await;
    code("unknown job", unknown, "catalog.job_not_found")
}

/// A folder is there once it is made, or has a dataset; making it again changes nothing.
pub async fn folders_are_there_once_made_or_used(store: &Store) -> Verdict {
    let named = |namespace: &str, project: Option<&str>| -> Result<FolderName> {
        let project = project.map(str::parse).transpose();
        Ok(FolderName { namespace: namespace.parse()?, project: project? })
    };
    let shown = |folders: &[Folder]| {
        folders.iter().map(|folder| folder.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    same("at first", &store.folders().await?.len(), &0)?;
    let (lab, vision) = (named("lab", None)?, named("lab", Some("vision"))?);
    let made = store.make_folder(&vision, Some("images".to_owned())).await?;
    same("described", &made.description.as_deref(), &Some("images"))?;
    let again = store.make_folder(&vision, Some("others".to_owned())).await?;
    same("made again", &again, &made)?;
    same("its name", &again.name, &vision)?;
    store.make_folder(&lab, None).await?;
    same("made", &shown(&store.made_folders().await?).as_str(), &"lab lab.vision")?;
    let job = start(store).await?;
    save(store, &job, "lab.sound.cats", PATCH).await?;
    let gone = save(store, &job, "zoo.wild.cats", PATCH).await?;
    let all = "lab lab.sound lab.vision zoo zoo.wild";
    same("all", &shown(&store.folders().await?).as_str(), &all)?;
    store.remove_version(&gone.dataset, gone.version).await?;
    same("forgotten", &store.forget_folder(&vision).await?, &true)?;
    same("forgotten twice", &store.forget_folder(&vision).await?, &false)?;
    same("left", &shown(&store.folders().await?).as_str(), &"lab lab.sound")
}

/// A view keeps its text and its folder; making it again changes nothing, replacing it does.
pub async fn views_stay_until_they_are_replaced(store: &Store) -> Verdict {
    let view = |named: &str, text: &str, project: &str| -> Result<View> {
        let folder = ("lab".parse()?, project.parse()?);
        Ok(View::new(name(named)?, text.to_owned(), folder))
    };
    let small = view("small", "SELECT 'it''s' FROM cats", "vision")?;
    same("at first", &store.views().await?, &vec![])?;
    same("missing", &store.view(&small.name).await?, &None)?;
    same("made", &store.make_view(small.clone()).await?, &small)?;
    let other = view("small", "SELECT 2", "sound")?;
    same("made again", &store.make_view(other.clone()).await?, &small)?;
    same("found", &store.view(&small.name).await?, &Some(small))?;
    let large = view("a.b.large", "SELECT 3", "vision")?;
    store.replace_view(large.clone()).await?;
    store.replace_view(other.clone()).await?;
    same("all", &store.views().await?, &vec![large.clone(), other])?;
    same("dropped", &store.drop_view(&large.name).await?, &true)?;
    same("dropped twice", &store.drop_view(&large.name).await?, &false)?;
    same("left", &store.views().await?.len(), &1)
}
