//! Files are there before the rows that read them, nothing more is asked for than needed, and rows come as ever.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int64Type};
use futures::StreamExt;
use tempfile::TempDir;
use udf_runtime::{Answer, BatchFunction, FunctionFailure, RunningFunction, Stop};

use super::Wanted;
use crate::storage::watched::{PLACE, Watched};
use crate::{
    CacheOptions, Config, Expr, Objects, Root, Session, Stage, UdfOptions, Wanted as Content,
};

/// What a row is about: its name, size and etag.
type Row = (String, i64, String);

/// A session whose cache is in a folder, and a bucket.
struct Place {
    folder: TempDir,
    session: Arc<Session>,
    bucket: Arc<Watched>,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Some(CacheOptions::at(folder.path().to_string_lossy()));
        let config = Config { cache, target_partitions: 2, ..Config::with_root(Root::memory()) };
        let session = Session::open(config).await.unwrap();
        let bucket = Watched::among(session.buckets());
        Self { folder, session, bucket }
    }

    /// Objects of this many bytes, and rows about them.
    async fn rows(&self, count: usize, bytes: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        for at in 0..count {
            let name = format!("{at:04}");
            let etag = self.bucket.put(&name, bytes).await;
            rows.push((name, i64::try_from(bytes).unwrap(), etag));
        }
        rows
    }

    /// Calls a function on the rows; its results.
    async fn run(&self, rows: &[Row], options: UdfOptions) -> Vec<i64> {
        self.call(&self.reads(true), rows, options).await
    }

    fn reads(&self, opens: bool) -> Reads {
        Reads {
            objects: self.session.objects(),
            bucket: Arc::clone(&self.bucket),
            opens,
            answered: Arc::default(),
            ahead: Arc::default(),
            begun: VecDeque::new(),
        }
    }

    async fn call(&self, reads: &Reads, rows: &[Row], options: UdfOptions) -> Vec<i64> {
        let batch = batch(files(rows));
        let chain = self.session.read_batches(&batch.schema(), &[batch]).unwrap();
        let stage = Stage {
            function: Arc::new(reads.clone()),
            arguments: vec![Expr::Column("file".to_owned())],
            results: vec![Arc::new(Field::new("bytes", DataType::Int64, true))],
            options,
        };
        let batches = chain.map(stage).unwrap().collect().await.unwrap();
        let names = |batch: &RecordBatch| {
            let files = batch["file"].as_struct();
            let names = files.column_by_name("path").unwrap().as_string::<i32>();
            names.iter().map(|name| name.unwrap().to_owned()).collect::<Vec<_>>()
        };
        let order: Vec<String> = batches.iter().flat_map(names).collect();
        assert_eq!(order, rows.iter().map(|(name, _, _)| name.clone()).collect::<Vec<_>>());
        let bytes =
            |batch: &RecordBatch| batch["bytes"].as_primitive::<Int64Type>().values().to_vec();
        batches.iter().flat_map(bytes).collect()
    }

    fn files_left(&self) -> usize {
        files_below(self.folder.path())
    }
}

fn files_below(folder: &Path) -> usize {
    let files = walkdir::WalkDir::new(folder).into_iter();
    files.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_type().is_file())).count()
}

fn files(rows: &[Row]) -> StructArray {
    let texts = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let part = |name: &str, values: ArrayRef| {
        (Arc::new(Field::new(name, values.data_type().clone(), true)), values)
    };
    let sizes: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Int64Array>());
    let locations: ArrayRef = Arc::new(StringArray::new_null(rows.len()));
    StructArray::from(vec![
        part("source", texts(vec![PLACE; rows.len()])),
        part("path", texts(rows.iter().map(|row| row.0.as_str()).collect())),
        part("size", sizes),
        part("version", texts(vec![""; rows.len()])),
        part("etag", texts(rows.iter().map(|row| row.2.as_str()).collect())),
        part("location", locations),
    ])
}

fn batch(files: StructArray) -> RecordBatch {
    RecordBatch::try_from_iter([("file", Arc::new(files) as ArrayRef)]).unwrap()
}

/// How many bytes the row's file has on this machine, -1 where it is not here.
#[derive(Clone, Debug)]
struct Reads {
    objects: Objects,
    bucket: Arc<Watched>,
    opens: bool,
    answered: Arc<AtomicUsize>,
    /// The most objects that were asked for beyond the rows that were answered.
    ahead: Arc<AtomicUsize>,
    begun: VecDeque<RecordBatch>,
}

impl Reads {
    fn read(&self, batch: &RecordBatch, row: usize) -> i64 {
        let files = batch.column(0).as_struct();
        let text = |name: &str| files.column_by_name(name).unwrap().as_string::<i32>().value(row);
        let uri = format!("{}/{}", text("source"), text("path"));
        let content = Content { etag: text("etag"), version: "" };
        match self.objects.cached(&uri, None, content).unwrap() {
            Some(path) => i64::try_from(fs::read(path).unwrap().len()).unwrap(),
            None => -1,
        }
    }
}

impl BatchFunction for Reads {
    fn name(&self) -> &str {
        "reads"
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        Ok(Box::new(self.clone()))
    }
}

impl RunningFunction for Reads {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.push_back(arguments);
    }

    fn complete(&mut self, _stop: &Stop) -> Result<Answer, FunctionFailure> {
        let Some(batch) = self.begun.pop_front() else { panic!("nothing was begun") };
        let ahead = self.bucket.asked().saturating_sub(self.answered.load(Ordering::SeqCst));
        self.ahead.fetch_max(ahead, Ordering::SeqCst);
        let rows = 0..batch.num_rows();
        let bytes: Int64Array =
            rows.map(|row| if self.opens { self.read(&batch, row) } else { -2 }).collect();
        self.answered.fetch_add(batch.num_rows(), Ordering::SeqCst);
        let bytes: ArrayRef = Arc::new(bytes);
        let Ok(results) = RecordBatch::try_from_iter_with_nullable([("bytes", bytes, true)]) else {
            panic!("one column is a batch")
        };
        Ok(Answer::one_per_row(results))
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        Ok(())
    }
}

fn prefetch(files: usize) -> UdfOptions {
    UdfOptions { prefetch: Some(files), ..UdfOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_there_before_the_rows_that_read_them() {
    let place = Place::new().await;
    let rows = place.rows(300, 10).await;
    for options in [UdfOptions::default(), prefetch(1), prefetch(7)] {
        let asked = place.bucket.asked();
        assert_eq!(place.run(&rows, options).await, vec![10; 300]);
        assert_eq!(place.bucket.asked() - asked, 300);
        assert_eq!(place.files_left(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_fetched_for_who_does_not_want_it() {
    let place = Place::new().await;
    let rows = place.rows(50, 10).await;
    assert_eq!(place.run(&rows, prefetch(0)).await, vec![-1; 50]);
    assert_eq!(place.bucket.asked(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_opens_nothing_is_left_alone_after_a_trial() {
    let place = Place::new().await;
    let rows = place.rows(200, 10).await;
    assert_eq!(place.call(&place.reads(false), &rows, UdfOptions::default()).await, vec![-2; 200]);
    assert_eq!(place.bucket.asked(), 2);
    place.call(&place.reads(false), &rows, UdfOptions { known_rows: 5, ..prefetch(9) }).await;
    assert_eq!(place.bucket.asked(), 202, "who asks for it gets it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_files_are_read_where_they_are() {
    let place = Place::new().await;
    let mut rows = place.rows(20, 10).await;
    rows[7].1 = 8193;
    rows[7].2 = place.bucket.put("0007", 8193).await;
    let mut expected = vec![10; 20];
    for (options, bytes) in [(UdfOptions::default(), -1), (prefetch(3), 8193)] {
        expected[7] = bytes;
        assert_eq!(place.run(&rows, options).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_not_called_tell_nothing() {
    let place = Place::new().await;
    let rows = place.rows(200, 10).await;
    let options = UdfOptions { known_rows: 3, ..UdfOptions::default() };
    place.call(&place.reads(false), &rows, options).await;
    assert_eq!(place.bucket.asked(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_kept_are_asked_for_once() {
    let place = Place::new().await;
    let mut rows = place.rows(100, 10).await;
    rows.extend(rows.clone());
    for _ in 0..2 {
        let options = UdfOptions { keeps_files: true, ..UdfOptions::default() };
        assert_eq!(place.run(&rows, options).await, vec![10; 200]);
        assert_eq!((place.bucket.asked(), place.files_left()), (100, 100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_fetched_is_its_rows_own_affair() {
    let place = Place::new().await;
    let mut rows = place.rows(40, 10).await;
    rows[0].0 = "gone".to_owned();
    rows[1].2 = "another".to_owned();
    rows[30].1 = 11;
    for options in [UdfOptions::default(), prefetch(4)] {
        let bytes = place.run(&rows, options).await;
        let missing: Vec<usize> = (0..40).filter(|row| bytes[*row] == -1).collect();
        assert_eq!(missing, [0, 1, 30]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_fetched_than_the_budget_allows() {
    let place = Place::new().await;
    // The budget has room for two of them; what is larger than it comes alone.
    for (bytes, most) in [(4096, 2), (20_000, 1)] {
        let rows = place.rows(100, bytes).await;
        let reads = place.reads(true);
        let asked = place.bucket.asked();
        reads.answered.store(asked, Ordering::SeqCst);
        let options = UdfOptions { batch_rows: Some(1), ..prefetch(50) };
        place.call(&reads, &rows, options).await;
        let ahead = reads.ahead.load(Ordering::SeqCst);
        assert!(ahead <= most, "{ahead} of {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_fetched_than_somebody_wants() {
    let place = Place::new().await;
    let rows = place.rows(100, 4096).await;
    let batch = batch(files(&rows));
    let chain = place.session.read_batches(&batch.schema(), &[batch]).unwrap();
    let stage = Stage {
        function: Arc::new(place.reads(true)),
        arguments: vec![Expr::Column("file".to_owned())],
        results: vec![Arc::new(Field::new("bytes", DataType::Int64, true))],
        options: UdfOptions::default(),
    };
    let progress = Arc::default();
    let mapped = chain.map(stage).unwrap();
    let (_, mut rows) = mapped.stream(&progress).await.unwrap();
    assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
    drop(rows);
    assert!(place.bucket.asked() < 100, "{}", place.bucket.asked());
}

fn all_of(batch: &RecordBatch) -> Wanted {
    Wanted::by_rows_of(batch, u64::MAX)
}

fn rows_of(count: usize, bytes: i64) -> Vec<Row> {
    (0..count).map(|at| (format!("{at}"), bytes, "e".to_owned())).collect()
}

#[test]
fn few_rows_wait_together() {
    let wanted = all_of(&batch(files(&rows_of(200, 1))));
    assert_eq!([wanted.cut(0, 200), wanted.cut(150, 50), wanted.cut(0, 9)], [64, 50, 9]);
    let wanted = all_of(&batch(files(&rows_of(10, 12 << 20))));
    assert_eq!([wanted.cut(0, 10), wanted.cut(9, 1)], [2, 1]);
    let wanted = all_of(&batch(files(&rows_of(10, 1 << 40))));
    assert_eq!([wanted.cut(0, 10), wanted.cut(4, 6)], [1, 1]);
    assert_eq!(Wanted::default().cut(0, 8192), 8192);
}

/// The names of the objects that the rows are about.
fn names(batch: &RecordBatch) -> Vec<(usize, String)> {
    let wanted = all_of(batch);
    let name = |uri: &str| uri.strip_prefix(&format!("{PLACE}/")).unwrap().to_owned();
    let found = wanted.of(0, batch.num_rows()).iter();
    found.map(|(row, key)| (*row, name(key.uri()))).collect()
}

fn named(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
    expected.iter().map(|(row, name)| (*row, (*name).to_owned())).collect()
}

#[test]
fn files_in_lists_belong_to_their_rows() {
    let files = files(&rows_of(5, 1));
    let field = Arc::new(Field::new("item", files.data_type().clone(), true));
    let offsets = OffsetBuffer::new(vec![0, 2, 2, 5].into());
    let lists = ListArray::new(field, offsets, Arc::new(files), None);
    let batch = RecordBatch::try_from_iter([("files", Arc::new(lists) as ArrayRef)]).unwrap();
    assert_eq!(names(&batch), named(&[(0, "0"), (0, "1"), (2, "2"), (2, "3"), (2, "4")]));
    assert_eq!(names(&batch.slice(2, 1)), named(&[(0, "2"), (0, "3"), (0, "4")]));
}

#[test]
fn files_in_other_models_count() {
    let files = files(&rows_of(2, 1));
    let field = Arc::new(Field::new("inner", files.data_type().clone(), true));
    let outer = StructArray::from(vec![(field, Arc::new(files) as ArrayRef)]);
    let batch = RecordBatch::try_from_iter([("outer", Arc::new(outer) as ArrayRef)]).unwrap();
    assert_eq!(names(&batch), named(&[(0, "0"), (1, "1")]));
}

/// Rows of one file each with these sources, etags and locations.
fn placed(rows: &[(&str, &str, Option<&str>)]) -> RecordBatch {
    let files = files(&rows_of(rows.len(), 1));
    let (fields, mut columns, nulls) = files.into_parts();
    let texts = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
    columns[0] = texts(rows.iter().map(|row| Some(row.0)).collect());
    columns[4] = texts(rows.iter().map(|row| Some(row.1)).collect());
    columns[5] = texts(rows.iter().map(|row| row.2).collect());
    batch(StructArray::new(fields, columns, nulls))
}

#[test]
fn of_members_the_archive_is_wanted() {
    let member = |parent: &str| {
        format!("[{{\"vtype\":\"tar\",\"parent\":{parent},\"offset\":512,\"size\":3}}]")
    };
    let parent = |source: &str, size: i64, etag: &str| {
        member(&format!(
            "{{\"source\":\"{source}\",\"path\":\"a.tar\",\"size\":{size},\"etag\":\"{etag}\"}}"
        ))
    };
    let [good, local, large, open] = [
        parent(PLACE, 9, "e"),
        parent("file:///data", 9, "e"),
        parent(PLACE, 1 << 40, "e"),
        parent(PLACE, 9, ""),
    ];
    let alone = good.trim_matches(['[', ']']).to_owned();
    let other = good.replace("tar\",\"parent", "zip\",\"parent");
    let locations: [&str; 8] = [&good, &local, &large, &open, &alone, &other, "no json", "null"];
    let rows: Vec<_> = locations.iter().map(|text| (PLACE, "e", Some(*text))).collect();
    assert_eq!(names(&placed(&rows)), named(&[(0, "a.tar"), (2, "a.tar"), (4, "a.tar"), (7, "7")]));
}

#[test]
fn what_is_in_no_bucket_or_has_no_fixed_content_is_not_fetched() {
    let rows = [
        ("file:///data", "e", None),
        ("", "e", None),
        ("/data", "e", None),
        ("ftp://host", "e", None),
        (PLACE, "", None),
        ("memory://watched/", "e", None),
    ];
    assert_eq!(names(&placed(&rows)), named(&[(5, "5")]));
}
