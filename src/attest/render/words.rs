//! Words that every format of an attestation shares.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::attest::good::{Asked, NotCounted};
use crate::attest::{Attestation, DrillLine, Exposure, FailedRun, LedgerLine, PackLine, Proof, TableProof, WaiverTerm};
use crate::criteria::values::{FOREVER_DAYS, KeyOwner, LockWanted, PointValues};
use crate::domain::{Demand, rfc3339};
use crate::duration;
use crate::exit::Exit;
use crate::facts::rpo_over_time::DayProof;
use crate::problem::{Problem, count};
use crate::sign::Signer;

/// One letter for each day.
pub(crate) fn day_letters(table: &TableProof) -> String {
    table.days.iter().map(|day| day.letter()).collect()
}

/// An instant, given in seconds since 1970.
pub(crate) fn instant(at: u32) -> String {
    rfc3339(crate::attest::judge::instant(at))
}

/// A length of time for people, by its two largest units: `26 h 10 min`, `3 d 4 h`, `40 s`.
pub(crate) fn length(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600, seconds / 60);
    let two = |number: u64, unit: &str, rest: u64, of: &str| match rest {
        0 => format!("{number} {unit}"),
        _ => format!("{number} {unit} {rest} {of}"),
    };
    match seconds {
        172_800.. => two(days, "d", hours % 24, "h"),
        3600.. => two(hours, "h", minutes % 60, "min"),
        60.. => two(minutes, "min", seconds % 60, "s"),
        _ => format!("{seconds} s"),
    }
}

/// How old the newest good point might be: `24h`, `6h or 24h`, `24h or none`, `none`, `not known`.
pub(crate) fn asked(any_of: &[Asked]) -> String {
    let limits = any_of.iter().filter_map(|asked| match asked {
        Asked::Good { limit, .. } => Some(*limit),
        _ => None,
    });
    let limits: BTreeSet<u32> = limits.collect();
    let rpo = |seconds: &u32| duration::human(TimeDelta::seconds(i64::from(*seconds)));
    let none = any_of.contains(&Asked::Nothing).then(|| "none".to_owned());
    let all: Vec<String> = limits.iter().map(rpo).chain(none).collect();
    match (any_of.contains(&Asked::Open), all.is_empty()) {
        (true, _) | (_, true) => "not known".to_owned(),
        _ => all.join(" or "),
    }
}

/// What else was asked of it: `kept 35 d, encrypted`; of several that may have been asked, each. Empty: nothing was.
pub(crate) fn asked_of_points(any_of: &[Asked]) -> String {
    let of = |asked: &Asked| match asked {
        Asked::Good { points, or_copy, .. } => Some(of_points(points, or_copy.is_some())),
        _ => None,
    };
    let all: BTreeSet<String> = any_of.iter().filter_map(of).collect();
    all.into_iter().collect::<Vec<_>>().join("; or ")
}

fn of_points(wanted: &PointValues, or_copy: bool) -> String {
    let asks = |demand: Demand| !wanted.excused.contains(demand);
    let kept = match wanted.retention_min_days {
        ..=0 => None,
        FOREVER_DAYS.. => Some("kept for ever".to_owned()),
        days => Some(format!("kept {days} d")),
    };
    let key = match wanted.key_owner {
        KeyOwner::Any => "encrypted".to_owned(),
        owner => format!("key {}", owner.as_str()),
    };
    let lock = match wanted.vault_lock {
        LockWanted::None => None,
        lock => Some(format!("vault locked ({})", lock.as_str())),
    };
    let parts = [
        Some("usable".to_owned()),
        kept.filter(|_| asks(Demand::Kept)),
        asks(Demand::KeyOwner).then_some(key),
        asks(Demand::KeyWorks).then(|| "key works".to_owned()),
        lock.filter(|_| asks(Demand::Locked)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let copy = if or_copy { ", or a copy elsewhere" } else { "" };
    format!("{}{copy}", parts.join(", "))
}

/// Recovery points of the period that did not count for certain, and why: `35 recovery points kept 7 d`. Empty: all counted.
pub(crate) fn not_counted(table: &TableProof) -> Vec<String> {
    let text = |(why, points): (&NotCounted, &usize)| format!("{}: {}", count(*points, "recovery point"), why.words());
    table.not_counted.iter().map(text).collect()
}

/// Failed jobs and missed runs of a table that ended alike.
pub(crate) struct Alike<'t> {
    /// How they ended.
    pub(crate) state: &'t str,
    /// As AWS wrote it; empty if it wrote nothing.
    pub(crate) cause: &'t str,
    /// All of them, in order of time; never empty.
    pub(crate) runs: Vec<&'t FailedRun>,
}

impl Alike<'_> {
    /// `12 FAILED: the role is gone`.
    pub(crate) fn words(&self) -> String {
        let number = self.runs.len();
        let ended = match self.state {
            "MISSED" if number == 1 => "1 run never started".to_owned(),
            "MISSED" => format!("{number} runs never started"),
            state => format!("{} {state}", count(number, "job")),
        };
        match self.cause {
            "" => ended,
            cause => format!("{ended}: {cause}"),
        }
    }
}

/// Runs by how they ended, in the order of the first of each.
pub(crate) fn alike<'t>(runs: impl Iterator<Item = &'t FailedRun>) -> Vec<Alike<'t>> {
    let mut all: Vec<Alike<'t>> = Vec::new();
    for run in runs {
        match all
            .iter_mut()
            .find(|one| one.state == run.state && one.cause == run.cause)
        {
            Some(one) => one.runs.push(run),
            None => all.push(Alike {
                state: &run.state,
                cause: &run.cause,
                runs: vec![run],
            }),
        }
    }
    all
}

/// The failed jobs and missed runs beside an exposure: those after the last moment at which a point could have prevented it, and
/// before its end, with no point made between them and its beginning.
pub(crate) fn beside<'t>(table: &'t TableProof, exposure: &Exposure) -> Vec<Alike<'t>> {
    let limits = table
        .asked
        .iter()
        .filter(|span| span.from <= exposure.from && exposure.from < span.to);
    let limits = limits.flat_map(|span| &span.any_of).filter_map(|asked| match asked {
        Asked::Good { limit, .. } => Some(*limit),
        _ => None,
    });
    let begin = exposure.from.saturating_sub(limits.max().unwrap_or(0));
    let (from, to) = (exposure.from, exposure.to);
    let is_beside = |run: &&FailedRun| {
        let is_made_up_for = run.next_success.is_some_and(|at| at <= from);
        (begin..to).contains(&run.at) && !is_made_up_for
    };
    alike(table.failed_runs.iter().filter(is_beside))
}

/// When runs were: one instant, or the first and the last.
pub(crate) fn when(runs: &[&FailedRun]) -> String {
    match runs {
        [] => String::new(),
        [one] => instant(one.at),
        [first, .., last] => format!("{} to {}", instant(first.at), instant(last.at)),
    }
}

/// Why a table was exposed, as far as jobs tell.
pub(crate) fn cause(table: &TableProof, exposure: &Exposure) -> String {
    let all = beside(table, exposure);
    match &all[..] {
        [] => "no failed job or missed run is known".to_owned(),
        all => all.iter().map(Alike::words).collect::<Vec<_>>().join("; "),
    }
}

/// A percentage with one decimal, `n/a` where there is nothing to divide. Only the whole is 100 %.
pub(crate) fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(
        || "n/a".to_owned(),
        |percent| format!("{:.1} %", (percent * 10.0).floor() / 10.0),
    )
}

/// `deleted between … and …`, where it was; and what cannot be told to be of it.
pub(crate) fn life(table: &TableProof) -> String {
    let life = born_and_deleted(table);
    match table.undecided_points {
        0 => life,
        number => format!(
            "{life}; of {} of its name nobody can tell whether {} of this table or of another",
            count(number, "recovery point"),
            if number == 1 { "it is" } else { "they are" },
        ),
    }
}

fn born_and_deleted(table: &TableProof) -> String {
    let born = table.born.map_or_else(
        || "created at an unknown time".to_owned(),
        |at| format!("created {}", instant(at)),
    );
    match table.gone_by {
        None => born,
        Some(by) if by <= table.alive_until => format!("{born}, deleted {}", instant(by)),
        Some(by) => format!(
            "{born}, deleted between {} and {}",
            instant(table.alive_until),
            instant(by)
        ),
    }
}

/// Who signed a pack, one text for each signature that holds.
pub(crate) fn signers(pack: &PackLine) -> Vec<String> {
    let said = |signer: &Signer| match &signer.trusted_as {
        Some(_) => signer.to_string(),
        None => format!("{} (not checked against keys that anybody trusts)", signer.key()),
    };
    pack.signed_by.iter().map(said).collect()
}

/// The place of a pack in a ledger; empty: it is in none.
pub(crate) fn place(pack: &PackLine, attestation: &Attestation) -> String {
    match (pack.sequence, &attestation.ledger) {
        (None, _) => String::new(),
        (Some(number), Some(_)) => format!("number {number} of the ledger"),
        (Some(number), None) => format!("number {number} of a ledger that was not looked at, by its own words"),
    }
}

/// What is to be told of a waiver that counts from later on than it says.
pub(crate) fn back_dated(term: &WaiverTerm) -> Option<String> {
    let says = format!("it says that it was approved on {}", instant(term.approved));
    if term.from >= term.to {
        return Some(format!(
            "{says}, and no pack shows it in force during its term: it counts for no time"
        ));
    }
    (term.approved < term.from).then(|| {
        format!(
            "{says}, and the pack of {} does not show it in force: it counts from there",
            instant(term.from)
        )
    })
}

/// The outcome in a few words.
pub(crate) fn headline(attestation: &Attestation) -> &'static str {
    match attestation.exit() {
        Exit::NonCompliant => "Exposed",
        Exit::EvidenceMissing => "Not proven throughout",
        _ => match (attestation.totals.waived > 0, attestation.totals.promised_seconds > 0) {
            (true, true) => "Proven, but for waived exposures, and in part by promise",
            (true, false) => "Proven, but for waived exposures",
            (false, true) => "Proven, in part by promise only",
            (false, false) => "Proven",
        },
    }
}

/// The outcome in a sentence.
pub(crate) fn summary(attestation: &Attestation) -> String {
    let totals = &attestation.totals;
    let of = |proof| totals.tables_of(proof);
    let mut parts = vec![format!(
        "{} of {} proven",
        of(Proof::Proven),
        count(attestation.tables.len(), "table")
    )];
    let exposed = of(Proof::Exposed);
    if exposed > 0 {
        let waived = match totals.waived {
            0 => String::new(),
            all if all == exposed => ", within waivers only".to_owned(),
            some => format!(", {some} of them within waivers only"),
        };
        parts.push(format!(
            "{exposed} exposed{waived} ({})",
            count(totals.exposures, "exposure")
        ));
    }
    if of(Proof::NotObserved) > 0 {
        parts.push(format!("{} not observed in part", of(Proof::NotObserved)));
    }
    if of(Proof::Promised) > 0 {
        parts.push(format!("{} covered by promise in part", of(Proof::Promised)));
    }
    if of(Proof::Exempt) > 0 {
        parts.push(format!("{} exempt", of(Proof::Exempt)));
    }
    if !attestation.unlisted.is_empty() {
        parts.push(format!("{} that no pack lists", attestation.unlisted.len()));
    }
    let targets = attestation.unlisted_targets().count();
    if targets > 0 {
        parts.push(format!(
            "{} whose tables are not known all the time",
            count(targets, "account-Region pair")
        ));
    }
    format!("{}.", parts.join("; "))
}

/// How much rests on a promise, in a sentence; `None`: nothing does.
pub(crate) fn by_promise(attestation: &Attestation) -> Option<String> {
    let tables = attestation.tables.iter();
    let promised: Vec<&TableProof> = tables.filter(|table| !table.history.promised.is_empty()).collect();
    let is_promised = |day: &&DayProof| **day == DayProof::Promised;
    let days: usize = promised
        .iter()
        .map(|table| table.days.iter().filter(is_promised).count())
        .sum();
    (!promised.is_empty()).then(|| {
        format!(
            "Covered by promise only: {} of {}, {} of tables. No pack lists the recovery points that cover them then; that \
             they stayed as long as their plan promised is believed.",
            length(attestation.totals.promised_seconds),
            count(promised.len(), "table"),
            count(days, "day"),
        )
    })
}

/// What the attestation rests on, one sentence each.
pub(crate) fn rests_on(attestation: &Attestation) -> Vec<String> {
    let packs = &attestation.packs;
    let made = match (packs.first(), packs.last()) {
        (Some(first), Some(last)) if packs.len() > 1 => {
            format!("made from {} to {}", rfc3339(first.as_of), rfc3339(last.as_of))
        }
        (Some(only), _) => format!("made at {}", rfc3339(only.as_of)),
        _ => String::new(),
    };
    vec![
        format!(
            "{}, {made}. Every file of theirs has the digest that the manifest of its pack names, every manifest says of the \
             evidence what the evidence says, and every signature holds that a manifest announces; the manifests are named \
             below by their own digests. Findings and reports in the packs were not made anew: `verify` does that.",
            count(packs.len(), "evidence pack")
        ),
        match &attestation.ledger {
            Some(ledger) => of_ledger(ledger),
            None => "The packs were named one by one. Whether there are others, nothing here shows.".to_owned(),
        },
        "A good recovery point counts from its completion, with the age of its data, whose date AWS calls its creation, until it is \
         older than the RPO or gone. It was there until the last pack that lists it."
            .to_owned(),
        if attestation.is_strict {
            "What rests on a promise counts as not observed (`--strict`): that a point stayed until the end of its retention, \
             which no pack contradicts, proves nothing."
        } else {
            "That a point stayed until the end of its retention, where the last pack before and the first pack after allow it, \
             is a promise: times that rest on it are covered by promise, and not counted as covered."
        }
        .to_owned(),
        "An exposure is named only for times of which every recovery point is known: every vault and every job of the \
         account and Region was read. AWS remembers jobs for 30 days, so each pack answers for the 29 days before it. \
         Everything else is not observed, which is neither good nor bad."
            .to_owned(),
        "What a good recovery point is, and how old it may be, is that of the policy in the packs: usable, kept long enough, \
         encrypted under a wanted key that works, in a vault locked as wanted. Where two packs that list a point differ on \
         that, between them nothing is said. The key of a native point that no pack names is taken for that of the points \
         before and after it, if these agree: that covers by promise only. Between two packs with different policies only what holds under both \
         is said, of every table in their scope; before the first pack and after the last, its policy is taken to have been \
         in force. Which tier takes a table is not known before the first pack that lists it, but for what its name and place \
         say."
            .to_owned(),
        "A table younger than its RPO can lose no more than the RPO allows: such times count neither as covered nor as \
         exposed. Tables made anew under an old name are tables of their own."
            .to_owned(),
    ]
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).collect()
}

/// What is odd about the packs, and what that does to the answer, one sentence each.
pub(crate) fn notes(attestation: &Attestation) -> Vec<String> {
    let note = |note: &Problem| format!("{} ({}): {}.", sentence(&note.what), note.location, note.so);
    attestation.notes.iter().map(note).collect()
}

/// What a chain that holds shows, and what it does not.
fn of_ledger(ledger: &LedgerLine) -> String {
    let mut text = format!(
        "They are all the packs of the ledger {} that bear on the period. Its chain of {} holds: each manifest names the one \
         before it, so that none before the last was removed, changed or put in later; none goes back in time or was \
         appended more than a day after its moment, by {}; every signature holds that a manifest announces. The last \
         manifest has SHA-256 {}.",
        ledger.address,
        count(ledger.packs, "pack"),
        if ledger.is_remote {
            "its own times and by those of S3"
        } else {
            "its own times"
        },
        ledger.last_sha256
    );
    text.push_str(&match &ledger.expected_head {
        Some(head) => format!(" The manifest {head}, which was expected, is in it: nothing up to there was cut off."),
        None => " No head was expected (`--expect-head`): that packs were cut off at its end, or that all of it was written \
                 anew, cannot be seen from inside."
            .to_owned(),
    });
    for note in &ledger.notes {
        text.push_str(&format!(" Not looked at: {note}."));
    }
    if !ledger.of_others.is_empty() {
        text.push_str(&format!(
            " {}: packs of another organisation may have been put in.",
            sentence(&ledger.of_others.join("; "))
        ));
    }
    let left_out: Vec<String> = ledger
        .left_out
        .iter()
        .map(|pack| format!("number {} of {}", pack.sequence, rfc3339(pack.as_of)))
        .collect();
    if !left_out.is_empty() {
        text.push_str(&format!(
            " Left out, for their accounts are pseudonyms, so that they show nothing here: {}.",
            left_out.join(", ")
        ));
    }
    text
}

/// What the attestation does not prove, one sentence each.
pub(crate) fn does_not_prove(attestation: &Attestation) -> Vec<String> {
    vec![
        match attestation.drills.len() {
            0 => "That a restore works, or that the data inside a recovery point are right.".to_owned(),
            number => format!(
                "That a restore works, or that the data inside a recovery point are right: {} of the period, told under \
                 \u{201c}Restore drills\u{201d}, tested one recovery point each, and no verdict here rests on them.",
                crate::problem::count(number, "drill")
            ),
        },
        "Anything about copies elsewhere: where the policy accepts a copy, times without a good point at home are not \
         observed. How long a point was kept, whose key it is under, whether that works and how its vault was locked is taken \
         from the packs that list it, from its creation to the last of them."
            .to_owned(),
        format!(
            "That no table was created and deleted between two packs without leaving a recovery point behind. The longest \
             time of the period without a pack is {}.",
            length(u64::from(attestation.longest_between_packs()))
        ),
        "That a recovery point that no pack lists any more was not deleted by hand before its retention was over: what rests \
         on it is covered by promise."
            .to_owned(),
        "Anything about accounts and Regions that no pack had in scope.".to_owned(),
    ]
    .into_iter()
    .chain(who_made(attestation))
    .collect()
}

/// What one drill showed, in what time, and whether a scan counted it.
pub(crate) fn drill(line: &DrillLine) -> String {
    let took = line
        .restore_seconds
        .map_or_else(String::new, |seconds| format!(", restored in {}", length(seconds)));
    let standing = match (&line.why_not, &line.signer) {
        (Some(why), _) => format!("no scan counted it: {why}"),
        (None, Some(signer)) => format!("signed by {signer}"),
        (None, None) => "counted".to_owned(),
    };
    format!("{}{took}; {standing}", line.verdict.replace('-', " "))
}

/// What signatures leave open.
fn who_made(attestation: &Attestation) -> Option<String> {
    let is_trusted = |pack: &&PackLine| pack.signed_by.iter().any(|signer| signer.trusted_as.is_some());
    let unsigned = attestation
        .packs
        .iter()
        .filter(|pack| pack.signed_by.is_empty())
        .count();
    match attestation.packs.iter().filter(is_trusted).count() {
        trusted if trusted == attestation.packs.len() => None,
        _ if unsigned == 0 => Some(
            "Who made the packs: their signatures hold, and were not checked against keys that anybody trusts \
             (`--allowed-signers`)."
                .to_owned(),
        ),
        _ => Some(format!(
            "Who made the packs: of {1}, {0} not signed, and no signature was checked against keys that anybody trusts.",
            if unsigned == 1 {
                "1 is".to_owned()
            } else {
                format!("{unsigned} are")
            },
            count(attestation.packs.len(), "pack"),
        )),
    }
}

/// The longest gap: `26 h`, `25 h to 26 h`, `at least 5 d, begun before the period`, `n/a`.
pub(crate) fn gap(table: &TableProof) -> String {
    let Some(gap) = table.longest_gap else {
        return "n/a".to_owned();
    };
    let (least, most) = (
        length(u64::from(gap.at_least)),
        gap.at_most.map(|most| length(u64::from(most))),
    );
    let text = match most {
        None => format!("at least {least}"),
        Some(most) if gap.is_certain() => most,
        Some(most) if gap.at_least == 0 => format!("at most {most}"),
        Some(most) if most == least => format!("about {most}"),
        Some(most) => format!("{least} to {most}"),
    };
    if gap.began_before {
        format!("{text}, begun before the period")
    } else {
        text
    }
}

/// What followed a failed job or a missed run.
pub(crate) fn what_followed(run: &FailedRun) -> String {
    match run.next_success {
        Some(at) => format!("next recovery point {}", instant(at)),
        None => "no later recovery point is known".to_owned(),
    }
}
