//! What two handles of one store must do: what one of them did, the other one sees.

use std::collections::BTreeSet;

use futures::future::{join_all, try_join_all};

use crate::dataset::VersionStatus;
use crate::error::{Error, Result};
use crate::name::QualifiedName;
use crate::request::{Claim, ClaimRequest, CompletedVersion, Newest, VersionFilter};
use crate::store::CatalogExt;
use crate::version::Version;

use super::{PATCH, Store, Verdict, claim, name, same, save, start};

/// Each step by another handle.
pub async fn handles_see_each_other(one: &Store, other: &Store) -> Verdict {
    let job = start(one).await?;
    let claimed = claim(other, &job, "seen", PATCH).await?;
    let done = one.complete_version(&claimed, CompletedVersion::default()).await?;
    same("latest", &other.latest(&claimed.name).await?, &done)?;
    let renamed = name("seen.by.both")?;
    other.rename(&claimed.name, &renamed).await?;
    same("renamed", &one.latest(&renamed).await?.uuid, &done.uuid)?;
    one.remove_version(&renamed, done.version).await?;
    let left = other.versions(VersionFilter::all_of(&renamed)).await?;
    let left: Vec<_> = left.iter().map(|record| record.status).collect();
    same("removed", &left, &vec![VersionStatus::Removed])?;
    let anew = claim(other, &job, "seen", PATCH).await?;
    same("the location's dataset", &(anew.name, anew.version), &(renamed, "1.0.1".parse()?))
}

/// Eight writers count up together: each version has one row more than the one it follows.
pub async fn writers_follow_each_other(one: &Store, other: &Store) -> Verdict {
    const SAVES: u64 = 20;
    let job = start(one).await?;
    let counted = name("counted")?;
    let count = async |(_, store): (usize, &Store)| -> Result<()> {
        let mut claimed = claim(store, &job, "counted", PATCH).await?;
        let mut saved = 0;
        while saved < SAVES {
            let newest = VersionFilter { newest_only: true, ..VersionFilter::of(&counted) };
            let newest = store.versions(newest).await?.pop();
            let (rows, newest) = newest.map_or((1, None), |it| (it.rows + 1, Some(it.version)));
            if newest > Some(claimed.version) {
                store.abandon_version(&claimed, "too late").await?;
                claimed = claim(store, &job, "counted", PATCH).await?;
                continue;
            }
            let newest = Newest::Is(newest);
            let completed = CompletedVersion { rows, newest, ..CompletedVersion::default() };
            match store.complete_version(&claimed, completed).await {
                Ok(_) => saved += 1,
                Err(Error::NewestMoved { .. }) => continue,
                Err(error) => return Err(error),
            }
            claimed = claim(store, &job, "counted", PATCH).await?;
        }
        store.abandon_version(&claimed, "done").await
    };
    try_join_all(each_of_eight(one, other).map(count)).await?;
    let rows: Vec<u64> =
        one.versions(VersionFilter::of(&counted)).await?.iter().map(|it| it.rows).collect();
    same("counted", &rows, &(1..=8 * SAVES).collect())
}

/// Versions are saved while their dataset is renamed to and fro; none is lost.
pub async fn saves_outlive_renames(one: &Store, other: &Store) -> Verdict {
    const SAVES: usize = 20;
    let job = start(one).await?;
    let (here, there) = (name("here")?, name("there")?);
    save(one, &job, "here", PATCH).await?;
    let save_there = async |store: &Store| -> Result<Version> {
        let request = ClaimRequest::new(here.clone(), PATCH, job.clone());
        let claimed = store.claim_version(request).await?;
        Ok(store.complete_version(&claimed, CompletedVersion::default()).await?.version)
    };
    let saves = async || join_all((0..SAVES).map(|_| save_there(other))).await;
    let renames = async || -> Result<()> {
        for _ in 0..SAVES {
            one.rename(&here, &there).await?;
            one.rename(&there, &here).await?;
        }
        Ok(())
    };
    let (saved, renamed) = futures::join!(saves(), renames());
    renamed?;
    let mut saved: Vec<Version> = saved.into_iter().collect::<Result<_>>()?;
    saved.push(Version::FIRST);
    saved.sort();
    let found: Vec<Version> =
        other.versions(VersionFilter::of(&here)).await?.iter().map(|it| it.version).collect();
    same("saved", &found, &saved)
}

/// Eight claims for as many names want one location: it becomes one dataset's.
pub async fn locations_have_one_dataset(one: &Store, other: &Store) -> Verdict {
    let job = start(one).await?;
    let claim_there = async |(number, store): (usize, &Store)| -> Result<Claim> {
        let name = name(&format!("place.n{number}"))?;
        let request = ClaimRequest::new(name, PATCH, job.clone());
        store.claim_version(ClaimRequest { location: "one place".to_owned(), ..request }).await
    };
    let claims = try_join_all(each_of_eight(one, other).map(claim_there)).await?;
    let names: BTreeSet<&QualifiedName> = claims.iter().map(|claim| &claim.name).collect();
    let numbers: BTreeSet<Version> = claims.iter().map(|claim| claim.version).collect();
    same("names and numbers", &(names.len(), numbers.len()), &(1, 8))?;
    let found = other.versions(VersionFilter::all_at("one place")).await?;
    let everywhere = VersionFilter { include_unfinished: true, ..VersionFilter::default() };
    let everywhere = one.versions(everywhere).await?;
    let everywhere = everywhere.iter().filter(|record| record.location == "one place").count();
    same("found", &(found.len(), everywhere), &(8, 8))
}

/// Eight datasets want one name, and somebody a new dataset of that name: one gets it.
pub async fn names_have_one_dataset(one: &Store, other: &Store) -> Verdict {
    let job = start(one).await?;
    let wanted = name("wanted.by.all")?;
    for (number, store) in each_of_eight(one, other) {
        save(store, &job, &format!("wanted.m{number}"), PATCH).await?;
    }
    let rename = async |(number, store): (usize, &Store)| -> Result<bool> {
        match store.rename(&name(&format!("wanted.m{number}"))?, &wanted).await {
            Ok(()) => Ok(true),
            Err(Error::NameTaken { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    };
    let renames = try_join_all(each_of_eight(one, other).map(rename));
    let request = ClaimRequest {
        location: "yet another place".to_owned(),
        ..ClaimRequest::new(wanted.clone(), PATCH, job.clone())
    };
    let (renamed, claimed) = futures::try_join!(renames, one.claim_version(request))?;
    let renamed = renamed.into_iter().filter(|renamed| *renamed).count();
    let claimed = usize::from(claimed.version == Version::FIRST);
    same("who got it", &(renamed + claimed), &1)?;
    let all = other.versions(VersionFilter::all_of(&wanted)).await?;
    same("versions", &all.len(), &(renamed + 1))
}

/// The numbers to eight, each with one of two handles.
fn each_of_eight<'s>(one: &'s Store, other: &'s Store) -> impl Iterator<Item = (usize, &'s Store)> {
    (0..8).map(move |number| (number, if number % 2 == 0 { one } else { other }))
}
