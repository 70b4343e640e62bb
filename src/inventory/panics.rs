//! Panics of foreign code on damaged input, turned into words.
//!
//! The Parquet decoder asserts what a sound file guarantees. A damaged file is a problem of the file, to be named like any
//! other, and no bug of this program.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pieces of work under way whose panics are caught.
static CAUGHT: AtomicUsize = AtomicUsize::new(0);

/// Runs `work`; if it panics, gives what the panic said. Whatever `work` touched must not be used afterwards.
///
/// Errors: the words of the panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.fetch_sub(1, Ordering::Relaxed);
    result.map_err(|panic| words(&*panic))
}

/// Keeps panics that [`caught`] will turn into a problem from being printed as well. For `main`.
pub fn print_only_uncaught() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CAUGHT.load(Ordering::Relaxed) == 0 {
            print(info);
        }
    }));
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the decoder gave up".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_panic_come_back() {
        assert_eq!(caught(|| 1), Ok(1));
        let wrong: Result<(), String> = caught(|| panic!("page {} has no end", 7));
        assert_eq!(wrong, Err("page 7 has no end".to_owned()));
    }
}
