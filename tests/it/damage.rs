//! Data that is not as we left it: the error says which dataset, and nothing panics.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::{Config, Error, Root, Session};

use crate::fixture::{Place, batch, chain, integers, read, save, session_on};

/// A root with the dataset `cats` of many rows, which no session holds open.
async fn saved(root: &Place) {
    let session = session_on(root).await;
    let rows =
        batch(vec![("id", integers(0..20_000)), ("odd", integers((0..20_000).map(|id| id % 7)))]);
    save(&chain(&session, vec![rows]), "cats").await.unwrap();
    session.catalog().close().await;
}

/// The files of `cats` in one of its folders.
fn files(root: &Place, folder: &str) -> Vec<PathBuf> {
    let folder = root.path().join("data/local/local/cats.lance").join(folder);
    let files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    files
}

async fn read_all(root: &Place) -> Result<usize, Error> {
    let session = session_on(root).await;
    let batches = read(&session, "cats", "").await?.collect().await?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}

#[track_caller]
fn check_corrupt(outcome: Result<usize, Error>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), "engine.corrupt", "{error:?}");
    assert!(error.to_string().contains("cats@1.0.0"), "{error}");
}

async fn check_bytes(damage: fn(Vec<u8>) -> Vec<u8>) {
    let root = Place::on_disk();
    saved(&root).await;
    for file in files(&root, "data") {
        let bytes = damage(fs::read(&file).unwrap());
        fs::write(&file, bytes).unwrap();
    }
    check_corrupt(read_all(&root).await);
}

#[tokio::test]
async fn undamaged_data_reads() {
    let root = Place::on_disk();
    saved(&root).await;
    assert_eq!(read_all(&root).await.unwrap(), 20_000);
}

#[tokio::test]
async fn half_a_data_file_is_noticed() {
    check_bytes(|bytes| bytes[..bytes.len() / 2].to_vec()).await;
}

#[tokio::test]
async fn an_empty_data_file_is_noticed() {
    check_bytes(|_| Vec::new()).await;
}

#[tokio::test]
async fn an_overwritten_footer_is_noticed() {
    check_bytes(|mut bytes| {
        let footer = bytes.len() - 40;
        bytes[footer..].fill(0xff);
        bytes
    })
    .await;
}

#[tokio::test]
async fn a_zeroed_data_file_is_noticed() {
    check_bytes(|bytes| vec![0; bytes.len()]).await;
}

#[tokio::test]
async fn a_missing_data_file_is_noticed() {
    let root = Place::on_disk();
    saved(&root).await;
    files(&root, "data").into_iter().for_each(|file| fs::remove_file(file).unwrap());
    check_corrupt(read_all(&root).await);
}

#[tokio::test]
async fn a_missing_manifest_is_noticed() {
    let root = Place::on_disk();
    saved(&root).await;
    files(&root, "_versions").into_iter().for_each(|file| fs::remove_file(file).unwrap());
    check_corrupt(read_all(&root).await);
}

#[tokio::test]
async fn a_damaged_manifest_is_noticed() {
    let root = Place::on_disk();
    saved(&root).await;
    files(&root, "_versions").into_iter().for_each(|file| fs::write(file, b"no manifest").unwrap());
    check_corrupt(read_all(&root).await);
}

#[tokio::test]
async fn a_missing_dataset_folder_is_noticed() {
    let root = Place::on_disk();
    saved(&root).await;
    fs::remove_dir_all(root.path().join("data")).unwrap();
    check_corrupt(read_all(&root).await);
}

#[tokio::test]
async fn a_root_that_is_a_file_is_refused() {
    let folder = Place::on_disk();
    let file = folder.path().join("root");
    fs::write(&file, "not a folder").unwrap();
    let error =
        Session::open(Config::with_root(Root::folder_at(&file).unwrap())).await.unwrap_err();
    assert_eq!(error.code(), "engine.storage", "{error:?}");
    assert!(error.to_string().contains(&*file.to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_catalog_that_is_no_database_is_refused() {
    let root = Place::on_disk();
    fs::write(root.path().join("catalog.db"), "not a database, but long enough to look".repeat(40))
        .unwrap();
    let error = Session::open(Config::with_root(Root::clone(&root))).await.unwrap_err();
    assert!(error.code().starts_with("catalog."), "{error:?}");
}

#[tokio::test]
async fn another_dataset_in_the_place_of_one_that_is_gone_is_noticed() {
    let root = Place::on_disk();
    saved(&root).await;
    fs::remove_dir_all(root.path().join("data")).unwrap();
    let session = session_on(&root).await;
    save(&chain(&session, vec![batch(vec![("id", integers(0..3))])]), "cats").await.unwrap();
    session.catalog().close().await;
    let session = session_on(&root).await;
    let error = read(&session, "cats", "1.0.0").await.unwrap_err();
    assert_eq!(error.code(), "engine.corrupt", "{error:?}");
}

#[tokio::test]
async fn roots_of_any_name_hold_datasets_and_nothing_stands_beside_them() {
    let around = Place::on_disk();
    for name in ["josé", "a b", "50%", "x#1", "~y", "[z]"] {
        let session = session_on(&Root::folder_at(around.path().join(name)).unwrap()).await;
        save(&chain(&session, vec![batch(vec![("id", integers(0..3))])]), "cats").await.unwrap();
        assert_eq!(
            read(&session, "cats", "").await.unwrap().count(&Arc::default()).await.unwrap(),
            3
        );
    }
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 6);
}
