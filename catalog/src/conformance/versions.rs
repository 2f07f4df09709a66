//! Versions: what is visible, listed, found and removed.

use std::sync::Arc;

use serde_json::json;

use crate::dataset::{Changes, DatasetVersion, Delta, Dependency, VersionStatus};
use crate::error::Error;
use crate::request::{ClaimRequest, CompletedVersion, DatasetEdit, Newest, VersionFilter};
use crate::store::CatalogExt;
use crate::version::Version;

use super::{
    PATCH, Store, Verdict, claim, code, exact, name, same, save, shown, start, typed_schema, wrong,
};

/// A dataset appears with its first complete version and disappears with its last.
pub async fn only_complete_versions_are_visible(store: &Store) -> Verdict {
    let job = start(store).await?;
    let cats = name("cats")?;
    let claimed = claim(store, &job, "cats", PATCH).await?;
    same("datasets while pending", &store.datasets().await?.len(), &0)?;
    code("latest while pending", store.latest(&cats).await, "catalog.dataset_not_found")?;
    same("newest while pending", &store.newest(&cats).await?, &None)?;
    store.complete_version(&claimed, CompletedVersion::default()).await?;
    same("newest", &store.newest(&cats).await?, &Some(store.latest(&cats).await?))?;
    same("datasets", &store.datasets().await?.len(), &1)?;
    let failed = claim(store, &job, "cats", PATCH).await?;
    store.abandon_version(&failed, "killed").await?;
    same("latest", &store.latest(&cats).await?.version, &claimed.version)?;
    store.remove_version(&cats, claimed.version).await?;
    same("datasets after removal", &store.datasets().await?.len(), &0)
}

/// What was handed over at completion is read back as it was, metadata and lineage included.
pub async fn completion_records_everything(store: &Store) -> Verdict {
    let job = start(store).await?;
    let source = save(store, &job, "photos", PATCH).await?;
    let gone = Dependency { name: name("far.away.gone")?, version: "9.9.9".parse()? };
    let read = Dependency { name: source.dataset, version: source.version };
    let changes = Changes { added: 500, replaced: 12, dropped: 3 };
    let given = CompletedVersion {
        schema: Arc::new(typed_schema()),
        storage_version: 7,
        newest: Newest::Any,
        fingerprint: Some("c0ffee".to_owned()),
        delta: Some(Delta {
            steps: Some("5e7".to_owned()),
            inputs: Some("1a".to_owned()),
            mixed: true,
            stale: true,
            changes: Some(changes),
        }),
        rows: 1_000_000_000_000,
        bytes: 5,
        preview: json!([{"path": "a.jpg", "size": 1.5, "tags": ["x", null]}]),
        dependencies: vec![read, gone],
    };
    let location = "data/lab/vision/cats.lance".to_owned();
    let request = ClaimRequest::new(name("lab.vision.cats")?, PATCH, job.clone());
    let claimed =
        store.claim_version(ClaimRequest { location: location.clone(), ..request }).await?;
    let done = store.complete_version(&claimed, given.clone()).await?;
    let found = store.latest(&claimed.name).await?;
    same("returned and read", &done, &found)?;
    same("location", &found.location, &location)?;
    same(
        "identity",
        &(&found.uuid, &found.dataset, &found.job),
        &(&claimed.token, &claimed.name, &job),
    )?;
    same(
        "times",
        &(found.created_at, found.finished_at >= Some(found.created_at)),
        &(claimed.created_at, true),
    )?;
    let read = CompletedVersion {
        schema: found.schema,
        storage_version: found.storage_version,
        newest: Newest::Any,
        fingerprint: found.fingerprint,
        delta: found.delta,
        rows: found.rows,
        bytes: found.bytes,
        preview: found.preview,
        dependencies: found.dependencies,
    };
    same("content", &read, &given)
}

/// Versions come by name and number; filters narrow them; previews come on request.
pub async fn listings_are_ordered_and_filtered(store: &Store) -> Verdict {
    let job = start(store).await?;
    for (dataset, number) in [("b", "2.0.0"), ("b", "10.0.0"), ("a.z", "1.0.0"), ("a", "1.0.0")] {
        save(store, &job, dataset, exact(number)?).await?;
    }
    let removed = save(store, &job, "a", PATCH).await?;
    store.remove_version(&removed.dataset, removed.version).await?;
    claim(store, &job, "a", PATCH).await?;
    let everything = VersionFilter {
        include_removed: true,
        include_unfinished: true,
        ..VersionFilter::default()
    };
    let only = VersionFilter {
        version: Some("10.0.0".parse()?),
        with_preview: true,
        ..VersionFilter::of(&name("b")?)
    };
    for (filter, expected) in [
        (
            VersionFilter::default(),
            "local.a.z@1.0.0 local.local.a@1.0.0 local.local.b@2.0.0 local.local.b@10.0.0",
        ),
        (VersionFilter::of(&name("a")?), "local.local.a@1.0.0"),
        (
            VersionFilter::all_of(&name("a")?),
            "local.local.a@1.0.0 local.local.a@1.0.1 local.local.a@1.0.2",
        ),
        (
            VersionFilter { include_removed: true, ..VersionFilter::of(&name("a")?) },
            "local.local.a@1.0.0 local.local.a@1.0.1",
        ),
        (
            VersionFilter { newest_only: true, ..VersionFilter::default() },
            "local.a.z@1.0.0 local.local.a@1.0.0 local.local.b@10.0.0",
        ),
        (
            VersionFilter { newest_only: true, ..VersionFilter::all_of(&name("a")?) },
            "local.local.a@1.0.2",
        ),
        (VersionFilter::of(&name("c")?), ""),
        (only.clone(), "local.local.b@10.0.0"),
    ] {
        same("listing", &shown(&store.versions(filter).await?).as_str(), &expected)?;
    }
    same("everything", &store.versions(everything).await?.len(), &6)?;
    let previews = |records: Vec<DatasetVersion>| {
        records.iter().filter(|record| !record.preview.is_null()).count()
    };
    same("previews", &previews(store.versions(VersionFilter::default()).await?), &0)?;
    same("previews on request", &previews(store.versions(only).await?), &1)?;
    let names: Vec<String> =
        store.datasets().await?.into_iter().map(|dataset| dataset.name.to_string()).collect();
    same("datasets", &names.join(" ").as_str(), &"local.a.z local.local.a local.local.b")
}

/// A removed version is out of sight, but its record stays.
pub async fn removal_leaves_a_tombstone(store: &Store) -> Verdict {
    let job = start(store).await?;
    let first = save(store, &job, "cats", PATCH).await?;
    let second = save(store, &job, "cats", PATCH).await?;
    store.remove_version(&second.dataset, second.version).await?;
    same("latest", &store.latest(&first.dataset).await?.version, &first.version)?;
    code(
        "again",
        store.remove_version(&second.dataset, second.version).await,
        "catalog.version_not_found",
    )?;
    let records = store
        .versions(VersionFilter { include_removed: true, ..VersionFilter::of(&first.dataset) })
        .await?;
    let told: Vec<_> = records.iter().map(|record| (&record.uuid, record.status)).collect();
    same(
        "records",
        &told,
        &vec![(&first.uuid, VersionStatus::Complete), (&second.uuid, VersionStatus::Removed)],
    )
}

/// What does not exist, or is being written, cannot be removed.
pub async fn removal_of_the_unknown_is_an_error(store: &Store) -> Verdict {
    let job = start(store).await?;
    let (cats, dogs) = (name("cats")?, name("dogs")?);
    code(
        "no dataset",
        store.remove_version(&dogs, Version::FIRST).await,
        "catalog.dataset_not_found",
    )?;
    save(store, &job, "cats", PATCH).await?;
    code(
        "no version",
        store.remove_version(&cats, "3.0.0".parse()?).await,
        "catalog.version_not_found",
    )?;
    let pending = claim(store, &job, "cats", PATCH).await?;
    code("pending", store.remove_version(&cats, pending.version).await, "catalog.wrong_status")?;
    store.abandon_version(&pending, "killed").await?;
    store.remove_version(&cats, pending.version).await?;
    code(
        "hidden edit",
        store.edit_dataset(&dogs, DatasetEdit::default()).await,
        "catalog.dataset_not_found",
    )
}

/// The highest version that matches is read; otherwise the error lists what there is.
pub async fn specifications_choose_the_highest(store: &Store) -> Verdict {
    let job = start(store).await?;
    let cats = name("cats")?;
    for number in ["1.0.0", "1.2.0", "1.2.9", "1.10.0", "2.0.0"] {
        save(store, &job, "cats", exact(number)?).await?;
    }
    for (spec, expected) in [
        ("", "2.0.0"),
        ("1", "1.10.0"),
        ("1.2.0", "1.2.0"),
        ("==1.2.*", "1.2.9"),
        ("<2,!=1.10.0", "1.2.9"),
        ("~=1.2.0", "1.2.9"),
    ] {
        same(
            spec,
            &store.resolve(&cats, &spec.parse()?).await?.version.to_string().as_str(),
            &expected,
        )?;
    }
    match store.resolve(&cats, &"3".parse()?).await {
        Err(Error::VersionNotFound { available, .. }) => same("available", &available.len(), &5),
        other => wrong("resolved", &other),
    }
}

/// The error for an unknown name suggests visible ones that look alike, or are elsewhere.
pub async fn unknown_names_suggest_near_ones(store: &Store) -> Verdict {
    let job = start(store).await?;
    for dataset in ["cats", "lab.vision.cat", "dogs", "lab.vision.cars"] {
        save(store, &job, dataset, PATCH).await?;
    }
    claim(store, &job, "cut", PATCH).await?;
    match store.latest(&name("cat")?).await {
        Err(Error::DatasetNotFound { near, .. }) => {
            same("near", &near.join(" ").as_str(), &"lab.vision.cat cats")
        }
        other => wrong("found", &other),
    }
}
