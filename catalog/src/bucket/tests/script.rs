//! Calls as data, so that the same ones can be made of a bucket and of the reference.

use std::collections::HashMap;

use serde_json::json;

use crate::dataset::Dependency;
use crate::error::Result;
use crate::job::{JobId, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::request::{
    Claim, ClaimRequest, CompletedVersion, DatasetEdit, Newest, VersionFilter, Wanted,
};
use crate::store::CatalogStore;
use crate::version::{Bump, Version};

/// One call; versions that are being written have a label.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Start,
    /// A label, a name, a location.
    Claim(&'static str, &'static str, &'static str),
    /// A label, a number of rows, a dependency.
    Complete(&'static str, u64, &'static str),
    /// A label, the version that must be the newest.
    Follow(&'static str, &'static str),
    Abandon(&'static str),
    Remove(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Describe(&'static str, &'static str),
    Finish,
}

/// Who makes the calls, and what was returned.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    job: Option<JobId>,
    claims: HashMap<&'static str, Claim>,
}

impl Caller {
    /// Makes a call and says what came of it.
    pub(super) async fn make(&mut self, store: &dyn CatalogStore, step: Step) -> Result<String> {
        let of = |label| self.claims.get(label).cloned().unwrap();
        let done = match step {
            Step::Start => {
                let job = store.start_job(NewJob::default()).await?;
                self.job = Some(job.id);
                String::new()
            }
            Step::Claim(label, name, location) => {
                let job = self.job.clone().unwrap();
                let wanted = Wanted::Bump(Bump::Patch);
                let request = ClaimRequest {
                    location: location.to_owned(),
                    description: Some(label.to_owned()),
                    ..ClaimRequest::new(name.parse()?, wanted, job)
                };
                let claim = store.claim_version(request).await?;
                let done = format!("{}@{}", claim.name.short(), claim.version);
                self.claims.insert(label, claim);
                done
            }
            Step::Complete(label, rows, dependency) => {
                let name = dependency.parse()?;
                let completed = CompletedVersion {
                    rows,
                    preview: json!([{ "rows": rows }]),
                    dependencies: vec![Dependency { name, version: Version::FIRST }],
                    ..CompletedVersion::default()
                };
                store.complete_version(&of(label), completed).await?.version.to_string()
            }
            Step::Follow(label, version) => {
                let newest = Newest::Is(Some(version.parse()?));
                let completed = CompletedVersion { newest, ..CompletedVersion::default() };
                store.complete_version(&of(label), completed).await?.version.to_string()
            }
            Step::Abandon(label) => {
                store.abandon_version(&of(label), label).await?;
                String::new()
            }
            Step::Remove(name, version) => {
                store.remove_version(&name.parse()?, version.parse()?).await?;
                String::new()
            }
            Step::Rename(from, to) => {
                store.rename(&from.parse()?, &to.parse()?).await?;
                String::new()
            }
            Step::Describe(name, text) => {
                let edit = DatasetEdit { description: Some(text.to_owned()), attrs: None };
                store.edit_dataset(&name.parse()?, edit).await?.description.unwrap()
            }
            Step::Finish => {
                store.finish_job(self.job.as_ref().unwrap(), JobStatus::Complete, None).await?;
                String::new()
            }
        };
        Ok(done)
    }

    /// Takes over the claim that a call made, but did not return.
    pub(super) async fn find_claim(&mut self, store: &dyn CatalogStore, step: Step) {
        if let Step::Claim(label, _, location) = step {
            let found = store.versions(VersionFilter::all_at(location)).await.unwrap();
            self.claims.insert(label, found.last().unwrap().to_claim());
        }
    }
}

/// All that a catalog shows, without what differs by chance.
pub(super) async fn shown(store: &dyn CatalogStore) -> Vec<String> {
    let everything = VersionFilter {
        include_removed: true,
        include_unfinished: true,
        with_preview: true,
        ..VersionFilter::default()
    };
    let versions = store.versions(everything).await.unwrap();
    let mut shown: Vec<String> = Vec::new();
    for one in versions {
        let of = VersionFilter { with_preview: true, ..VersionFilter::all_of(&one.dataset) };
        assert!(store.versions(of).await.unwrap().contains(&one), "{one:?}");
        let at = VersionFilter { with_preview: true, ..VersionFilter::all_at(&one.location) };
        assert!(store.versions(at).await.unwrap().contains(&one), "{one:?}");
        shown.push(format!(
            "{}@{} {} at {}: {} rows, {}, from {:?}, {:?}, {:?}",
            one.dataset.short(),
            one.version,
            one.status,
            one.location,
            one.rows,
            one.preview,
            one.dependencies.iter().map(|it| it.name.short().to_string()).collect::<Vec<_>>(),
            one.description,
            one.error,
        ));
    }
    let visible = store.datasets().await.unwrap();
    let visible: Vec<QualifiedName> = visible.into_iter().map(|dataset| dataset.name).collect();
    shown.push(format!("{visible:?}"));
    shown
}
