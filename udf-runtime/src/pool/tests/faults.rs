//! What users' functions do to their workers, and what users hear of it.

use std::path::PathBuf;
use std::time::Duration;

use super::fake::{Fake, What, worker_command};
use super::{executor, one_worker, run};
use crate::{DeadRows, Error, PoolOptions, WorkerCommand, WorkerPool};

const BATCHES: &[&[i64]] = &[&[1, 2], &[3, 4, 5, 6], &[7]];

/// Does `what` at the value 5, which is row 4.
fn at_five(what: What) -> Fake {
    Fake { at: Some(5), what, ..Fake::default() }
}

/// Options that record dead rows.
fn recording() -> PoolOptions {
    PoolOptions { dead_rows: DeadRows::Skip, ..PoolOptions::default() }
}

#[track_caller]
fn is(seen: &super::Seen, kind: &str, message: &str) {
    assert_eq!(seen.values, [2, 3], "the batch before it is answered");
    assert_eq!(seen.failure(), (Some(4), kind, message));
}

#[tokio::test]
async fn an_exit_names_the_row() {
    let seen = run(one_worker().as_ref(), at_five(What::Exit(3)), BATCHES).await;
    is(&seen, "WorkerDied", "the worker process exited with code 3");
}

#[tokio::test]
async fn a_signal_names_the_row() {
    let seen = run(one_worker().as_ref(), at_five(What::Signal("SEGV".to_owned())), BATCHES).await;
    is(&seen, "WorkerDied", "the worker process was killed by signal 11 (SIGSEGV)");
}

#[tokio::test]
async fn a_kill_hints_at_memory() {
    let seen = run(one_worker().as_ref(), at_five(What::Signal("KILL".to_owned())), BATCHES).await;
    let message = "the worker process was killed by signal 9 (SIGKILL)\n\
        hint: the system kills processes when its memory runs out";
    is(&seen, "WorkerDied", message);
}

#[tokio::test]
async fn a_failure_shows_the_arguments_of_the_dead_row() {
    let seen = run(one_worker().as_ref(), at_five(What::Exit(3)), BATCHES).await;
    let Some(Error::Function { failure, .. }) = seen.error else { panic!("{:?}", seen.error) };
    assert_eq!(failure.arguments.as_deref(), Some("5"));
}

#[tokio::test]
async fn the_row_is_found_in_a_large_batch() {
    let values: Vec<i64> = (0..1000).collect();
    for is_silent in [false, true] {
        let fake = Fake { at: Some(700), what: What::Exit(1), is_silent, ..Fake::default() };
        let seen = run(one_worker().as_ref(), fake, &[&values]).await;
        assert_eq!(seen.failure().0, Some(700), "silent: {is_silent}");
    }
}

#[tokio::test]
async fn the_row_is_found_among_batches_that_are_computed_together() {
    let fake = Fake { depth: 3, ..at_five(What::Exit(3)) };
    let seen = run(one_worker().as_ref(), fake, BATCHES).await;
    is(&seen, "WorkerDied", "the worker process exited with code 3");
}

#[tokio::test]
async fn half_a_message_is_a_death() {
    let seen = run(one_worker().as_ref(), at_five(What::HalfFrame), BATCHES).await;
    is(&seen, "WorkerDied", "the worker process exited with code 4");
}

#[tokio::test]
async fn garbage_on_the_socket_is_a_death() {
    let seen = run(one_worker().as_ref(), at_five(What::Garbage), BATCHES).await;
    let (row, kind, message) = seen.failure();
    assert_eq!((row, kind), (Some(4), "WorkerDied"));
    assert!(message.contains("sent something that is no message"), "{message}");
}

#[tokio::test]
async fn printing_disturbs_nothing() {
    let seen = run(one_worker().as_ref(), at_five(What::Print), BATCHES).await.without_error();
    assert_eq!(seen.values, [2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn an_exception_crosses_the_process() {
    let seen = run(one_worker().as_ref(), at_five(What::Raise), BATCHES).await;
    is(&seen, "ValueError", "told to fail");
    let Some(Error::Function { failure, .. }) = seen.error else { panic!("{:?}", seen.error) };
    assert_eq!(failure.traceback.as_deref(), Some("line 1"));
    assert_eq!(failure.copied.as_deref(), Some(&[1, 2, 255][..]));
}

#[tokio::test]
async fn a_row_that_takes_too_long_fails() {
    let row_timeout = Some(Duration::from_millis(50));
    let executor = executor(PoolOptions { row_timeout, ..PoolOptions::default() });
    let seen = run(executor.as_ref(), at_five(What::Hang), BATCHES).await;
    is(&seen, "TimeoutError", "row took longer than 0.05 s");
}

#[tokio::test]
async fn a_row_that_uses_too_much_memory_fails() {
    let memory_bytes = Some(200 << 20);
    let executor = executor(PoolOptions { memory_bytes, ..PoolOptions::default() });
    let seen = run(executor.as_ref(), at_five(What::Hoard(300 << 20)), BATCHES).await;
    let (row, kind, message) = seen.failure();
    assert_eq!((row, kind), (Some(4), "MemoryError"));
    assert!(message.starts_with("`fake` used "), "{message}");
    assert!(message.ends_with(" MiB in its worker, more than 200 MiB"), "{message}");
}

#[tokio::test]
async fn a_worker_that_leaks_slowly_is_replaced() {
    let memory_bytes = Some(150 << 20);
    let executor = executor(PoolOptions { memory_bytes, ..PoolOptions::default() });
    let values: Vec<i64> = (0..40).collect();
    let batches: Vec<&[i64]> = values.chunks(1).collect();
    let fake = Fake { what: What::Leak(20 << 20), ..Fake::default() };
    let seen = run(executor.as_ref(), fake, &batches).await.without_error();
    assert_eq!(seen.values, (1..41).collect::<Vec<_>>());
}

#[tokio::test]
async fn dead_rows_are_recorded_where_that_is_allowed() {
    let row_timeout = Some(Duration::from_millis(50));
    let options = PoolOptions { row_timeout, ..recording() };
    for (what, kind, attempts) in
        [(What::Exit(3), "WorkerDied", 2), (What::Hang, "TimeoutError", 1)]
    {
        let fake = Fake { any: true, ..at_five(what) };
        let seen = run(executor(options).as_ref(), fake, BATCHES).await.without_error();
        assert_eq!(seen.values, [2, 3, 4, 5, 7, 8], "{kind}");
        let [(tried, failure)] = &seen.recorded[..] else { panic!("{:?}", seen.recorded) };
        assert_eq!((failure.row, failure.kind.as_str(), *tried), (Some(2), kind, attempts));
    }
}

#[tokio::test]
async fn a_batch_may_lose_all_its_rows() {
    let fake = Fake { any: true, what: What::Exit(1), ..Fake::default() };
    let seen = run(executor(recording()).as_ref(), fake, &[&[1, 2]]).await.without_error();
    assert_eq!(seen.values, [0; 0]);
    let rows: Vec<_> = seen.recorded.iter().map(|(_, failure)| failure.row).collect();
    assert_eq!(rows, [Some(0), Some(1)]);
}

#[tokio::test]
async fn a_map_has_no_dead_rows_to_record() {
    let seen = run(executor(recording()).as_ref(), at_five(What::Exit(3)), BATCHES).await;
    is(&seen, "WorkerDied", "the worker process exited with code 3");
}

async fn start_error(command: WorkerCommand) -> String {
    let executor = WorkerPool::new(command).executor(PoolOptions::default());
    let seen = run(executor.as_ref(), Fake::default(), BATCHES).await;
    seen.error.expect("an error").to_string()
}

#[tokio::test]
async fn a_worker_that_does_not_start_says_why() {
    let missing = WorkerCommand { program: PathBuf::from("/no/such"), ..worker_command("serve") };
    assert_eq!(
        start_error(missing).await,
        "the worker process could not start: `/no/such` could not be run: \
         No such file or directory (os error 2)"
    );
    assert_eq!(
        start_error(worker_command("exit")).await,
        "the worker process could not start: `/bin/sh` exited with code 3"
    );
    assert_eq!(
        start_error(worker_command("other version")).await,
        "the worker process could not start: `/bin/sh` speaks version 99 of the protocol, \
         this session speaks version 3"
    );
}
