//! How listings of many files follow each other.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, AsArray, Int64Array, StructArray};
use arrow::datatypes::{DataType, Field, Int64Type};

use crate::physical::in_order;
use crate::{Config, Root};

use super::*;

/// A file by its number, and how often it changed.
type File = (i64, i64);

const MANY: i64 = 70_000;

async fn session() -> Arc<Session> {
    Session::open(Config::with_root(Root::memory())).await.unwrap()
}

fn column() -> FieldRef {
    let fields = ["number", "changes"].map(|name| Field::new(name, DataType::Int64, false));
    Arc::new(Field::new("found", DataType::Struct(fields.to_vec().into()), false))
}

fn batch(files: &[File]) -> RecordBatch {
    let DataType::Struct(fields) = column().data_type().clone() else { panic!("a struct") };
    let (numbers, changes): (Vec<_>, Vec<_>) = files.iter().copied().unzip();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(numbers)), Arc::new(Int64Array::from(changes))];
    let files = StructArray::new(fields, columns, None);
    RecordBatch::from(StructArray::new(vec![column()].into(), vec![Arc::new(files)], None))
}

/// Keeps these files as what was found: the listing's version, and what is read of it.
async fn keep(session: &Arc<Session>, files: &[File]) -> (DatasetVersion, Vec<File>) {
    let batches: Vec<_> = files.chunks(8192).map(batch).collect();
    let look: LookForFiles =
        Box::new(move || stream::iter(batches.clone().into_iter().map(Ok)).boxed());
    let found = FilesFound { places: "here".to_owned(), column: column(), look };
    let kept = session.keep(Found::Files(found), Purpose::Identity(None), Utc::now());
    let kept = kept.await.unwrap();
    let scan = kept.scan(session.state(), None, &[], None).await.unwrap();
    let rows = in_order(&scan, &session.state().task_ctx(), None).unwrap();
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    let record = newest(session, &name_of("here").unwrap()).await.unwrap().unwrap();
    (record, rows.iter().flat_map(files_of).collect())
}

fn files_of(batch: &RecordBatch) -> Vec<File> {
    let columns = batch.column(0).as_struct().columns();
    let [numbers, changes] =
        [0, 1].map(|at| columns[at].as_primitive::<Int64Type>().values().to_vec());
    numbers.into_iter().zip(changes).collect()
}

async fn paths(session: &Session, record: &DatasetVersion) -> BTreeSet<String> {
    let dataset = session.open_version(record).await.unwrap();
    let files = dataset.fragments().iter().flat_map(|fragment| fragment.files.clone());
    files.map(|file| file.path).collect()
}

fn all() -> Vec<File> {
    (0..MANY).map(|number| (number, 0)).collect()
}

#[tokio::test]
async fn of_many_files_only_others_than_before_are_written() {
    let session = session().await;
    let (first, rows) = keep(&session, &all()).await;
    assert_eq!(rows, all());
    let mut next = all();
    next[5].1 = 1;
    next.remove(7);
    next.insert(0, (-1, 0));
    let (second, rows) = keep(&session, &next).await;
    assert_ne!(first.version, second.version);
    assert_ne!(first.fingerprint, second.fingerprint);
    let stays = all().into_iter().filter(|(number, _)| ![5, 7].contains(number));
    assert_eq!(rows, stays.chain([(-1, 0), (5, 1)]).collect::<Vec<_>>());
    let (before, after) = (paths(&session, &first).await, paths(&session, &second).await);
    assert!(before.is_subset(&after) && before.len() < after.len());
    next.pop();
    let (third, rows) = keep(&session, &next).await;
    assert_eq!(paths(&session, &third).await, after);
    assert_eq!(rows.len(), next.len());
}

#[tokio::test]
async fn the_same_files_are_the_same_version() {
    let session = session().await;
    let (first, _) = keep(&session, &all()).await;
    assert_eq!(keep(&session, &all()).await.0, first);
    let mut next = all();
    next[5].1 = 1;
    let (second, rows) = keep(&session, &next).await;
    let again = keep(&session, &next).await;
    assert_eq!(again, (second, rows));
}

#[tokio::test]
async fn files_that_are_found_twice_are_there_twice() {
    let session = session().await;
    let twice = [all(), vec![(3, 0)]].concat();
    for files in [all(), twice.clone(), twice.clone(), all(), twice] {
        let (record, mut rows) = keep(&session, &files).await;
        assert_eq!(record.rows, files.len() as u64);
        let mut files = files;
        rows.sort_unstable();
        files.sort_unstable();
        assert_eq!(rows, files);
    }
}

#[tokio::test]
async fn few_files_are_written_as_they_are_found() {
    let session = session().await;
    keep(&session, &all()).await;
    let (_, rows) = keep(&session, &[(2, 0), (1, 0)]).await;
    assert_eq!(rows, [(2, 0), (1, 0)]);
    let (record, rows) = keep(&session, &all()).await;
    assert_eq!((record.rows, rows.len()), (MANY as u64, usize::try_from(MANY).unwrap()));
}
