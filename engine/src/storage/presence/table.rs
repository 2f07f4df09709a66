//! [`Table`]: presence below a root that only this process has.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Entered, Presence};
use crate::storage::Location;

/// Who is where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    present: Mutex<HashMap<Location, Holders>>,
    /// Somebody left.
    left: Notify,
}

#[derive(Debug)]
enum Holders {
    Alone,
    Sharing(usize),
}

impl Table {
    fn present(&self) -> MutexGuard<'_, HashMap<Location, Holders>> {
        self.0.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, folder: &Location) -> Entered {
        Box::new(Guard { table: self.clone(), folder: folder.clone() })
    }
}

#[async_trait]
impl Presence for Table {
    async fn share(&self, folder: &Location) -> io::Result<Entered> {
        loop {
            let left = self.0.left.notified();
            match self.present().entry(folder.clone()).or_insert(Holders::Sharing(0)) {
                Holders::Alone => {}
                Holders::Sharing(number) => {
                    *number += 1;
                    return Ok(self.enter(folder));
                }
            }
            left.await;
        }
    }

    async fn try_alone(&self, folder: &Location) -> io::Result<Option<Entered>> {
        let mut present = self.present();
        if present.contains_key(folder) {
            return Ok(None);
        }
        present.insert(folder.clone(), Holders::Alone);
        Ok(Some(self.enter(folder)))
    }
}

/// Somebody who is there.
#[derive(Debug)]
struct Guard {
    table: Table,
    folder: Location,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut present = self.table.present();
        match present.get_mut(&self.folder) {
            Some(Holders::Sharing(number)) if *number > 1 => *number -= 1,
            _ => drop(present.remove(&self.folder)),
        }
        drop(present);
        self.table.0.left.notify_waiters();
    }
}
