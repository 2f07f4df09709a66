//! Who lets go.

use std::cell::Cell;
use std::process;
use std::rc::Rc;

use super::OwnedByProcess;

fn lets_go(made_by: u32) -> bool {
    let gone = Rc::new(Cell::new(false));
    let mut owned = OwnedByProcess::new(Rc::clone(&gone), |gone| gone.set(true));
    owned.process = made_by;
    drop(owned);
    gone.get()
}

#[test]
fn only_its_process_lets_go() {
    assert!(lets_go(process::id()));
    assert!(!lets_go(process::id() + 1));
}
