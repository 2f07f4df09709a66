//! [`Trial`]: whether the function opens its files, learnt from its first rows.

use std::sync::Arc;

use tokio::sync::watch;

use crate::progress::Progress;

/// What is known so far.
#[derive(Clone, Copy, Debug)]
struct State {
    /// Whether files are fetched; `None` while that is tried.
    verdict: Option<bool>,
    /// How many rows are to be tried.
    rows: usize,
    /// Those of them that could say nothing, for their files did not come.
    mute: usize,
    /// Those whose files came and were not opened.
    unused: usize,
}

/// What was seen of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The function asked for one of their files.
    Used,
    /// It asked for none.
    Unused,
    /// Nothing came that it could have asked for.
    Nothing,
    /// Nothing more can come.
    NoRoom,
}

/// Whether files are to be fetched for more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// For all.
    Granted,
    /// For so many, to see whether they are opened.
    Trial(usize),
    Refused,
}

/// Whether files are fetched.
pub(super) struct Trial {
    state: watch::Sender<State>,
    progress: Arc<Progress>,
}

impl Trial {
    /// They are.
    pub(super) fn decided(progress: &Arc<Progress>) -> Self {
        Self::new(Some(true), 0, progress)
    }

    /// That is to be learnt from so many rows.
    pub(super) fn of(rows: usize, progress: &Arc<Progress>) -> Self {
        Self::new(None, rows, progress)
    }

    fn new(verdict: Option<bool>, rows: usize, progress: &Arc<Progress>) -> Self {
        let state = watch::Sender::new(State { verdict, rows, mute: 0, unused: 0 });
        Self { state, progress: Arc::clone(progress) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().verdict.is_none()
    }

    /// Whether files are fetched, when so many rows are tried already. Waits for what these tell.
    pub(super) async fn leave(&self, tried: usize) -> Leave {
        let mut states = self.state.subscribe();
        loop {
            let State { verdict, rows, mute, .. } = *states.borrow_and_update();
            match verdict {
                Some(true) => return Leave::Granted,
                Some(false) => return Leave::Refused,
                None if rows + mute > tried => return Leave::Trial(rows + mute - tried),
                None if states.changed().await.is_err() => return Leave::Refused,
                None => {}
            }
        }
    }

    /// Learns from rows that are answered.
    pub(super) fn judge(&self, rows: usize, seen: Seen) {
        if seen == Seen::NoRoom {
            self.end_for_want_of_room();
        } else if self.is_open() {
            self.state.send_modify(|state| match seen {
                Seen::Used => state.verdict = Some(true),
                Seen::Unused => {
                    state.unused += rows;
                    if state.unused >= state.rows {
                        state.verdict = state.verdict.or(Some(false));
                    }
                }
                Seen::Nothing | Seen::NoRoom => state.mute += rows,
            });
        }
    }

    fn end_for_want_of_room(&self) {
        let ended = self.state.send_if_modified(|state| {
            let before = state.verdict.replace(false);
            before != Some(false)
        });
        if ended {
            let remark = "the disk of the cache is full: files are read where they are";
            self.progress.tell(remark.to_owned());
        }
    }
}
