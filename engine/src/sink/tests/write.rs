//! The operator that writes: each partition by itself.

use std::sync::Arc;

use arrow::array::RecordBatch;
use catalog::VersionFilter;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::{ids, session};
use crate::sink::begun::begun;
use crate::sink::destination::Destination;
use crate::sink::fragments::Columns;
use crate::sink::vectors::VectorLengths;
use crate::sink::write::WriteFragmentsExec;
use crate::sink::written::Written;
use crate::{Progress, Session};

fn writer(session: &Session, input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let columns = Columns::new(VectorLengths::none(), &input.schema());
    let destination = Destination {
        folder: "data/local/local/cats.lance".into(),
        title: "cats".to_owned(),
        session: Arc::clone(session.lance()),
        storage: Arc::clone(session.storage()),
        memory: session.memory(),
    };
    Arc::new(WriteFragmentsExec::new(input, columns, Arc::new(destination), None))
}

fn numbers(from: i64, to: i64) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(ids(from, to).0, ids(from, to).1, true)]).unwrap()
}

#[tokio::test]
async fn a_row_for_each_partition_says_which_files_it_became() {
    let session = session().await;
    let batch = numbers(0, 100_000);
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    let progress = Arc::<Progress>::default();
    let ready = chain.prepare(chain.plan().clone(), &progress).await.unwrap();
    let writer = writer(&session, ready.plan);
    assert_eq!(writer.output_partitioning().partition_count(), 2);
    // Whichever is first, and through whichever copy of the operator.
    let children = writer.children().into_iter().cloned().collect();
    let copy = Arc::clone(&writer).with_new_children(children).unwrap();
    for (partition, plan) in [(1, copy), (0, writer)] {
        let rows = plan.execute(partition, Arc::clone(&ready.context)).unwrap();
        let rows: Vec<RecordBatch> = rows.try_collect().await.unwrap();
        assert_eq!(rows.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [1]);
        let written = Written::of_rows(&rows[0]).unwrap().remove(0);
        assert_eq!((written.rows, written.fragments.len()), (50_000, 1));
        assert_eq!(written.preview.len(), 20);
        assert_eq!(written.preview[0]["id"], 50_000 * partition);
        let file = written.fragments[0].files[0].path.as_str();
        let file = "data/local/local/cats.lance/data".to_owned() + "/" + file;
        assert!(session.storage().get(&file.into()).await.unwrap().is_some());
        assert_eq!(Written::of_rows(&written.to_row().unwrap()).unwrap(), [written]);
    }
    let told: Vec<_> = progress.stages().iter().map(|stage| stage.rows()).collect();
    assert_eq!(told, [50_000, 50_000]);
    assert!(session.catalog().versions(VersionFilter::all_at("data")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_partition_without_rows_is_no_file() {
    let session = session().await;
    let empty = numbers(0, 0);
    let rows = stream::iter([Ok(empty.clone()), Ok(empty.clone())]).boxed();
    let writer = writer(&session, begun(&empty.schema(), vec![rows]).unwrap());
    let rows = writer.execute(0, session.state().task_ctx()).unwrap();
    let rows: Vec<RecordBatch> = rows.try_collect().await.unwrap();
    assert_eq!(Written::of_rows(&rows[0]).unwrap(), [Written::default()]);
    assert!(session.storage().list(&"data".into()).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_lets_go_of_it_ends_it() {
    let session = session().await;
    let batch = numbers(0, 10);
    let (schema, alive) = (batch.schema(), Arc::new(()));
    let reader = Arc::clone(&alive);
    let rows = stream::iter([Ok(batch)]).chain(stream::pending()).inspect(move |_| {
        let _alive = &reader;
    });
    let writer = writer(&session, begun(&schema, vec![rows.boxed()]).unwrap());
    let mut rows = writer.execute(0, session.state().task_ctx()).unwrap();
    assert!(rows.next().now_or_never().is_none());
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(rows);
    assert_eq!(Arc::strong_count(&alive), 1);
}
