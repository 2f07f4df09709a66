//! Each row of a version is read once, in order, and only what is asked for.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{Field, Int64Type, UInt64Type};
use catalog::{DatasetVersion, Dependency, VersionSpec};
use datafusion::catalog::TableProvider;
use datafusion::common::stats::Precision;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;

use crate::source::{DatasetTable, Leaf, Source};
use crate::tests::save_as;
use crate::{Chain, Config, Root, SaveMode, Session};

/// A version of these many rows, added piece by piece, so that it has several fragments.
async fn version(session: &Arc<Session>, pieces: &[i64]) -> DatasetTable {
    named_version(session, pieces, |id| format!("row {id}")).await
}

async fn named_version(
    session: &Arc<Session>,
    pieces: &[i64],
    name: fn(i64) -> String,
) -> DatasetTable {
    let mut record = None;
    let mut from = 0;
    for rows in pieces {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + rows));
        let names: ArrayRef =
            Arc::new((from..from + rows).map(|id| Some(name(id))).collect::<StringArray>());
        let fields = [("id", ids), ("name", names)].map(|(name, values)| {
            (Arc::new(Field::new(name, values.data_type().clone(), true)), values)
        });
        let model: ArrayRef = Arc::new(StructArray::from(fields.to_vec()));
        let batch = RecordBatch::try_from_iter_with_nullable([("model", model, true)]).unwrap();
        let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
        record = Some(save(&chain, SaveMode::Append).await);
        from += rows;
    }
    table(session, &record.unwrap()).await
}

/// The version without some of its rows.
async fn without(
    session: &Arc<Session>,
    version: &DatasetTable,
    removed: impl IntoIterator<Item = u64>,
) -> DatasetTable {
    let Dependency { name, version } = version.version().unwrap();
    let rows = session.read_dataset(&name, &VersionSpec::Exact(version)).await.unwrap();
    let removed = removed.into_iter().collect();
    let mode = SaveMode::Update { base: version, removed };
    table(session, &save(&rows.limit(0).unwrap(), mode).await).await
}

async fn save(chain: &Chain, mode: SaveMode) -> DatasetVersion {
    save_as(chain, "cats", mode).await.unwrap().record
}

async fn table(session: &Session, record: &DatasetVersion) -> DatasetTable {
    DatasetTable::new(record, Arc::new(session.open_version(record).await.unwrap()))
}

async fn session(partitions: usize) -> Arc<Session> {
    let config = Config::with_root(Root::memory());
    Session::open(Config { target_partitions: partitions, ..config }).await.unwrap()
}

/// The rows of each partition.
async fn read(session: &Session, scan: &Arc<dyn ExecutionPlan>) -> Vec<Vec<RecordBatch>> {
    let mut parts = Vec::new();
    for partition in 0..scan.output_partitioning().partition_count() {
        let rows = scan.execute(partition, session.state().task_ctx()).unwrap();
        parts.push(rows.try_collect().await.unwrap());
    }
    parts
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

/// The version seen through one leaf.
fn seen(table: &DatasetTable, path: [&str; 2]) -> Arc<dyn Source> {
    let field = Arc::new(Field::new(path.join("."), arrow::datatypes::DataType::Int64, true));
    table.with_leaves(vec![Leaf { path: path.map(str::to_owned).to_vec(), field }]).unwrap()
}

#[tokio::test]
async fn partitions_are_consecutive_ranges_across_fragments() {
    let session = session(3).await;
    let table = seen(&version(&session, &[50_000, 1, 70_000]).await, ["model", "id"]);
    let scan = table.scan(session.state(), None, &[], None).await.unwrap();
    let parts = read(&session, &scan).await;
    let heights: Vec<usize> =
        parts.iter().map(|part| part.iter().map(RecordBatch::num_rows).sum()).collect();
    assert_eq!(heights, [40_001, 40_001, 39_999]);
    let all: Vec<i64> = parts.iter().flatten().flat_map(ids).collect();
    assert_eq!(all, (0..120_001).collect::<Vec<_>>());
    for (partition, height) in heights.into_iter().enumerate() {
        let told = scan.partition_statistics(Some(partition)).unwrap().num_rows;
        assert_eq!(told, Precision::Exact(height));
    }
}

#[tokio::test]
async fn a_limit_reads_the_first_rows() {
    let session = session(3).await;
    let table = seen(&version(&session, &[10, 10, 10]).await, ["model", "id"]);
    for limit in [0, 1, 10, 11, 30, 31] {
        let scan = table.scan(session.state(), None, &[], Some(limit)).await.unwrap();
        let all: Vec<i64> = read(&session, &scan).await.iter().flatten().flat_map(ids).collect();
        assert_eq!(all, (0..limit.min(30) as i64).collect::<Vec<_>>(), "{limit}");
    }
}

#[tokio::test]
async fn no_columns_are_rows_all_the_same() {
    let session = session(3).await;
    let table = version(&session, &[7, 5]).await;
    let scan = table.scan(session.state(), Some(&vec![]), &[], None).await.unwrap();
    let parts = read(&session, &scan).await;
    assert_eq!(parts.iter().flatten().map(RecordBatch::num_rows).sum::<usize>(), 12);
}

#[tokio::test]
async fn a_row_keeps_its_place_in_all_versions_that_have_it() {
    let session = session(1).await;
    let places = async |table: &DatasetTable| {
        let scan = table.scan(session.state(), Some(&vec![1]), &[], None).await.unwrap();
        let parts = read(&session, &scan).await;
        let place = |batch: &RecordBatch| {
            let sys = batch.column(0).as_struct();
            sys.column(0).as_primitive::<UInt64Type>().values().to_vec()
        };
        parts.iter().flatten().flat_map(place).collect::<Vec<u64>>()
    };
    let shorter = places(&version(&session, &[4]).await).await;
    let longer = places(&version(&session, &[3]).await).await;
    assert_eq!((shorter.len(), longer.len()), (4, 7));
    assert_eq!(longer[..4], shorter);
}

/// The address of a row of a fragment.
fn address(fragment: u64, row: u64) -> u64 {
    fragment << 32 | row
}

#[tokio::test]
async fn rows_that_are_removed_are_in_no_partition() {
    let session = session(3).await;
    let all = version(&session, &[60_000, 10, 60_000]).await;
    // The beginning and every seventh row of the first fragment, the second one, and the end of the third.
    let mut removed: Vec<u64> = (0..20).chain((21..60_000).step_by(7)).collect();
    removed.extend((0..10).map(|row| address(1, row)));
    removed.extend((50_000..60_000).map(|row| address(2, row)));
    let left: Vec<i64> = (20..60_000).filter(|id| id % 7 != 0).chain(60_010..110_010).collect();
    let table = seen(&without(&session, &all, removed).await, ["model", "id"]);
    for limit in [None, Some(1), Some(40_000), Some(51_500), Some(200_000)] {
        let scan = table.scan(session.state(), None, &[], limit).await.unwrap();
        let parts = read(&session, &scan).await;
        let found: Vec<i64> = parts.iter().flatten().flat_map(ids).collect();
        assert_eq!(found, left[..limit.unwrap_or(usize::MAX).min(left.len())], "{limit:?}");
        for (partition, batches) in parts.iter().enumerate() {
            let height = batches.iter().map(RecordBatch::num_rows).sum();
            let told = scan.partition_statistics(Some(partition)).unwrap().num_rows;
            assert_eq!(told, Precision::Exact(height), "{partition} {limit:?}");
        }
    }
    for (first, limit) in [(1, None), (39_999, Some(3)), (51_000, Some(40_000)), (200_000, None)] {
        let later = table.without_first(first).unwrap();
        let scan = later.scan(session.state(), None, &[], limit).await.unwrap();
        let found: Vec<i64> = read(&session, &scan).await.iter().flatten().flat_map(ids).collect();
        let wanted = left.iter().skip(first).take(limit.unwrap_or(usize::MAX));
        assert_eq!(found, wanted.copied().collect::<Vec<_>>(), "{first} {limit:?}");
    }
    let all = seen(&all, ["model", "id"]).scan(session.state(), None, &[], None).await.unwrap();
    let whole = read(&session, &all).await;
    assert_eq!(whole.iter().flatten().map(RecordBatch::num_rows).sum::<usize>(), 120_010);
}

#[tokio::test]
async fn rows_that_are_removed_are_left_out_of_wide_rows_too() {
    let session = session(1).await;
    let all = named_version(&session, &[100, 100], |id| format!("{id:0>2000}")).await;
    let removed = (1..100).step_by(2).chain((0..50).map(|row| address(1, row)));
    let left = without(&session, &all, removed).await;
    let scan = left.scan(session.state(), Some(&vec![0]), &[], None).await.unwrap();
    let name = |batch: &RecordBatch| {
        let names = batch.column(0).as_struct().column(1).as_string::<i32>();
        names.iter().map(|name| name.unwrap().parse::<i64>().unwrap()).collect::<Vec<_>>()
    };
    let names: Vec<i64> = read(&session, &scan).await[0].iter().flat_map(name).collect();
    assert_eq!(names, (0..100).step_by(2).chain(150..200).collect::<Vec<_>>());
}

#[test]
fn batches_that_came_out_long_are_cut() {
    let texts: ArrayRef =
        Arc::new((0..100).map(|id| Some(format!("{id:0>1000}"))).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
    let heights = |most_bytes| {
        let pieces = super::pieces(&batch, most_bytes);
        pieces.iter().map(RecordBatch::num_rows).collect::<Vec<_>>()
    };
    assert_eq!(heights(1 << 20), [100]);
    assert_eq!(heights(35_000), [50, 50]);
    assert_eq!(heights(10), [1; 100]);
    assert!(super::pieces(&batch.slice(0, 0), 10).is_empty());
}
