//! What is odd about the packs of an attestation, and what that does to the answer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Arn, rfc3339};
use crate::pack::intact::IntactPack;
use crate::problem::{Problem, count};

/// In order: what is said of all packs comes first.
pub(super) fn notes(packs: &[&IntactPack]) -> Vec<Problem> {
    let all = [
        older_schema(packs),
        strangers(packs),
        same_number(packs),
        overlapping(packs),
    ];
    all.into_iter().flatten().collect()
}

fn names(packs: &[&IntactPack]) -> String {
    let named: Vec<String> = packs.iter().take(3).map(|intact| moment(intact)).collect();
    match packs.len() {
        0..=3 => named.join("; "),
        all => format!("{}; and {} more", named.join("; "), all - 3),
    }
}

fn moment(intact: &IntactPack) -> String {
    format!("the pack of {}", rfc3339(intact.pack.manifest.as_of))
}

/// Before there were demands a policy asked for usable points.
fn older_schema(packs: &[&IntactPack]) -> Option<Problem> {
    let of_usable = |intact: &&&IntactPack| intact.pack.asks_for_usable_points();
    let older: Vec<&IntactPack> = packs.iter().filter(of_usable).copied().collect();
    (!older.is_empty()).then(|| {
        Problem::new(format!(
            "{} of {} of an earlier schema, whose policy asked for usable recovery points alone",
            older.len(),
            count(packs.len(), "pack") + if older.len() == 1 { " is" } else { " are" },
        ))
        .at(names(&older))
        .why("its rules asked for the age of usable points, and not for good ones")
        .so(
            "where that policy was in force every usable point counts, however long it was kept and whatever its key and vault; \
             where it may have been, only what holds by both is said",
        )
        .hint("scan with this version of the program from now on")
    })
}

/// Packs that neither an account nor a caller joins to the first one.
fn strangers(packs: &[&IntactPack]) -> Option<Problem> {
    let ids = |intact: &IntactPack| -> BTreeSet<String> {
        let manifest = &intact.pack.manifest;
        let accounts = manifest.accounts.iter().map(|account| account.id.clone());
        let caller = Arn::parse(&manifest.caller_arn).map(|arn| arn.account_id.to_owned());
        accounts.chain(caller).collect()
    };
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for mut joined in packs.iter().map(|intact| ids(intact)) {
        let (touching, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| !group.is_disjoint(&joined));
        joined.extend(touching.into_iter().flatten());
        groups = others;
        groups.push(joined);
    }
    (groups.len() > 1).then(|| {
        let of = |group: &BTreeSet<String>| group.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let mut lists: Vec<String> = groups.iter().map(of).collect();
        lists.sort_unstable();
        Problem::new(format!(
            "the packs are of {} groups of accounts that no pack and no caller joins",
            groups.len()
        ))
        .at(lists.join("; "))
        .why("packs of two organisations may have been put together")
        .so("one answer is given for all of them; each policy counts for the accounts and Regions of its own packs alone")
        .hint("attest the packs of each organisation by themselves")
    })
}

/// Packs that say that they have the same place of a ledger.
fn same_number(packs: &[&IntactPack]) -> Option<Problem> {
    let mut numbers: BTreeMap<u64, Vec<&IntactPack>> = BTreeMap::new();
    for intact in packs {
        if let Some(number) = intact.pack.manifest.sequence {
            numbers.entry(number).or_default().push(intact);
        }
    }
    let (number, twice) = numbers.into_iter().find(|(_, packs)| packs.len() > 1)?;
    Some(
        Problem::new(format!(
            "{} say that they are number {number} of a ledger",
            count(twice.len(), "pack")
        ))
        .at(names(&twice))
        .why("a ledger has one pack of each number: they are of two ledgers, or one of them was put in another's place")
        .so("all of them count, for each holds by itself; that none was left out, nothing shows")
        .hint("give the ledger itself with `--ledger`: its chain is checked then"),
    )
}

/// Scans of one account and Region that were going on at the same time.
fn overlapping(packs: &[&IntactPack]) -> Option<Problem> {
    let pairs = packs.windows(2).filter(|pair| {
        let (one, other) = (&pair[0].pack.manifest, &pair[1].pack.manifest);
        let shares = one
            .accounts
            .iter()
            .any(|account| other.accounts.iter().any(|its| its.id == account.id));
        shares && one.as_of < other.as_of && other.as_of < end(pair[0])
    });
    let pairs: Vec<&[&IntactPack]> = pairs.collect();
    let first = pairs.first()?;
    Some(
        Problem::new(format!("{} of scans overlap in time", count(pairs.len(), "pair")))
            .at(format!("{} and {}", moment(first[0]), moment(first[1])))
            .why(format!("the first of them went on until {}", rfc3339(end(first[0]))))
            .so("what the later one does not list counts as gone only if the earlier one had ended before it began")
            .hint("let one scan end before the next one begins"),
    )
}

/// When all of it had been read.
pub(super) fn end(intact: &IntactPack) -> DateTime<Utc> {
    let manifest = &intact.pack.manifest;
    manifest.as_of + (manifest.finished_at - manifest.started_at).max(TimeDelta::zero())
}
