//! [`Patience`]: how long to try again what others were in the way of.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long all attempts together may take.
const LONGEST: Duration = Duration::from_secs(60);

/// The first pause at most, and the longest one.
const PAUSES: [Duration; 2] = [Duration::from_millis(8), Duration::from_millis(512)];

/// Pauses that grow and differ by chance, so that writers who met once do not meet again.
#[derive(Debug)]
pub(crate) struct Patience {
    started: Instant,
    most: Duration,
}

impl Patience {
    /// All of it.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), most: PAUSES[0] }
    }

    /// Waits; false once it is used up.
    pub(crate) async fn pause(&mut self) -> bool {
        if self.started.elapsed() > LONGEST {
            return false;
        }
        let [.., chance] = Uuid::new_v4().into_bytes();
        sleep(self.most * u32::from(chance) / 256).await;
        self.most = PAUSES[1].min(self.most * 2);
        true
    }
}
