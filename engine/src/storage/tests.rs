//! Every kind of root keeps the same promises.

use std::io::Write;

use super::{Buckets, Location, Root, Storage};
use crate::error::refused;
use crate::{Error, Pause, StorageKind};

async fn storages() -> Vec<Storage> {
    let mut storages = Vec::new();
    for root in [Root::temporary().unwrap(), Root::memory()] {
        storages.push(Storage::open(root, Pause::default(), &Buckets::default()).await.unwrap());
    }
    storages
}

fn at(text: &str) -> Location {
    Location::parse(text).unwrap()
}

async fn names(storage: &Storage, folder: &str) -> Vec<String> {
    let found = storage.list(&at(folder)).await.unwrap();
    let mut names: Vec<String> = found.iter().map(|entry| entry.location.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_put_is_there() {
    for storage in storages().await {
        assert_eq!(storage.get(&at("a/b")).await.unwrap(), None);
        storage.put(&at("a/b"), b"one".to_vec()).await.unwrap();
        storage.put(&at("a/b"), b"two".to_vec()).await.unwrap();
        storage.put(&at("a/ü %20"), Vec::new()).await.unwrap();
        assert_eq!(storage.get(&at("a/b")).await.unwrap().unwrap(), b"two");
        assert_eq!(names(&storage, "a").await, ["a/b", "a/ü %20"]);
        assert!(names(&storage, "none").await.is_empty());
        storage.delete(&at("a/b")).await.unwrap();
        storage.delete(&at("a/b")).await.unwrap();
        assert_eq!(names(&storage, "a").await, ["a/ü %20"]);
    }
}

#[tokio::test]
async fn what_is_there_is_not_put_anew() {
    for storage in storages().await {
        assert!(storage.put_new(&at("a/b"), b"one".to_vec()).await.unwrap());
        assert!(!storage.put_new(&at("a/b"), b"two".to_vec()).await.unwrap());
        assert_eq!(storage.get(&at("a/b")).await.unwrap().unwrap(), b"one");
    }
}

#[tokio::test]
async fn a_staged_file_is_seen_when_it_is_published() {
    for storage in storages().await {
        let mut staged = storage.stage(&at("a")).unwrap();
        let bytes: Vec<u8> = (0..20_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        staged.write_all(&bytes).unwrap();
        assert!(storage.fetch(&at("a/b")).await.unwrap().is_none());
        storage.publish(staged, &at("a/b")).await.unwrap();
        assert_eq!(storage.get(&at("a/b")).await.unwrap().unwrap(), bytes);
        let mut fetched = storage.fetch(&at("a/b")).await.unwrap().unwrap();
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut fetched, &mut read).unwrap();
        assert!(read == bytes);
    }
}

#[tokio::test]
async fn what_was_never_published_goes() {
    for storage in storages().await {
        let staged = storage.stage(&at("a")).unwrap();
        let entered = storage.share(&at("a")).await.unwrap();
        storage.sweep(&at("a")).await;
        drop(entered);
        storage.sweep(&at("a")).await;
        assert!(names(&storage, "a").await.is_empty());
        drop(staged);
    }
}

#[tokio::test]
async fn folders_are_found_by_depth() {
    for storage in storages().await {
        for name in ["d/b/two/x", "d/a/one/x", "d/a/one/y", "d/file"] {
            storage.put(&at(name), Vec::new()).await.unwrap();
        }
        assert_eq!(storage.folders(&at("d"), 2).await.unwrap(), [at("d/a/one"), at("d/b/two")]);
        assert!(storage.folders(&at("e"), 2).await.unwrap().is_empty());
        assert!(!storage.delete_empty(&at("d/a")).await.unwrap());
        storage.delete_all(&at("d/a/one")).await.unwrap();
        storage.delete_all(&at("d/a/one")).await.unwrap();
        assert!(storage.delete_empty(&at("d/a")).await.unwrap());
        assert_eq!(storage.folders(&at("d"), 2).await.unwrap(), [at("d/b/two")]);
    }
}

#[tokio::test]
async fn who_shares_keeps_others_from_being_alone() {
    for storage in storages().await {
        let first = storage.share(&at("a")).await.unwrap();
        let second = storage.share(&at("a")).await.unwrap();
        assert!(storage.try_alone(&at("a")).await.unwrap().is_none());
        drop(first);
        assert!(storage.try_alone(&at("a")).await.unwrap().is_none());
        drop(second);
        let alone = storage.try_alone(&at("a")).await.unwrap().unwrap();
        assert!(storage.try_alone(&at("a")).await.unwrap().is_none());
        let folder = at("a");
        let waits = storage.share(&folder);
        let leaves = async { drop(alone) };
        let (entered, ()) = tokio::join!(waits, leaves);
        drop(entered.unwrap());
    }
}

#[test]
fn a_location_is_found_again_by_its_uri() {
    for root in [Root::folder_at("/some/folder").unwrap(), Root::memory()] {
        let uri = root.join(&at("data/a/x.lance"));
        assert!(uri.starts_with(&root.to_string()), "{uri}");
    }
}

#[test]
fn roots_of_unknown_schemes_are_refused() {
    let error = Root::parse("ftp://host/folder").unwrap_err();
    assert!(
        matches!(&error, Error::NotSupported { what, .. } if what.contains("ftp://")),
        "{error}"
    );
    assert_eq!(Root::parse("FILE:///a%20b").unwrap().to_string(), "/a b");
    let home = super::files::home().unwrap();
    assert_eq!(Root::parse("~/x").unwrap().to_string(), format!("{home}/x"));
    assert_eq!(Root::parse("s3:/bucket/x").unwrap_err().code(), "engine.invalid_argument");
    assert_eq!(Root::parse("file://host/x").unwrap_err().code(), "engine.invalid_argument");
    assert_eq!(Root::parse("memory://x").unwrap_err().code(), "engine.invalid_argument");
}

#[tokio::test]
async fn kinds_come_from_types() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let root = Root::folder_at(file.join("below")).unwrap();
    let error = Storage::open(root, Pause::default(), &Buckets::default()).await.unwrap_err();
    assert_eq!(error.code(), "engine.storage");
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let Error::Storage { kind, reason, .. } = refused("write", "x", full) else { panic!() };
    assert_eq!((kind, reason.as_str()), (StorageKind::Full, "no storage space"));
    let throttled = StorageKind::Throttled;
    assert!(throttled.is_retryable() && !StorageKind::Denied.is_retryable());
}
