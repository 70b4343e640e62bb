//! Ctrl-C while changes are made: the calls under way end, and are noted, before the program does.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::stderr::say;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static ASKED: AtomicBool = AtomicBool::new(false);

/// While it lives, an interruption is for whoever made it to obey.
pub(crate) struct Changes(());

impl Changes {
    /// Changes begin.
    pub(crate) fn begin() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// Is set once somebody wants the program to end.
    pub(crate) fn stop(&self) -> &'static AtomicBool {
        &ASKED
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks whoever makes changes to end. False: nobody makes any, and the program can end at once.
pub fn ask() -> bool {
    let is_under_way = UNDER_WAY.load(Ordering::SeqCst) > 0;
    if is_under_way {
        ASKED.store(true, Ordering::SeqCst);
        say("ending after the calls under way; the same command goes on where this one ends");
    }
    is_under_way
}
