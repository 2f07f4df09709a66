//! Several workers in a stage, and several stages on the same workers.

use std::collections::HashSet;
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::fake::{Fake, What, worker_command};
use super::{batch, collect, executor, next_stage, run};
use crate::{BatchStream, PoolOptions, WorkerPool};

fn numbers(batches: i64) -> BatchStream {
    stream::iter((0..batches).map(|value| Ok(batch(&[value])))).boxed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_uneven_speed_keep_the_order() {
    let executor = executor(PoolOptions { workers: 4, ..PoolOptions::default() });
    for depth in [1, 3] {
        let fake = Fake { what: What::Work, depth, ..Fake::default() };
        let seen = collect(executor.run(Arc::new(fake), numbers(100))).await.without_error();
        assert_eq!(seen.values, (1..101).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_workers_compute() {
    let executor = executor(PoolOptions { workers: 3, ..PoolOptions::default() });
    let fake = Fake { what: What::Pid, depth: 1, ..Fake::default() };
    let pids = async || collect(executor.run(Arc::new(fake.clone()), numbers(300))).await.values;
    let mut seen = HashSet::new();
    while seen.len() < 3 {
        seen.extend(pids().await);
    }
    assert_eq!(seen.len(), 3, "no more than three");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stages_that_feed_each_other_share_the_workers() {
    for workers in [1, 3] {
        let pool = WorkerPool::new(worker_command("serve"));
        let options = PoolOptions { workers, ..PoolOptions::default() };
        let mut input = numbers(200);
        for at in [-1, -2, -3, -4] {
            let fake = Fake { at: Some(at), ..Fake::default() };
            let executor = pool.executor(options);
            input = next_stage(executor.run(Arc::new(fake), input));
        }
        let last = Fake { at: Some(-5), ..Fake::default() };
        let seen = collect(pool.executor(options).run(Arc::new(last), input)).await;
        assert_eq!(seen.without_error().values, (5..205).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_does_not_wait_for_the_end_of_another() {
    let pool = WorkerPool::new(worker_command("serve"));
    let greedy = pool.executor(PoolOptions { workers: 4, ..PoolOptions::default() });
    let endless = stream::repeat_with(|| Ok(batch(&[6]))).boxed();
    let work = Fake { what: What::Work, ..Fake::default() };
    let mut busy = greedy.run(Arc::new(work), endless);
    busy.next().await.expect("an answer").expect("a value");
    let drain = async {
        while let Some(answer) = busy.next().await {
            answer.expect("a value");
        }
    };
    let other = pool.executor(PoolOptions::default());
    let seen = tokio::select! {
        seen = run(other.as_ref(), Fake::default(), &[&[1], &[2]]) => seen,
        () = drain => panic!("the endless stage ended"),
    };
    assert_eq!(seen.without_error().values, [2, 3]);
}
