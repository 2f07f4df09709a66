//! Claims: numbers, and how a claim ends.

use std::collections::BTreeSet;

use tokio::join;

use crate::dataset::VersionStatus;
use crate::error::{Error, Result};
use crate::job::JobId;
use crate::request::{Claim, ClaimRequest, CompletedVersion, Newest, VersionFilter, Wanted};
use crate::store::CatalogExt;
use crate::version::{Bump, Version};

use super::{PATCH, Store, Verdict, claim, code, exact, name, same, save, start, wrong};

/// The first version is `1.0.0`; each part of the number can grow.
pub async fn numbers_grow_from_the_highest(store: &Store) -> Verdict {
    let job = start(store).await?;
    for (bump, expected) in [
        (Bump::Major, "1.0.0"),
        (Bump::Patch, "1.0.1"),
        (Bump::Minor, "1.1.0"),
        (Bump::Patch, "1.1.1"),
        (Bump::Major, "2.0.0"),
    ] {
        let claim = store
            .claim_version(ClaimRequest::new(name("cats")?, Wanted::Bump(bump), job.clone()))
            .await?;
        same("number", &claim.version.to_string().as_str(), &expected)?;
    }
    let other = claim(store, &job, "dogs", PATCH).await?;
    same("another dataset's first number", &other.version, &Version::FIRST)
}

/// An exact number is taken when it is used or lower than a used one.
pub async fn exact_numbers_must_be_higher(store: &Store) -> Verdict {
    let job = start(store).await?;
    claim(store, &job, "cats", exact("2.5.0")?).await?;
    for taken in ["2.5.0", "2.4.9", "1.0.0"] {
        match claim(store, &job, "cats", exact(taken)?).await {
            Err(Error::VersionTaken { version, latest, .. }) => {
                same("refused", &version.to_string().as_str(), &taken)?;
                same("latest", &latest.to_string().as_str(), &"2.5.0")?;
            }
            other => return wrong("taken", &other),
        }
    }
    same(
        "next",
        &claim(store, &job, "cats", exact("2.5.1")?).await?.version.to_string().as_str(),
        &"2.5.1",
    )
}

/// A refused claim creates no dataset and no version.
pub async fn refused_claims_leave_nothing(store: &Store) -> Verdict {
    let job = start(store).await?;
    claim(store, &job, "cats", exact("999999.999999.999999")?).await?;
    code("overflow", claim(store, &job, "cats", PATCH).await, "catalog.invalid_version")?;
    let unknown = claim(store, &JobId::random(), "dogs", PATCH).await;
    code("no job", unknown, "catalog.job_not_found")?;
    let filter = VersionFilter {
        include_removed: true,
        include_unfinished: true,
        ..VersionFilter::default()
    };
    same("versions", &store.versions(filter).await?.len(), &1)
}

const MOVED: &str = "catalog.newest_moved";

/// A refused claim does not take its location either, and the owner of a location counts.
pub async fn refused_claims_take_no_location(store: &Store) -> Verdict {
    let job = start(store).await?;
    let at = |dataset: &str, location: &str, wanted| -> Result<ClaimRequest> {
        let location = location.to_owned();
        Ok(ClaimRequest { location, ..ClaimRequest::new(name(dataset)?, wanted, job.clone()) })
    };
    store.claim_version(at("cats", "here", exact("5.0.0")?)?).await?;
    store.claim_version(at("dogs", "kennel", exact("2.0.0")?)?).await?;
    let refused = store.claim_version(at("cats", "there", exact("3.0.0")?)?).await;
    code("refused", refused, "catalog.version_taken")?;
    let new = store.claim_version(at("hens", "there", PATCH)?).await?;
    same("new", &(new.name, new.version), &(name("hens")?, Version::FIRST))?;
    let owned = store.claim_version(at("cats", "kennel", exact("3.0.0")?)?).await?;
    same("owned", &(owned.name, owned.version), &(name("dogs")?, "3.0.0".parse()?))
}

/// A version that is to follow another becomes complete only while that is the newest one.
pub async fn versions_follow_the_newest(store: &Store) -> Verdict {
    let job = start(store).await?;
    let first = save(store, &job, "cats", PATCH).await?;
    let after =
        |version| CompletedVersion { newest: Newest::Is(version), ..CompletedVersion::default() };
    let none = claim(store, &job, "dogs", PATCH).await?;
    code("none", store.complete_version(&none, after(Some(first.version))).await, MOVED)?;
    store.complete_version(&none, after(None)).await?;
    let [second, third] =
        [claim(store, &job, "cats", PATCH).await?, claim(store, &job, "cats", PATCH).await?];
    store.complete_version(&third, after(Some(first.version))).await?;
    let moved = store.complete_version(&second, after(Some(first.version))).await;
    code("moved", moved, MOVED)?;
    store.abandon_version(&second, "moved").await?;
    let fourth = claim(store, &job, "cats", PATCH).await?;
    store.complete_version(&fourth, after(Some(third.version))).await?;
    store.remove_version(&fourth.name, fourth.version).await?;
    let fifth = claim(store, &job, "cats", PATCH).await?;
    let removed = store.complete_version(&fifth, after(Some(fourth.version))).await;
    code("removed", removed, MOVED)
}

/// Versions are found by when they were completed; pending ones are not finished.
pub async fn finished_versions_are_found_by_time(store: &Store) -> Verdict {
    let job = start(store).await?;
    let first = save(store, &job, "cats", PATCH).await?;
    claim(store, &job, "cats", PATCH).await?;
    let since = |time| VersionFilter {
        finished_since: time,
        include_unfinished: true,
        ..VersionFilter::default()
    };
    let found = store.versions(since(first.finished_at)).await?;
    same("since", &found.len(), &1)?;
    let later = first.finished_at.map(|time| time + chrono::TimeDelta::microseconds(1));
    same("later", &store.versions(since(later)).await?.len(), &0)
}

/// Pending, failed and removed versions keep their numbers.
pub async fn used_numbers_never_come_back(store: &Store) -> Verdict {
    let job = start(store).await?;
    claim(store, &job, "cats", PATCH).await?;
    let failed = claim(store, &job, "cats", PATCH).await?;
    store.abandon_version(&failed, "killed").await?;
    let removed = save(store, &job, "cats", PATCH).await?;
    store.remove_version(&removed.dataset, removed.version).await?;
    let next = save(store, &job, "cats", PATCH).await?;
    same("number", &next.version.to_string().as_str(), &"1.0.3")?;
    store.remove_version(&next.dataset, next.version).await?;
    code(
        "removed number",
        claim(store, &job, "cats", exact("1.0.3")?).await,
        "catalog.version_taken",
    )
}

/// Claims at the same time get different numbers.
pub async fn concurrent_claims_differ(store: &Store) -> Verdict {
    let job = start(store).await?;
    let one = || claim(store, &job, "cats", PATCH);
    let claims = join!(one(), one(), one(), one(), one());
    let claims = [claims.0?, claims.1?, claims.2?, claims.3?, claims.4?];
    let numbers: BTreeSet<Version> = claims.iter().map(|claim| claim.version).collect();
    let tokens: BTreeSet<&str> = claims.iter().map(|claim| claim.token.as_str()).collect();
    same("different numbers and tokens", &(numbers.len(), tokens.len()), &(5, 5))
}

/// A claim of an unknown job is refused.
pub async fn claims_need_a_job(store: &Store) -> Verdict {
    let id = JobId::from("no such job".to_owned());
    code("claim", claim(store, &id, "cats", PATCH).await, "catalog.job_not_found")
}

/// A version is completed once, and not after it was given up.
pub async fn versions_complete_once(store: &Store) -> Verdict {
    let job = start(store).await?;
    let claimed = claim(store, &job, "cats", PATCH).await?;
    store
        .complete_version(&claimed, CompletedVersion { rows: 1, ..CompletedVersion::default() })
        .await?;
    let again = store
        .complete_version(&claimed, CompletedVersion { rows: 2, ..CompletedVersion::default() })
        .await;
    code("completed twice", again, "catalog.wrong_status")?;
    code(
        "abandoned when complete",
        store.abandon_version(&claimed, "late").await,
        "catalog.wrong_status",
    )?;
    same("rows", &store.latest(&claimed.name).await?.rows, &1)?;
    let failed = claim(store, &job, "cats", PATCH).await?;
    store.abandon_version(&failed, "killed").await?;
    let late = store.complete_version(&failed, CompletedVersion::default()).await;
    code("completed after abandoning", late, "catalog.wrong_status")?;
    let unknown = Claim { token: "none".to_owned(), ..claimed };
    let lost = store.complete_version(&unknown, CompletedVersion::default()).await;
    code("unknown claim", lost, "catalog.version_not_found")
}

/// An abandoned version says why; doing so again changes nothing.
pub async fn abandoning_keeps_the_reason(store: &Store) -> Verdict {
    let job = start(store).await?;
    let claimed = claim(store, &job, "cats", PATCH).await?;
    store.abandon_version(&claimed, "out of memory").await?;
    store.abandon_version(&claimed, "again").await?;
    let records = store.versions(VersionFilter::all_of(&claimed.name)).await?;
    let told =
        records.iter().map(|record| (record.status, record.error.as_deref())).collect::<Vec<_>>();
    same("told", &told, &vec![(VersionStatus::Failed, Some("out of memory"))])
}

/// A pending version can be finished by someone who only has its record.
pub async fn claims_survive_as_records(store: &Store) -> Verdict {
    let job = start(store).await?;
    let claimed = claim(store, &job, "cats", PATCH).await?;
    let records = store.versions(VersionFilter::all_of(&claimed.name)).await?;
    let [record] = records.as_slice() else { return wrong("records", &records) };
    same("claim", &record.to_claim(), &claimed)?;
    store.complete_version(&record.to_claim(), CompletedVersion::default()).await?;
    same("latest", &store.latest(&claimed.name).await?.version, &claimed.version)
}

/// A taken number is refused before any work, and the check reserves nothing.
pub async fn wanted_numbers_are_checked_early(store: &Store) -> Verdict {
    let job = start(store).await?;
    let cats = name("cats")?;
    same("new", &store.check_wanted(&cats, PATCH).await?, &Version::FIRST)?;
    let failed = claim(store, &job, "cats", exact("1.5.0")?).await?;
    store.abandon_version(&failed, "killed").await?;
    code("taken", store.check_wanted(&cats, exact("1.5.0")?).await, "catalog.version_taken")?;
    same("next", &store.check_wanted(&cats, PATCH).await?.to_string().as_str(), &"1.5.1")?;
    same(
        "not reserved",
        &claim(store, &job, "cats", PATCH).await?.version.to_string().as_str(),
        &"1.5.1",
    )
}
