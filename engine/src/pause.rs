//! [`Pause`]: a run waits before it makes something durable, so that whoever can stop it is heard first.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

/// What a run waits for before each commit; nothing by default.
///
/// A signal such as Ctrl-C ends the processes that a function waits for at once, but is heard by the caller a little
/// later: what the function made of their end must not be kept. A caller that stops the run drops it while it waits.
#[derive(Clone, Default)]
pub struct Pause(Option<Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>>);

impl Pause {
    /// Waits for the future that `wait` makes.
    pub fn new(wait: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(wait)))
    }

    pub(crate) async fn wait(&self) {
        if let Some(wait) = &self.0 {
            wait().await;
        }
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pause").field(&self.0.is_some()).finish()
    }
}
