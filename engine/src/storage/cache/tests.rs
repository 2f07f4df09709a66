//! What is in the cache is whole and the right content; what goes is what nobody needs.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use tempfile::TempDir;

use super::disk::Disk;
use super::{Cache, CacheOptions, Keep, ObjectKey, was_used};
use crate::storage::Buckets;
use crate::storage::watched::{PLACE, Watched};
use crate::{Error, Objects, Result, StorageKind, Wanted};

/// A bucket, and a cache of it in a folder.
struct Place {
    folder: TempDir,
    bucket: Arc<Watched>,
    buckets: Arc<Buckets>,
    objects: Objects,
}

impl Place {
    fn new() -> Self {
        Self::with(|options| options, None)
    }

    fn with(change: impl FnOnce(CacheOptions) -> CacheOptions, room: Option<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = Arc::<Buckets>::default();
        let bucket = Watched::among(&buckets);
        let options = change(CacheOptions::at(folder.path().join("cache").to_string_lossy()));
        let disk = room.map(Disk::with_room).unwrap_or_default();
        let cache = Cache { disk, ..Cache::new(options) };
        let objects = Objects::of(&buckets, cache);
        Self { folder, bucket, buckets, objects }
    }

    /// The same folder, as another process has it.
    fn other(&self) -> Objects {
        Objects::of(&self.buckets, Cache::new(CacheOptions::at(self.path().to_string_lossy())))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    async fn fetch(&self, name: &str, size: u64, etag: &str) -> Result<String> {
        self.objects.fetch(&uri(name), Some(size), wanted(etag)).await
    }

    /// Puts an object of 100 bytes and fetches it; its etag, and the file.
    async fn fetched(&self, name: &str) -> (String, String) {
        let etag = self.bucket.put(name, 100).await;
        let path = self.fetch(name, 100, &etag).await.unwrap();
        (etag, path)
    }

    fn cached(&self, name: &str, etag: &str) -> Option<String> {
        self.objects.cached(&uri(name), None, wanted(etag)).unwrap()
    }

    /// All files in the folder.
    fn files(&self) -> usize {
        let files = walkdir::WalkDir::new(self.path()).into_iter();
        files.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_type().is_file())).count()
    }
}

fn uri(name: &str) -> String {
    format!("{PLACE}/{name}")
}

fn wanted(etag: &str) -> Wanted<'_> {
    Wanted { etag, version: "" }
}

fn key(name: &str, etag: &str) -> ObjectKey {
    ObjectKey::try_new(&uri(name), Some(100), etag, "").unwrap().unwrap()
}

fn used_long_ago(path: &str, hours: u64) {
    let then = SystemTime::now() - Duration::from_secs(3600 * hours) + Duration::from_nanos(1);
    File::open(path).unwrap().set_modified(then).unwrap();
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

#[tokio::test]
async fn readers_at_the_same_time_share_a_download() {
    let place = Place::new();
    let etag = place.bucket.put("a", 5_000_000).await;
    let paths = join_all((0..8).map(|_| place.fetch("a", 5_000_000, &etag))).await;
    for path in &paths {
        let path = path.as_ref().unwrap();
        assert_eq!(fs::read(path).unwrap(), vec![b'x'; 5_000_000]);
    }
    assert_eq!(place.bucket.asked(), 1);
    assert_eq!(place.files(), 1);
}

#[tokio::test]
async fn what_was_fetched_is_not_asked_for_again() {
    let place = Place::new();
    let (etag, path) = place.fetched("a").await;
    assert_eq!(place.fetch("a", 100, &etag).await.unwrap(), path);
    assert_eq!(place.other().fetch(&uri("a"), None, wanted(&etag)).await.unwrap(), path);
    assert_eq!(place.cached("a", &etag), Some(path));
    assert_eq!(place.bucket.asked(), 1);
}

#[tokio::test]
async fn contents_of_one_name_have_files_of_their_own() {
    let place = Place::new();
    let (etag, path) = place.fetched("a").await;
    let (newer, other) = place.fetched("a").await;
    assert_ne!(path, other);
    assert_eq!(place.cached("a", &etag), Some(path));
    assert_eq!(place.cached("a", &newer), Some(other));
    assert_eq!(place.cached("a", ""), None, "any content would do");
}

#[tokio::test]
async fn functions_cannot_write_into_files() {
    let (_, path) = Place::new().fetched("a").await;
    let Ok(found) = fs::metadata(&path) else { return };
    assert_eq!(found.permissions().mode() & 0o222, 0);
}

#[tokio::test]
async fn an_answer_that_ends_early_is_not_kept() {
    let place = Place::new();
    let etag = place.bucket.put("a", 100).await;
    place.bucket.ends_early(true);
    let error = place.fetch("a", 100, &etag).await.unwrap_err();
    assert!(matches!(error, Error::Storage { kind: StorageKind::Corrupt, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`: the answer ended after 99 bytes of 100", uri("a"))
    );
    assert_eq!((place.cached("a", &etag), place.files()), (None, 0));
    place.bucket.ends_early(false);
    place.fetch("a", 100, &etag).await.unwrap();
}

#[tokio::test]
async fn another_content_is_not_kept() {
    let place = Place::new();
    let etag = place.bucket.put("a", 100).await;
    let error = place.fetch("a", 99, &etag).await.unwrap_err();
    assert!(matches!(error, Error::FileChanged { .. }), "{error:?}");
    let error = place.fetch("a", 100, "other").await.unwrap_err();
    assert!(matches!(error, Error::FileChanged { .. }), "{error:?}");
    let error = place.fetch("b", 100, &etag).await.unwrap_err();
    assert!(matches!(error, Error::PathNotFound { .. }), "{error:?}");
    assert_eq!(place.files(), 0);
}

#[tokio::test]
async fn a_file_that_lost_bytes_is_fetched_anew() {
    let place = Place::new();
    let (etag, path) = place.fetched("a").await;
    fs::remove_file(&path).unwrap();
    fs::write(&path, "xx").unwrap();
    let again = place.fetch("a", 100, &etag).await.unwrap();
    assert_eq!(fs::read(again).unwrap(), vec![b'x'; 100]);
}

#[tokio::test]
async fn the_file_that_was_not_used_for_longest_goes() {
    let place = Place::with(|options| CacheOptions { limit_bytes: 250, ..options }, None);
    let (used, oldest) = place.fetched("a").await;
    let (_, other) = place.fetched("b").await;
    used_long_ago(&oldest, 3);
    used_long_ago(&other, 2);
    place.cached("a", &used).unwrap();
    let (_, newest) = place.fetched("c").await;
    assert_eq!([&oldest, &other, &newest].map(|path| exists(path)), [true, false, true]);
}

#[tokio::test]
async fn files_that_are_needed_now_stay() {
    let place = Place::with(|options| CacheOptions { limit_bytes: 150, ..options }, None);
    let (etag, held) = place.fetched("a").await;
    let pin = place.objects.pin(&key("a", &etag), Keep::Yes);
    used_long_ago(&held, 3);
    let (_, young) = place.fetched("b").await;
    let (_, newest) = place.fetched("c").await;
    assert_eq!([&held, &young, &newest].map(|path| exists(path)), [true, true, true]);
    drop(pin);
    place.fetched("d").await;
    assert_eq!([&held, &young, &newest].map(|path| exists(path)), [false, true, true]);
}

#[tokio::test]
async fn on_a_full_disk_older_files_make_room() {
    let place = Place::with(|options| options, Some(150));
    let (_, older) = place.fetched("a").await;
    used_long_ago(&older, 1);
    let (_, newer) = place.fetched("b").await;
    assert_eq!([&older, &newer].map(|path| exists(path)), [false, true]);
    assert_eq!(fs::read(newer).unwrap(), vec![b'x'; 100]);
}

#[tokio::test]
async fn a_full_disk_is_an_error_that_leaves_nothing() {
    let place = Place::with(|options| options, Some(150));
    let (etag, held) = place.fetched("a").await;
    used_long_ago(&held, 1);
    let _pin = place.objects.pin(&key("a", &etag), Keep::Yes);
    let other = place.bucket.put("b", 100).await;
    let error = place.fetch("b", 100, &other).await.unwrap_err();
    assert!(matches!(error, Error::Storage { kind: StorageKind::Full, .. }), "{error:?}");
    assert!(error.to_string().contains(&*place.path().to_string_lossy()), "{error}");
    assert_eq!((exists(&held), place.cached("b", &other), place.files()), (true, None, 1));
    let fetched = place.objects.fetch_if_room(&uri("b"), Some(100), wanted(&other)).await;
    assert_eq!(fetched.unwrap(), None);
}

#[tokio::test]
async fn what_is_not_kept_goes_with_its_last_pin() {
    let place = Place::new();
    let key = key("a", &place.bucket.put("a", 100).await);
    let pins = [(); 2].map(|()| place.objects.pin(&key, Keep::No));
    let path = place.objects.fetched(&key, Keep::No).await.unwrap();
    assert!(!was_used(&path));
    assert_eq!(place.cached("a", key.etag()), Some(path.clone()));
    assert!(was_used(&path));
    let [first, last] = pins;
    drop(first);
    assert!(exists(&path));
    drop(last);
    assert_eq!((place.cached("a", key.etag()), place.files()), (None, 0));
}

#[tokio::test]
async fn another_process_finds_what_is_not_kept() {
    let place = Place::new();
    let key = key("a", &place.bucket.put("a", 100).await);
    let _pin = place.objects.pin(&key, Keep::No);
    let path = place.objects.fetched(&key, Keep::No).await.unwrap();
    let worker = Objects::restored(&place.objects.setup().unwrap()).unwrap();
    assert_eq!(
        worker.cached(&uri("a"), Some(100), wanted(key.etag())).unwrap(),
        Some(path.clone())
    );
    assert!(was_used(&path));
    assert_eq!(place.other().cached(&uri("a"), Some(100), wanted(key.etag())).unwrap(), None);
}

#[tokio::test]
async fn what_dead_processes_left_goes() {
    let place = Place::new();
    let left = place.path().join("run-1-dead-0");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join(".tmp123"), "half").unwrap();
    let other = place.other();
    let key = key("a", &place.bucket.put("a", 100).await);
    let _pin = other.pin(&key, Keep::No);
    let alive = other.fetched(&key, Keep::No).await.unwrap();
    assert!(!left.exists());
    place.fetched("b").await;
    assert!(exists(&alive));
    drop(other);
    assert!(exists(&alive), "the pin needs its cache");
}

#[tokio::test]
async fn all_can_be_removed() {
    let place = Place::new();
    assert_eq!(place.objects.clear_cache().await.unwrap(), (0, 0));
    let (etag, _) = place.fetched("a").await;
    place.fetched("b").await;
    assert_eq!(place.other().clear_cache().await.unwrap(), (2, 200));
    assert_eq!((place.cached("a", &etag), place.files()), (None, 0));
    place.fetch("a", 100, &etag).await.unwrap();
}

#[tokio::test]
async fn local_files_are_read_where_they_are() {
    let place = Place::new();
    let path = place.folder.path().join("a.txt");
    fs::write(&path, "a").unwrap();
    let path = path.to_string_lossy().into_owned();
    for text in [path.clone(), format!("file://{path}")] {
        assert_eq!(place.objects.fetch(&text, None, Wanted::default()).await.unwrap(), path);
        assert_eq!(place.objects.cached(&text, None, Wanted::default()).unwrap(), None);
    }
    assert!(!place.path().exists());
}
