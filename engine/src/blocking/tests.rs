//! Threads that make something for others hand over all of it, and hold nobody up.

use std::sync::mpsc::channel;

use futures::{StreamExt, TryStreamExt, future};
use tokio::runtime::{Builder, Runtime};

use super::{blocking, from_thread};
use crate::{Error, Result};

/// With one thread that may wait for files.
fn narrow() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build().unwrap()
}

#[test]
fn what_is_made_comes_in_order_and_then_the_end() {
    let made = from_thread("numbers", 1, |taker| {
        (0..100).all(|number| taker.take(number));
        Ok::<_, Error>(())
    });
    let found: Vec<u32> = narrow().block_on(made.try_collect()).unwrap();
    assert_eq!(found, Vec::from_iter(0..100));
}

#[test]
fn an_error_comes_after_what_was_made_before_it() {
    let made = from_thread("numbers", 1, |taker| {
        taker.take(1);
        Err(Error::internal("broken"))
    });
    let found: Vec<Result<u32>> = narrow().block_on(made.collect());
    assert!(
        matches!(found.as_slice(), [Ok(1), Err(error)] if error.to_string().contains("broken"))
    );
}

#[test]
fn a_thread_that_panics_is_no_end() {
    let made = from_thread("numbers", 1, |taker| {
        taker.take(1);
        if taker.is_there() {
            panic!("on purpose");
        }
        Ok::<_, Error>(())
    });
    let found: Vec<Result<u32>> = narrow().block_on(made.collect());
    assert!(matches!(found.as_slice(), [Ok(1), Err(_)]));
}

#[test]
fn a_thread_ends_when_nobody_wants_more() {
    let (ended, end) = channel();
    let mut made = from_thread("numbers", 1, move |taker| {
        while taker.take(1) {}
        assert!(!taker.is_there());
        ended.send(()).unwrap();
        Ok::<_, Error>(())
    });
    assert_eq!(narrow().block_on(made.next()).unwrap().unwrap(), 1);
    drop(made);
    end.recv().unwrap();
}

/// A merge of many inputs takes rows of each in turn, and reads files beside.
#[test]
fn threads_whose_rows_nobody_takes_leave_others_room_to_read() {
    let found = narrow().block_on(async {
        let made = (0..8_u32).map(|number| {
            from_thread("numbers", 1, move |taker| {
                while taker.take(number) {}
                Ok::<_, Error>(())
            })
        });
        let mut made: Vec<_> = made.collect();
        let first = future::join_all(made.iter_mut().map(StreamExt::next)).await;
        let read = blocking(|| Ok::<_, Error>(8)).await;
        first.into_iter().flatten().chain([read]).collect::<Result<Vec<u32>>>()
    });
    assert_eq!(found.unwrap(), Vec::from_iter(0..=8));
}
