//! The in-process executor passes every behaviour of the conformance suite.

use crate::InProcess;

macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if let Err(what) = crate::conformance::$name(&InProcess).await {
                panic!("{what}");
            }
        })*
    };
}

behaviours!(
    keeps_the_order,
    parts_keep_the_order,
    sets_up_once,
    an_empty_input_starts_nothing,
    a_failure_names_the_row,
    lost_rows_are_an_error,
    an_input_error_comes_through,
    dropping_stops_the_calls,
);
