//! Collecting garbage: claims of dead saves are given up, what versions need stays.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catalog::{Claim, ClaimRequest, NewJob, VersionFilter, VersionStatus};
use engine::{Chain, GcOptions, GcReport, Session};
use futures::future::join_all;

use crate::fixture::{Place, batch, chain, integers, read, save, session_on, values};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn collect(session: &Arc<Session>, ttl: Duration) -> GcReport {
    session.gc(GcOptions { ttl, results_ttl: ttl, compact: false, dry_run: false }).await.unwrap()
}

fn numbers(session: &Arc<Session>, from: i64) -> Chain {
    chain(session, vec![batch(vec![("id", integers(from..from + 3))])])
}

/// A claim as a save makes it that dies right after.
async fn claim(session: &Arc<Session>, name: &str) -> Claim {
    let job = session.catalog().start_job(NewJob::default()).await.unwrap().id;
    let bump = catalog::Wanted::Bump(catalog::Bump::Patch);
    let location = format!("data/local/local/{name}.lance");
    let request = ClaimRequest { location, ..ClaimRequest::new(name.parse().unwrap(), bump, job) };
    session.catalog().claim_version(request).await.unwrap()
}

async fn statuses(session: &Arc<Session>, name: &str) -> Vec<VersionStatus> {
    let all = VersionFilter::all_of(&name.parse().unwrap());
    let found = session.catalog().versions(all).await.unwrap();
    found.iter().map(|record| record.status).collect()
}

fn data_files(root: &Place, name: &str) -> usize {
    fs::read_dir(root.path().join(format!("data/local/local/{name}.lance/data"))).unwrap().count()
}

#[tokio::test]
async fn claims_of_dead_saves_are_given_up() {
    let root = Place::on_disk();
    let session = session_on(&root).await;
    save(&numbers(&session, 0), "cats").await.unwrap();
    claim(&session, "cats").await;
    claim(&session, "dogs").await;

    assert!(collect(&session, HOUR).await.removed.is_empty());
    assert_eq!(statuses(&session, "cats").await, [VersionStatus::Complete, VersionStatus::Pending]);
    let dry = GcOptions {
        ttl: Duration::ZERO,
        results_ttl: Duration::ZERO,
        compact: false,
        dry_run: true,
    };
    assert_eq!(session.gc(dry).await.unwrap().removed.len(), 2);
    assert_eq!(statuses(&session, "dogs").await, [VersionStatus::Pending]);

    let report = collect(&session, Duration::ZERO).await;
    let told: Vec<(&str, &str)> =
        report.removed.iter().map(|found| (found.what.as_str(), found.reason)).collect();
    assert_eq!(told, [("cats@1.0.1", "its save died"), ("dogs@1.0.0", "its save died")]);
    assert_eq!(statuses(&session, "cats").await, [VersionStatus::Complete, VersionStatus::Failed]);
    assert_eq!(statuses(&session, "dogs").await, [VersionStatus::Failed]);
    assert_eq!(
        save(&numbers(&session, 3), "cats").await.unwrap().record.version.to_string(),
        "1.0.2"
    );
    assert_eq!(values(&read(&session, "cats", "1.0.0").await.unwrap(), "id").await, [0, 1, 2]);
}

#[tokio::test]
async fn files_that_are_not_known_go_and_those_of_versions_stay() {
    let root = Place::on_disk();
    let session = session_on(&root).await;
    save(&numbers(&session, 0), "cats").await.unwrap();
    save(&numbers(&session, 3), "cats").await.unwrap();
    let folder = root.path().join("data/local/local/cats.lance");
    fs::write(folder.join("data/begun.lance"), "half a file").unwrap();
    fs::write(folder.join("data/.tmp123"), "less").unwrap();
    fs::create_dir(folder.join("data/folder")).unwrap();
    fs::write(root.path().join("data/notes.txt"), "not a dataset").unwrap();

    let report = collect(&session, Duration::ZERO).await;
    let [found] = &report.removed[..] else { panic!("{report:?}") };
    assert_eq!((found.what.as_str(), found.files, found.bytes), ("cats", 2, 15));
    assert_eq!(data_files(&root, "cats"), 3);
    assert!(root.path().join("data/notes.txt").exists());
    for (version, rows) in [("1.0.0", [0, 1, 2]), ("1.0.1", [3, 4, 5])] {
        assert_eq!(values(&read(&session, "cats", version).await.unwrap(), "id").await, rows);
    }
}

#[tokio::test]
async fn a_version_that_cannot_be_read_protects_all_files() {
    let root = Place::on_disk();
    let session = session_on(&root).await;
    save(&numbers(&session, 0), "cats").await.unwrap();
    let folder = root.path().join("data/local/local/cats.lance");
    for manifest in fs::read_dir(folder.join("_versions")).unwrap() {
        fs::write(manifest.unwrap().path(), "no manifest").unwrap();
    }
    let report = collect(&session, Duration::ZERO).await;
    assert!(report.removed.is_empty());
    assert_eq!(report.kept[0].reason, "which files its versions need cannot be read");
    assert_eq!(data_files(&root, "cats"), 1);
}

#[tokio::test]
async fn versions_of_a_lost_catalog_stay_and_keep_their_numbers() {
    let root = Place::on_disk();
    let session = session_on(&root).await;
    for from in [0, 3] {
        save(&numbers(&session, from), "cats").await.unwrap();
    }
    session.catalog().close().await;
    drop(session);
    for file in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
        drop(fs::remove_file(root.path().join(file)));
    }
    // As if they had been made long ago.
    let tags = root.path().join("data/local/local/cats.lance/_refs/tags");
    let past = SystemTime::now() - HOUR;
    for tag in fs::read_dir(tags).unwrap() {
        fs::File::open(tag.unwrap().path()).unwrap().set_modified(past).unwrap();
    }
    let session = session_on(&root).await;
    let saved = save(&numbers(&session, 6), "cats").await.unwrap();
    assert_eq!(saved.record.version.to_string(), "1.0.2");
    let report = collect(&session, Duration::ZERO).await;
    assert!(report.removed.is_empty(), "{report:?}");
    assert_eq!(data_files(&root, "cats"), 3);
}

#[tokio::test]
async fn who_collects_at_the_same_time_is_in_nobodys_way() {
    let root = Place::new();
    let session = session_on(&root).await;
    for name in ["cats", "dogs", "owls"] {
        claim(&session, name).await;
    }
    let options = GcOptions {
        ttl: Duration::ZERO,
        results_ttl: Duration::ZERO,
        compact: false,
        dry_run: false,
    };
    let sessions = [session_on(&root).await, session_on(&root).await, session];
    for report in join_all(sessions.iter().map(|session| session.gc(options))).await {
        report.unwrap();
    }
    assert_eq!(statuses(&sessions[0], "dogs").await, [VersionStatus::Failed]);
}
