//! `attest`: proof over a period, from all packs that bear on it.
//!
//! In: packs and a period. Out: an [`Attestation`]: for every table that lived in the period, when its newest good
//! recovery point was within the RPO in force, when it was not, and when nobody can tell. AWS forgets jobs after 30 days,
//! recovery points with their retention, deleted tables at once; packs do not. Nothing here talks to AWS, and the order
//! in which packs are given does not matter.

mod drills;
pub(crate) mod good;
mod judge;
mod lives;
mod notes;
mod order;
mod policies;
pub(crate) mod render;
mod shown;
#[cfg(test)]
mod tests;
mod union;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use good::{AskedSpan, NotCountedPoints};

use crate::criteria::Criteria;
use crate::domain::Demands;
use crate::domain::TargetId;
use crate::exit::Exit;
use crate::facts::rpo_over_time::{DayProof, History};
use crate::facts::{derive, seconds};
use crate::pack::intact::IntactPack;
use crate::problem::{Outcome, Problem};
use crate::sign::Signer;

pub(crate) use drills::DrillLine;
pub(crate) use shown::ShownPolicy;

/// Whole days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first day.
    pub(crate) from: NaiveDate,
    /// The last day.
    pub(crate) to: NaiveDate,
}

impl Period {
    /// When it begins.
    pub(crate) fn start(self) -> DateTime<Utc> {
        self.from.and_time(NaiveTime::MIN).and_utc()
    }

    /// When it has ended.
    pub(crate) fn end(self) -> DateTime<Utc> {
        let next = self.to.checked_add_days(Days::new(1)).unwrap_or(self.to);
        next.and_time(NaiveTime::MIN).and_utc()
    }

    /// How many days it has.
    pub(crate) fn days(self) -> usize {
        usize::try_from((self.to - self.from).num_days() + 1).unwrap_or(0)
    }
}

/// Everything that an attestation may say.
#[derive(Debug, Clone)]
pub(crate) struct Attestation {
    /// What it is about.
    pub(crate) period: Period,
    /// What rests on a promise counts as not observed.
    pub(crate) is_strict: bool,
    /// Version of this program.
    pub(crate) tool_version: String,
    /// SHA-256 over the digests of the packs' manifests, one a line, in the order below; it names the evidence.
    pub(crate) evidence_digest: String,
    /// The ledger that the packs are from; `None`: they were named one by one.
    pub(crate) ledger: Option<LedgerLine>,
    /// The packs, in order of time.
    pub(crate) packs: Vec<PackLine>,
    /// What is odd about them, and what that does to the answer.
    pub(crate) notes: Vec<Problem>,
    /// The policies that they show, whole, in order of time.
    pub(crate) policies: Vec<ShownPolicy>,
    /// What changed in the policy from one pack to the next.
    pub(crate) changes: Vec<PolicyChange>,
    /// Accounts and Regions that any pack had in scope.
    pub(crate) targets: Vec<TargetLine>,
    /// Every table that lived in the period, by ARN, then creation.
    pub(crate) tables: Vec<TableProof>,
    /// Tables that recovery points or jobs of the period speak of, and that no pack lists.
    pub(crate) unlisted: Vec<UnlistedTable>,
    /// Restore drills of the period that the scans were given, by table, then time. No verdict rests on them.
    pub(crate) drills: Vec<DrillLine>,
    /// Tables that AWS restore testing made: left out.
    pub(crate) restore_test_count: usize,
    /// A pack could not tell which Regions there are.
    pub(crate) regions_unknown: bool,
    /// Sums over the rows above.
    pub(crate) totals: ProofTotals,
}

/// The ledger that packs are from. Its chain holds, with its signatures, its times and, in S3, its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerLine {
    /// Where it is, as it was named.
    pub(crate) address: String,
    /// Packs that it holds.
    pub(crate) packs: usize,
    /// SHA-256 of the last manifest: it names the whole chain.
    pub(crate) last_sha256: String,
    /// SHA-256 of a manifest that had to be in it, and is; none was named: that its end was cut off would not show.
    pub(crate) expected_head: Option<String>,
    /// It lies in a bucket, whose clock and versions were intact against it.
    pub(crate) is_remote: bool,
    /// What could not be looked at.
    pub(crate) notes: Vec<String>,
    /// Packs of other accounts than the pack before them, one sentence each.
    pub(crate) of_others: Vec<String>,
    /// Packs that would bear on the period, and whose accounts are pseudonyms: they count for nothing.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A pack of the ledger that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its place.
    pub(crate) sequence: u64,
    /// Its moment.
    pub(crate) as_of: DateTime<Utc>,
}

/// One pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackLine {
    /// Digest that names the scan.
    pub(crate) scan_id: String,
    /// SHA-256 of its manifest.
    pub(crate) manifest_sha256: String,
    /// Its place in the ledger it comes from.
    pub(crate) sequence: Option<u64>,
    /// Its moment.
    pub(crate) as_of: DateTime<Utc>,
    /// Whose signatures hold, and whether anybody trusts their keys.
    pub(crate) signed_by: Vec<Signer>,
    /// Who scanned.
    pub(crate) caller_arn: String,
    /// Version of the program that scanned.
    pub(crate) tool_version: String,
    /// Account × Region pairs in its scope.
    pub(crate) targets: u64,
    /// Those with gaps, or not read.
    pub(crate) targets_with_gaps: u64,
    /// Tables that it lists.
    pub(crate) tables: u64,
}

/// What changed in the policy between two packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyChange {
    /// The pack that shows it as it was.
    pub(crate) after: DateTime<Utc>,
    /// The pack that shows it as it became.
    pub(crate) by: DateTime<Utc>,
    /// A value of the policy, or a tier.
    pub(crate) what: String,
    /// As it was; `none` if it was not there.
    pub(crate) before: String,
    /// As it became.
    pub(crate) now: String,
}

/// One account in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetLine {
    /// Account and Region.
    pub(crate) target: TargetId,
    /// Packs that had it in scope.
    pub(crate) packs: usize,
    /// Packs that list all of its tables.
    pub(crate) listed: usize,
    /// Seconds of the period that no list of its tables reaches.
    pub(crate) unlisted_seconds: u64,
    /// Seconds of the period in which every recovery point that was made is known.
    pub(crate) observed_seconds: u64,
    /// Tables that lived here in the period.
    pub(crate) tables: usize,
}

/// A table that no pack lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnlistedTable {
    /// Its ARN.
    pub(crate) table_arn: String,
    /// Where it lived.
    pub(crate) target: TargetId,
    /// The first moment of the period at which something was made of it.
    pub(crate) first: DateTime<Utc>,
    /// The last one.
    pub(crate) last: DateTime<Utc>,
}

/// What the evidence says of one table over the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proof {
    /// At some moment its newest good recovery point was older than the RPO, or there was none.
    Exposed,
    /// Not exposed as far as the evidence goes, and it does not go all the way.
    NotObserved,
    /// As proven, if points that no pack lists at some moment stayed as long as their plan promised.
    Promised,
    /// At every moment of its life in the period at which the policy asked for it, a good point was within the RPO.
    Proven,
    /// The policy asked for no backup as long as it lived in the period.
    Exempt,
}

impl Proof {
    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Exposed => "exposed",
            Self::NotObserved => "not-observed",
            Self::Promised => "covered-by-promise",
            Self::Proven => "proven",
            Self::Exempt => "exempt",
        }
    }

    /// The same for people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::NotObserved => "not observed in part",
            Self::Promised => "covered by promise in part",
            other => other.as_str(),
        }
    }
}

/// One table over the period.
#[derive(Debug, Clone)]
pub(crate) struct TableProof {
    /// Its ARN; a table that was made anew under the same name has it too.
    pub(crate) table_arn: String,
    /// Its name.
    pub(crate) table_name: String,
    /// Where it lives.
    pub(crate) target: TargetId,
    /// What tells it from others of that name; `None`: no pack describes it.
    pub(crate) table_id: Option<String>,
    /// When it was created; `None`: no pack describes it.
    pub(crate) born: Option<u32>,
    /// The last moment at which it surely existed.
    pub(crate) alive_until: u32,
    /// It was gone by then; `None`: nothing says that it is.
    pub(crate) gone_by: Option<u32>,
    /// Tiers of the policy that took it.
    pub(crate) tiers: Vec<String>,
    /// What was asked of it, as far as that touches its life in the period.
    pub(crate) asked: Vec<AskedSpan>,
    /// The verdict.
    pub(crate) proof: Proof,
    /// Every exposure lies within the term of a waiver.
    pub(crate) is_waived: bool,
    /// Each moment of its life in the period.
    pub(crate) history: History,
    /// Exposures, with the ids of waivers that were in force from the first moment to the last.
    pub(crate) exposures: Vec<Exposure>,
    /// The longest time without a new recovery point that reaches into the period.
    pub(crate) longest_gap: Option<Gap>,
    /// One state for each day.
    pub(crate) days: Vec<DayProof>,
    /// Recovery points that were made in the period.
    pub(crate) points: usize,
    /// Those of them that never counted for certain, by why.
    pub(crate) not_counted: NotCountedPoints,
    /// Recovery points of the period that may be of this table, or of another of its name that no pack lists.
    pub(crate) undecided_points: usize,
    /// Jobs of the period that made no recovery point, and runs that never started, in order.
    pub(crate) failed_runs: Vec<FailedRun>,
    /// Waivers that say that they were in force at some moment of its life in the period.
    pub(crate) waivers: Vec<WaiverTerm>,
}

/// A time without a new recovery point, by the dates of their data. What was made in it and is not known can only shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// It began no earlier: the point before it was made, or the table, or the period begins.
    pub(crate) from: u32,
    /// It ended no later: the point after it was made, or the life that is known of the table ends.
    pub(crate) to: u32,
    /// So many seconds without a point are certain.
    pub(crate) at_least: u32,
    /// No time without a point was longer, in seconds; `None`: it began before the period, nobody knows when.
    pub(crate) at_most: Option<u32>,
    /// It began before the period.
    pub(crate) began_before: bool,
}

impl Gap {
    /// Its length is known to the second.
    pub(crate) fn is_certain(&self) -> bool {
        self.at_most == Some(self.at_least)
    }
}

/// A time in which the newest good recovery point was older than the RPO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exposure {
    /// Its first moment.
    pub(crate) from: u32,
    /// Its end.
    pub(crate) to: u32,
    /// Waivers that accept it.
    pub(crate) waivers: Vec<String>,
}

/// A job that made no recovery point, or a run that never started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FailedRun {
    /// When the job was created, or the run was due.
    pub(crate) at: u32,
    /// `FAILED`, `ABORTED`, `EXPIRED` or `PARTIAL`, as AWS says it, or `MISSED`.
    pub(crate) state: String,
    /// As AWS wrote it; empty if it wrote nothing.
    pub(crate) cause: String,
    /// When the next recovery point was made; `None`: none is known.
    pub(crate) next_success: Option<u32>,
}

/// A waiver, for as long as it was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaiverTerm {
    /// Its ticket, or its place in the file.
    pub(crate) id: String,
    /// The rule that it waives.
    pub(crate) rule: String,
    /// Why.
    pub(crate) reason: String,
    /// Who asked for it.
    pub(crate) requester: String,
    /// Who approved it.
    pub(crate) approver: String,
    /// Approved, by its own words.
    pub(crate) approved: u32,
    /// From here on it counts: approved, and not missing from any later pack before the first that shows it.
    pub(crate) from: u32,
    /// Expired, or last seen by a pack before it was gone; `from` if it never counts.
    pub(crate) to: u32,
    /// What it excuses of good recovery points.
    pub(crate) excuses: Demands,
}

/// Sums. Each equals a count over the rows of the attestation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProofTotals {
    /// Tables by verdict, in the order of [`Proof`].
    pub(crate) tables: [usize; 5],
    /// Exposed tables whose exposures all lie within waivers.
    pub(crate) waived: usize,
    /// Exposures.
    pub(crate) exposures: usize,
    /// Seconds of tables' lives in each state, those of young tables and exempt ones left out.
    pub(crate) covered_seconds: u64,
    /// The same, covered by promise.
    pub(crate) promised_seconds: u64,
    /// The same, exposed.
    pub(crate) exposed_seconds: u64,
    /// The same, not observed.
    pub(crate) not_observed_seconds: u64,
}

impl ProofTotals {
    /// Counts the rows.
    pub(crate) fn of(tables: &[TableProof]) -> Self {
        let mut totals = Self::default();
        for table in tables {
            totals.tables[table.proof as usize] += 1;
            totals.waived += usize::from(table.is_waived);
            totals.exposures += table.exposures.len();
            totals.covered_seconds += table.history.covered.seconds();
            totals.promised_seconds += table.history.promised.seconds();
            totals.exposed_seconds += table.history.exposed.seconds();
            totals.not_observed_seconds += table.history.not_observed.seconds();
        }
        totals
    }

    /// Seconds for which a backup was asked for and the table was not young.
    pub(crate) fn asked_seconds(&self) -> u64 {
        self.covered_seconds + self.promised_seconds + self.exposed_seconds + self.not_observed_seconds
    }

    /// Tables with that verdict.
    pub(crate) fn tables_of(&self, proof: Proof) -> usize {
        self.tables[proof as usize]
    }
}

/// Part of a whole, in percent; `None` of nothing. Only the whole is 100: a second missing in a year shows.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of many tables' lives are below 2^52")]
    let exact = |part: u64, whole: u64| part as f64 * 100.0 / whole as f64;
    match whole {
        0 => None,
        _ if part == whole => Some(100.0),
        _ => Some((exact(part, whole) * 1000.0).floor() / 1000.0).map(|percent| percent.min(99.999)),
    }
}

impl TableProof {
    /// Percent of the time for which the evidence has an answer that a point was within the RPO. What rests on a promise is
    /// no such time.
    pub(crate) fn covered_of_observed(&self) -> Option<f64> {
        let covered = self.history.covered.seconds();
        percent(covered, covered + self.history.exposed.seconds())
    }

    /// The same, of all the time for which a backup was asked for.
    pub(crate) fn covered_of_all(&self) -> Option<f64> {
        let history = &self.history;
        let covered = history.covered.seconds();
        percent(
            covered,
            covered + history.promised.seconds() + history.exposed.seconds() + history.not_observed.seconds(),
        )
    }
}

impl Attestation {
    /// Exposures that no waiver accepts end the program with 10; what was not observed, of a table or of the list of
    /// tables, with 11.
    pub(crate) fn exit(&self) -> Exit {
        let is_open = |table: &TableProof| table.proof == Proof::Exposed && !table.is_waived;
        if self.tables.iter().any(is_open) {
            return Exit::NonCompliant;
        }
        let has_blanks = self.tables.iter().any(|table| !table.history.not_observed.is_empty());
        let is_unlisted = self.unlisted_targets().next().is_some();
        if has_blanks || is_unlisted || self.regions_unknown || !self.unlisted.is_empty() {
            Exit::EvidenceMissing
        } else {
            Exit::Compliant
        }
    }

    /// Accounts and Regions that some pack had in scope, and whose tables are not known all over the period: others may have
    /// lived there.
    pub(crate) fn unlisted_targets(&self) -> impl Iterator<Item = &TargetLine> {
        self.targets.iter().filter(|target| target.unlisted_seconds > 0)
    }

    /// The longest time of the period between two packs, or between a pack and the period's ends, in seconds.
    pub(crate) fn longest_between_packs(&self) -> u32 {
        let (from, to) = (seconds(self.period.start()), seconds(self.period.end()));
        let mut last = from;
        let mut longest = 0;
        let moments = self.packs.iter().map(|pack| seconds(pack.as_of).clamp(from, to));
        for at in moments.chain([to]) {
            longest = longest.max(at - last);
            last = at;
        }
        longest
    }
}

/// Proves what can be proved of a period, from packs that hold by themselves.
///
/// `is_strict`: what rests on a promise is not observed.
///
/// Errors: no pack, packs that cannot be put together, a damaged frame, and a period in which no table lived.
pub(crate) fn attest(packs: &[IntactPack], period: Period, is_strict: bool) -> Outcome<Attestation> {
    let packs = order::in_order(packs)?;
    let (from, to) = (seconds(period.start()), seconds(period.end()));
    let mut builder = lives::LivesBuilder::default();
    for pack in &packs {
        builder.add(&pack.inventory)?;
    }
    let lives = builder.finish();
    let judged_by = |intact: &&IntactPack| -> Outcome<(Criteria, bool)> {
        Ok((intact.pack.criteria()?, intact.pack.asks_for_usable_points()))
    };
    let all: Vec<(Criteria, bool)> = packs.iter().map(judged_by).collect::<Result<_, _>>()?;
    let mut policies = policies::Policies::new(&lives, &all);
    let follows_copies = all.iter().any(|(criteria, _)| criteria.policy.accepts_copies());
    let mut union = union::Union::new(&lives, (from, to), follows_copies);
    let derive_at = |place: usize| derive(&packs[place].inventory, all[place].0.policy.window_days);
    let mut drills = drills::Drills::default();
    let mut next = Some(derive_at(0));
    for (place, (intact, (criteria, _))) in packs.iter().zip(&all).enumerate() {
        let Some(facts) = next.take().transpose()? else { break };
        // The next pack is read while this one is put together with those before it.
        next = std::thread::scope(|scope| -> Result<_, Problem> {
            let ahead = (place + 1 < packs.len()).then(|| scope.spawn(|| derive_at(place + 1)));
            union.add(&intact.inventory, &facts)?;
            drills.add(facts.drills());
            policies.add(&lives, &facts, criteria)?;
            Ok(ahead.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
        })?;
    }
    let mut attestation = judge::judge(&packs, (period, is_strict), &lives, policies, union);
    attestation.policies = shown::shown(&packs, &all);
    attestation.drills = drills.of(period);
    if attestation.tables.is_empty() && attestation.unlisted.is_empty() {
        return Err(Problem::new("no table lived in this period")
            .at(format!("{} to {}", period.from, period.to))
            .why(format!(
                "none of {} lists one",
                crate::problem::count(packs.len(), "pack")
            ))
            .so("there is nothing to prove; no attestation was written")
            .hint("check `--from`, `--to` and the packs")
            .into());
    }
    Ok(attestation)
}
