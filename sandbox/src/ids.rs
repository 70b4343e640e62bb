//! Ids and numbers that look random and are the same in every run of a world.

use std::fmt;

/// Source of ids that look random and are the same in every run.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    seed: u64,
    count: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// What all its ids follow from.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        mix(mix(self.seed) ^ self.count)
    }

    /// The bits of a uuid of version 4.
    pub(crate) fn fresh(&mut self) -> u128 {
        let (high, low) = (self.next(), self.next());
        as_v4(u128::from(high) << 64 | u128::from(low))
    }

    /// A uuid of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        Uuid(self.fresh()).to_string()
    }

    /// `n` hexadecimal digits.
    pub(crate) fn hex(&mut self, n: usize) -> String {
        let mut out = String::with_capacity(n + 16);
        while out.len() < n {
            out.push_str(&format!("{:016x}", self.next()));
        }
        out.truncate(n);
        out
    }
}

/// A uuid in its usual form.
#[derive(Clone, Copy)]
pub(crate) struct Uuid(pub(crate) u128);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            id >> 96,
            id >> 80 & 0xffff,
            id >> 64 & 0xffff,
            id >> 48 & 0xffff,
            id & 0xffff_ffff_ffff
        )
    }
}

impl Uuid {
    /// Reads the usual form, in either letter case.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut id = 0;
        for (at, byte) in text.bytes().enumerate() {
            let hyphen = matches!(at, 8 | 13 | 18 | 23);
            match char::from(byte).to_digit(16) {
                Some(digit) if !hyphen => id = id << 4 | u128::from(digit),
                None if hyphen && byte == b'-' => {}
                _ => return None,
            }
        }
        Some(Self(id))
    }
}

/// The uuid of version 4 that belongs to some parts, always the same: for what exists without being created.
pub(crate) fn named_uuid(seed: u64, parts: &[&str]) -> String {
    let (mut high, mut low) = (mix(seed), mix(!seed));
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        high = mix(high ^ u64::from(byte));
        low = mix(low ^ high);
    }
    Uuid(as_v4(u128::from(high) << 64 | u128::from(low))).to_string()
}

/// The ids of many things that are made at once: one fresh id, varied by number.
pub(crate) fn variation(base: u128, number: u64) -> u128 {
    let low = mix(base as u64 ^ number);
    let high = mix((base >> 64) as u64 ^ low);
    as_v4(u128::from(high) << 64 | u128::from(low))
}

/// Bits as a uuid of version 4.
fn as_v4(bits: u128) -> u128 {
    bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
}

/// A number that looks random and is always the same for the same texts: for start offsets.
pub(crate) fn scatter(parts: &[&str]) -> u64 {
    parts.iter().fold(0, |hash, part| {
        let bytes = part.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        mix(bytes.fold(mix(hash ^ part.len() as u64), |hash, word| mix(hash ^ word)))
    })
}

/// The mixing step of splitmix64: neighbouring numbers end far apart.
pub(crate) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_for_the_same_seed_and_only_for_it() {
        let (mut a, mut b, mut c) = (Ids::new(1), Ids::new(1), Ids::new(2));
        let first = a.uuid();
        assert_eq!(first, b.uuid());
        assert_ne!(first, c.uuid());
        assert_ne!(first, a.uuid());
        assert_eq!(first.len(), 36);
        assert_eq!(first.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&first.as_bytes()[19]));
        assert_eq!(a.hex(5).len(), 5);
        assert_eq!(a.hex(40).len(), 40);
        assert_eq!(named_uuid(1, &["a", "b"]), named_uuid(1, &["a", "b"]));
        assert_ne!(named_uuid(1, &["a", "b"]), named_uuid(1, &["ab"]));
    }

    #[test]
    fn uuids_read_what_they_show() {
        let id = Uuid(0x52bee289_0000_4123_8567_47dcaa2e7acd);
        assert_eq!(id.to_string(), "52bee289-0000-4123-8567-47dcaa2e7acd");
        assert_eq!(Uuid::read(&id.to_string()).map(|u| u.0), Some(id.0));
        assert_eq!(
            Uuid::read("52BEE289-0000-4123-8567-47DCAA2E7ACD").map(|u| u.0),
            Some(id.0)
        );
        for broken in [
            "",
            "52bee289",
            "52bee289-0000-4123-8567-47dcaa2e7ac",
            "52bee289-0000-4123-8567-47dcaa2e7acg",
            "+2bee289-0000-4123-8567-47dcaa2e7acd",
        ] {
            assert!(Uuid::read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn scattering_is_stable_and_spread() {
        assert_eq!(scatter(&["a", "b"]), scatter(&["a", "b"]));
        assert_ne!(scatter(&["a", "b"]), scatter(&["ab", ""]));
        let hours: std::collections::BTreeSet<u64> =
            (0..200).map(|n| scatter(&["point", &n.to_string()]) % 8).collect();
        assert_eq!(hours.len(), 8);
    }
}
