//! A ceiling on the memory of a process that reads evidence of others.
//!
//! A few hundred kilobytes of Parquet can stand for gigabytes, and what their footer says of it need not be true. So commands
//! that look into somebody's evidence run in a process of their own whose memory has a ceiling, which grows with the evidence
//! that is opened. Where it is passed, that process ends, and the one above says so. Only Linux has such a ceiling.

#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};

/// What any evidence may take.
#[cfg(target_os = "linux")]
const BASE: u64 = 384 << 20;

/// What each processor may take besides, for the threads that work on it.
#[cfg(target_os = "linux")]
const FOR_EACH_PROCESSOR: u64 = 8 << 20;

/// What each byte of evidence may take.
#[cfg(target_os = "linux")]
const FOR_EACH_BYTE: u64 = 64;

#[cfg(target_os = "linux")]
static STANDS: AtomicBool = AtomicBool::new(false);

/// The ceiling, in words.
pub fn in_words() -> String {
    #[cfg(target_os = "linux")]
    return format!(
        "{} MiB, {} MiB for each processor, and {FOR_EACH_BYTE} bytes for each of the evidence",
        BASE >> 20,
        FOR_EACH_PROCESSOR >> 20
    );
    #[cfg(not(target_os = "linux"))]
    return "no limit here".to_owned();
}

/// Puts the ceiling up. For the process that does the work, and for good.
pub fn put_up() {
    #[cfg(target_os = "linux")]
    {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        STANDS.store(set(BASE + FOR_EACH_PROCESSOR * processors), Ordering::Relaxed);
        // Nobody is left to tell what became of it.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    }
}

/// Makes room for evidence of so many bytes on disk.
pub(crate) fn widen(bytes: u64) {
    #[cfg(target_os = "linux")]
    if STANDS.load(Ordering::Relaxed)
        && let Some(now) = rustix::process::getrlimit(rustix::process::Resource::Data).current
    {
        set(now.saturating_add(bytes.saturating_mul(FOR_EACH_BYTE)));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = bytes;
}

/// Sets the ceiling, as far as the system lets it.
#[cfg(target_os = "linux")]
fn set(bytes: u64) -> bool {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Data);
    limit.current = Some(limit.maximum.map_or(bytes, |most| most.min(bytes)));
    setrlimit(Resource::Data, limit).is_ok()
}
