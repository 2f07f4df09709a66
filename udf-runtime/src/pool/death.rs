//! [`Death`]: why a worker did not answer, as users read it.

use std::time::Duration;

use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;

use crate::FunctionFailure;
use crate::failure::with_words;

/// So much of a row's arguments is shown.
const SHOWN: usize = 200;

/// Why a worker did not answer.
#[derive(Clone, Debug)]
pub(super) enum Death {
    /// The process ended by itself: it "exited with code 3".
    Ended(String),
    /// A row took longer than this, and the worker was killed.
    Slow(Duration),
    /// The worker used too much memory, and was killed.
    Large { used: u64, limit: u64 },
}

impl Death {
    /// The failure of `row` of `arguments`, a batch of `function`.
    pub(super) fn of_row(
        &self,
        function: &str,
        arguments: &RecordBatch,
        row: usize,
    ) -> FunctionFailure {
        let mut failure = self.failure(function);
        failure.row = Some(row);
        failure.arguments = Some(arguments_text(arguments, row));
        failure
    }

    /// The failure of a worker that died "while it set `function` up".
    pub(super) fn while_it(&self, verb: &str, function: &str, how: &str) -> FunctionFailure {
        let mut failure = self.failure(function);
        let words = format!(" while it {verb} `{function}` {how}");
        failure.message = with_words(&failure.message, &words);
        failure
    }

    fn failure(&self, function: &str) -> FunctionFailure {
        match self {
            Self::Ended(how) => {
                FunctionFailure::new("WorkerDied", format!("the worker process {how}"))
            }
            Self::Slow(limit) => FunctionFailure::new(
                "TimeoutError",
                format!("row took longer than {} s", limit.as_secs_f64()),
            ),
            Self::Large { used, limit } => FunctionFailure::new(
                "MemoryError",
                format!(
                    "`{function}` used {} in its worker, more than {}",
                    size(*used),
                    size(*limit)
                ),
            ),
        }
    }
}

fn arguments_text(arguments: &RecordBatch, row: usize) -> String {
    let values =
        arguments.columns().iter().filter_map(|column| array_value_to_string(column, row).ok());
    let text = values.collect::<Vec<_>>().join(", ");
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let text = format!("{:.1}", bytes as f64 / (1_u64 << shift) as f64);
            format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
        }
        None => format!("{bytes} bytes"),
    }
}
