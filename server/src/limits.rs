//! [`Limits`]: what one statement and all clients together may take. [`Stop`]: who ends a statement before its end.

use std::future::pending;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::query::Batches;
use crate::{Error, Result};

/// What statements may take; memory has the session's own ceiling.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a statement may run. Clients may choose another time for themselves.
    pub statement_timeout: Option<Duration>,
    /// How many rows a statement may have.
    pub max_rows: Option<u64>,
    /// How many clients there may be, and how many statements of Flight SQL may run.
    pub max_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { statement_timeout: None, max_rows: None, max_connections: 100 }
    }
}

impl Limits {
    /// The rows, which end with an error where there are too many.
    pub(crate) fn within(&self, batches: Batches) -> Batches {
        let Some(most) = self.max_rows else {
            return batches;
        };
        let mut seen = 0;
        batches
            .map(move |batch| {
                let batch = batch?;
                seen += batch.num_rows() as u64;
                if seen > most {
                    let what = format!(
                        "the result has more than {most} rows, which is the limit of this server; hint: LIMIT {most}"
                    );
                    return Err(Error::refused("54000", what));
                }
                Ok(batch)
            })
            .boxed()
    }
}

/// How far a server is on its way to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes clients and statements.
    Open,
    /// It takes no more; what runs may end.
    Ending,
    /// What runs is stopped.
    Ended,
}

/// What can stop a running statement: its client, the end of the server, and time.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// Grows when the client asks for it.
    pub(crate) asked: watch::Sender<u64>,
    /// What the server does.
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Stop {
    pub(crate) fn new(phase: watch::Receiver<Phase>) -> Self {
        Self { asked: watch::Sender::new(0), phase }
    }

    /// Stops what runs now.
    pub(crate) fn ask(&self) {
        self.asked.send_modify(|asked| *asked += 1);
    }

    /// Ends when the statement that begins now has to, and says why.
    pub(crate) async fn fired(&self, timeout: Option<Duration>) -> Error {
        let (mut asked, mut phase) = (self.asked.subscribe(), self.phase.clone());
        let ended = async { drop(phase.wait_for(|phase| *phase == Phase::Ended).await) };
        let late = async {
            match timeout {
                Some(timeout) => sleep(timeout).await,
                None => pending().await,
            }
        };
        tokio::select! {
            Ok(()) = asked.changed() => {
                Error::refused("57014", "canceling statement due to user request")
            }
            () = ended => Error::refused("57P01", "the server stops"),
            () = late => Error::refused("57014", "canceling statement due to statement timeout"),
        }
    }

    /// Ends when no further statement is taken.
    pub(crate) async fn ending(&self) {
        let mut phase = self.phase.clone();
        // Without a sender the server is gone.
        drop(phase.wait_for(|phase| *phase != Phase::Open).await);
    }
}

/// A time as PostgreSQL writes it, `30s`, `5min`, or in milliseconds; none for 0.
pub(crate) fn parse_timeout(text: &str) -> Result<Option<Duration>> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = text[digits.len()..].trim();
    let milliseconds = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    match digits.parse::<u64>() {
        Ok(0) => Ok(None),
        Ok(number) if milliseconds > 0 => {
            Ok(Some(Duration::from_millis(number.saturating_mul(milliseconds))))
        }
        _ => Err(Error::refused(
            "22023",
            format!("`{text}` is no time: write `30s`, `5min`, `500ms`, or 0 for none"),
        )),
    }
}
