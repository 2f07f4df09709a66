//! [`Presence`]: who is at work below a location. Writers share it, a collector of garbage has it alone.

mod flock;
mod lease;
mod table;

use std::fmt::Debug;
use std::io;

use async_trait::async_trait;

use super::Location;

pub(super) use flock::Flock;
pub(super) use lease::Lease;
pub(super) use table::Table;

/// Somebody's presence, until it is dropped or its process ends in whatever way.
pub(crate) type Entered = Box<dyn Debug + Send + Sync>;

/// How presence is told.
#[async_trait]
pub(crate) trait Presence: Debug + Send + Sync {
    /// Shares a location with others; waits while somebody has it alone.
    async fn share(&self, folder: &Location) -> io::Result<Entered>;

    /// Has a location alone; `None` while somebody is there, an error if there is nothing.
    async fn try_alone(&self, folder: &Location) -> io::Result<Option<Entered>>;
}
