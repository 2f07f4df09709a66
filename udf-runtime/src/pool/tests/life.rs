//! When workers start, stay and end.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tempfile::TempDir;

use super::fake::{Fake, What, session, worker_command};
use super::{batch, one_worker, run, until};
use crate::{Executor, PoolOptions, WorkerPool};

fn is_alive(pid: i64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

async fn pid_in(path: &Path) -> i64 {
    until("a worker that computes", || path.exists()).await;
    fs::read_to_string(path).expect("a file").parse().expect("a process id")
}

async fn pid_of(executor: &dyn Executor) -> i64 {
    let fake = Fake { what: What::Pid, ..Fake::default() };
    run(executor, fake, &[&[1]]).await.without_error().values[0]
}

#[tokio::test]
async fn a_worker_and_its_functions_stay_warm() {
    let executor = one_worker();
    let first = pid_of(executor.as_ref()).await;
    let starts = || Fake { what: What::Starts, ..Fake::default() };
    for _ in 0..2 {
        let seen = run(executor.as_ref(), starts(), &[&[1], &[2]]).await;
        assert_eq!(seen.without_error().values, [2, 2], "one start for each function");
    }
    assert_eq!(pid_of(executor.as_ref()).await, first);
    assert!(is_alive(first));
}

#[tokio::test]
async fn a_function_that_failed_is_set_up_again() {
    let executor = one_worker();
    let fake = || Fake { at: Some(2), what: What::Raise, ..Fake::default() };
    assert_eq!(run(executor.as_ref(), fake(), &[&[2]]).await.failure().0, Some(0));
    assert_eq!(run(executor.as_ref(), fake(), &[&[1]]).await.without_error().values, [2]);
}

#[tokio::test]
async fn idle_workers_are_ended_in_good_order() {
    let folder = TempDir::new().expect("a folder");
    let epitaph = folder.path().join("epitaph");
    let pool = WorkerPool::with_idle(worker_command("serve"), Duration::from_millis(20));
    let executor = pool.executor(PoolOptions::default());
    let fake = Fake { what: What::Pid, epitaph: Some(epitaph.clone()), ..Fake::default() };
    let pid = run(executor.as_ref(), fake, &[&[1]]).await.without_error().values[0];
    until("the end of the worker", || !is_alive(pid)).await;
    assert!(epitaph.exists(), "its function was not torn down");
    assert_ne!(pid_of(executor.as_ref()).await, pid, "the next one is another");
}

#[tokio::test]
async fn the_end_of_a_pool_ends_its_workers() {
    let executor = one_worker();
    let pid = pid_of(executor.as_ref()).await;
    drop(executor);
    until("the end of the worker", || !is_alive(pid)).await;
}

#[tokio::test]
async fn a_worker_keeps_a_few_functions() {
    let folder = TempDir::new().expect("a folder");
    let executor = one_worker();
    let epitaph = |number: usize| folder.path().join(format!("{number}"));
    for number in 0..9 {
        let fake = Fake { epitaph: Some(epitaph(number)), ..Fake::default() };
        run(executor.as_ref(), fake, &[&[1]]).await.without_error();
    }
    assert!(epitaph(0).exists(), "the first one was not torn down");
    assert!(!epitaph(1).exists(), "the second one was torn down");
}

#[tokio::test]
async fn dropping_the_stream_kills_its_worker() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("pid");
    let fake = Fake { what: What::HangAs(path.clone()), ..Fake::default() };
    let executor = one_worker();
    let mut answers = executor.run(Arc::new(fake), stream::iter([Ok(batch(&[1]))]).boxed());
    let pid = tokio::select! {
        pid = pid_in(&path) => pid,
        answer = answers.next() => panic!("{answer:?}"),
    };
    assert!(is_alive(pid));
    drop(answers);
    until("the end of the worker", || !is_alive(pid)).await;
}

#[tokio::test]
async fn the_death_of_a_session_ends_its_workers() {
    let folder = TempDir::new().expect("a folder");
    let session = session("is killed", folder.path());
    let pid = pid_in(&folder.path().join("pid")).await;
    drop(session);
    until("the end of the worker", || !is_alive(pid)).await;
}

#[tokio::test]
async fn the_end_of_a_session_tears_functions_down() {
    let folder = TempDir::new().expect("a folder");
    let _session = session("ends", folder.path());
    until("the end of the session", || folder.path().join("ended").exists()).await;
    assert!(folder.path().join("epitaph").exists(), "its function was not torn down");
    assert!(!folder.path().join("pid").exists(), "a worker was started at the very end");
}

#[tokio::test]
async fn workers_know_what_the_pool_was_told_last() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("told");
    let pool = WorkerPool::new(worker_command("serve"));
    let executor = pool.executor(PoolOptions::default());
    let tell = |text: &str| pool.configure(serde_json::to_vec(&(&path, text)).expect("JSON"));
    pid_of(executor.as_ref()).await;
    assert!(!path.exists(), "nobody told anything");
    for text in ["first", "second"] {
        tell(text);
        let pid = pid_of(executor.as_ref()).await;
        assert_eq!(fs::read_to_string(&path).expect("a file"), format!("{pid} {text}"));
        fs::remove_file(&path).expect("a file");
        assert_eq!(pid_of(executor.as_ref()).await, pid);
        assert!(!path.exists(), "it was told twice");
    }
}
