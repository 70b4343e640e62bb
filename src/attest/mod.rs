//! `attest`: proof over a period, from all packs that bear on it.
//!
//! In: packs and a period. Out: an [`Attestation`]: for every table that lived in the period, when its newest usable
//! recovery point was within the RPO in force, when it was not, and when nobody can tell. AWS forgets jobs after 30 days,
//! recovery points with their retention, deleted tables at once; packs do not. Nothing here talks to AWS, and the order
//! in which packs are given does not matter.

mod judge;
mod lives;
mod order;
mod policies;
pub mod render;
#[cfg(test)]
mod tests;
mod union;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use crate::domain::{DayState, TargetId};
use crate::exit::Exit;
use crate::facts::rpo_over_time::{History, RpoDemand, SpanWithoutPoint};
use crate::facts::{derive, seconds};
use crate::pack::intact::IntactPack;
use crate::problem::{Outcome, Problem};
use crate::sign::Signer;

/// Whole days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

impl Period {
    /// When it begins.
    pub fn start(self) -> DateTime<Utc> {
        self.from.and_time(NaiveTime::MIN).and_utc()
    }

    /// When it has ended.
    pub fn end(self) -> DateTime<Utc> {
        let next = self.to.checked_add_days(Days::new(1)).unwrap_or(self.to);
        next.and_time(NaiveTime::MIN).and_utc()
    }

    /// How many days it has.
    pub fn days(self) -> usize {
        usize::try_from((self.to - self.from).num_days() + 1).unwrap_or(0)
    }
}

/// Everything that an attestation may say.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// What it is about.
    pub period: Period,
    /// Version of this program.
    pub tool_version: String,
    /// SHA-256 over the digests of the packs' manifests, one a line, in the order below; it names the evidence.
    pub evidence_digest: String,
    /// The ledger that the packs are from; `None`: they were named one by one.
    pub ledger: Option<LedgerLine>,
    /// The packs, in order of time.
    pub packs: Vec<PackLine>,
    /// What changed in the policy from one pack to the next.
    pub changes: Vec<PolicyChange>,
    /// Accounts and Regions that any pack had in scope.
    pub targets: Vec<TargetLine>,
    /// Every table that lived in the period, by ARN, then creation.
    pub tables: Vec<TableProof>,
    /// Tables that recovery points or jobs of the period speak of, and that no pack lists.
    pub unlisted: Vec<UnlistedTable>,
    /// Tables that AWS restore testing made: left out.
    pub restore_test_count: usize,
    /// A pack could not tell which Regions there are.
    pub regions_unknown: bool,
    /// Sums over the rows above.
    pub totals: ProofTotals,
}

/// The ledger that packs are from. Its chain holds, with its signatures, its times and, in S3, its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// Where it is, as it was named.
    pub address: String,
    /// Packs that it holds.
    pub packs: usize,
    /// SHA-256 of the last manifest: it names the whole chain.
    pub last_sha256: String,
    /// SHA-256 of a manifest that had to be in it, and is; none was named: that its end was cut off would not show.
    pub expected_head: Option<String>,
    /// It lies in a bucket, whose clock and versions were intact against it.
    pub is_remote: bool,
    /// What could not be looked at.
    pub notes: Vec<String>,
    /// Packs that would bear on the period, and whose accounts are pseudonyms: they count for nothing.
    pub left_out: Vec<LeftOut>,
}

/// A pack of the ledger that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place.
    pub sequence: u64,
    /// Its moment.
    pub as_of: DateTime<Utc>,
}

/// One pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackLine {
    /// Digest that names the scan.
    pub scan_id: String,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// Its place in the ledger it comes from.
    pub sequence: Option<u64>,
    /// Its moment.
    pub as_of: DateTime<Utc>,
    /// Whose signatures hold, and whether anybody trusts their keys.
    pub signed_by: Vec<Signer>,
    /// Who scanned.
    pub caller_arn: String,
    /// Version of the program that scanned.
    pub tool_version: String,
    /// Account × Region pairs in its scope.
    pub targets: u64,
    /// Those with gaps, or not read.
    pub targets_with_gaps: u64,
    /// Tables that it lists.
    pub tables: u64,
}

/// What changed in the policy between two packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// The pack that shows it as it was.
    pub after: DateTime<Utc>,
    /// The pack that shows it as it became.
    pub by: DateTime<Utc>,
    /// A value of the policy, or a tier.
    pub what: String,
    /// As it was; `none` if it was not there.
    pub before: String,
    /// As it became.
    pub now: String,
}

/// One account in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetLine {
    /// Account and Region.
    pub target: TargetId,
    /// Packs that had it in scope.
    pub packs: usize,
    /// Packs that list all of its tables.
    pub listed: usize,
    /// Seconds of the period that no list of its tables reaches.
    pub unlisted_seconds: u64,
    /// Seconds of the period in which every recovery point that was made is known.
    pub observed_seconds: u64,
    /// Tables that lived here in the period.
    pub tables: usize,
}

/// A table that no pack lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlistedTable {
    /// Its ARN.
    pub table_arn: String,
    /// Where it lived.
    pub target: TargetId,
    /// The first moment of the period at which something was made of it.
    pub first: DateTime<Utc>,
    /// The last one.
    pub last: DateTime<Utc>,
}

/// What the evidence says of one table over the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// At some moment its newest usable recovery point was older than the RPO, or there was none.
    Exposed,
    /// Not exposed as far as the evidence goes, and it does not go all the way.
    NotObserved,
    /// At every moment of its life in the period at which the policy asked for it, a usable point was within the RPO.
    Proven,
    /// The policy asked for no backup as long as it lived in the period.
    Exempt,
}

impl Proof {
    /// From bad to good, then what says nothing.
    pub const ALL: [Self; 4] = [Self::Exposed, Self::NotObserved, Self::Proven, Self::Exempt];

    /// The word of the machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exposed => "exposed",
            Self::NotObserved => "not-observed",
            Self::Proven => "proven",
            Self::Exempt => "exempt",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotObserved => "not observed in part",
            other => other.as_str(),
        }
    }
}

/// One table over the period.
#[derive(Debug, Clone)]
pub struct TableProof {
    /// Its ARN; a table that was made anew under the same name has it too.
    pub table_arn: String,
    /// Its name.
    pub table_name: String,
    /// Where it lives.
    pub target: TargetId,
    /// What tells it from others of that name; `None`: no pack describes it.
    pub table_id: Option<String>,
    /// When it was created; `None`: no pack describes it.
    pub born: Option<u32>,
    /// The last moment at which it surely existed.
    pub alive_until: u32,
    /// It was gone by then; `None`: nothing says that it is.
    pub gone_by: Option<u32>,
    /// Tiers of the policy that took it.
    pub tiers: Vec<String>,
    /// What was asked of it, as far as that touches its life in the period.
    pub asked: Vec<(u32, u32, RpoDemand)>,
    /// The verdict.
    pub proof: Proof,
    /// Every exposure lies within the term of a waiver.
    pub is_waived: bool,
    /// Each moment of its life in the period.
    pub history: History,
    /// Exposures, with the ids of waivers that were in force from the first moment to the last.
    pub exposures: Vec<Exposure>,
    /// The longest time without a new recovery point that touches the period.
    pub longest_gap: Option<SpanWithoutPoint>,
    /// One state for each day; `None`: the policy asked for no backup that day.
    pub days: Vec<Option<DayState>>,
    /// Recovery points that were made in the period.
    pub points: usize,
    /// Jobs of the period that made no recovery point, and runs that never started, in order.
    pub failed_runs: Vec<FailedRun>,
    /// Waivers that say that they were in force at some moment of its life in the period.
    pub waivers: Vec<WaiverTerm>,
}

/// A time in which the newest usable recovery point was older than the RPO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Its first moment.
    pub from: u32,
    /// Its end.
    pub to: u32,
    /// Waivers that accept it.
    pub waivers: Vec<String>,
}

/// A job that made no recovery point, or a run that never started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FailedRun {
    /// When the job was created, or the run was due.
    pub at: u32,
    /// `FAILED`, `ABORTED`, `EXPIRED` or `PARTIAL`, as AWS says it, or `MISSED`.
    pub state: String,
    /// As AWS wrote it; empty if it wrote nothing.
    pub cause: String,
    /// When the next recovery point was made; `None`: none is known.
    pub next_success: Option<u32>,
}

/// A waiver, for as long as it was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverTerm {
    /// Its ticket, or its place in the file.
    pub id: String,
    /// The rule that it waives.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub requester: String,
    /// Who approved it.
    pub approver: String,
    /// Approved, by its own words.
    pub approved: u32,
    /// From here on it counts: approved, and not missing from any later pack before the first that shows it.
    pub from: u32,
    /// Expired, or last seen by a pack before it was gone; `from` if it never counts.
    pub to: u32,
    /// It is about the age of recovery points, and so accepts exposures that lie within it.
    pub accepts_exposure: bool,
}

/// Sums. Each equals a count over the rows of the attestation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofTotals {
    /// Tables by verdict, in the order of [`Proof::ALL`].
    pub tables: [usize; 4],
    /// Exposed tables whose exposures all lie within waivers.
    pub waived: usize,
    /// Exposures.
    pub exposures: usize,
    /// Seconds of tables' lives in each state, those of young tables and exempt ones left out.
    pub covered_seconds: u64,
    /// The same, exposed.
    pub exposed_seconds: u64,
    /// The same, not observed.
    pub not_observed_seconds: u64,
}

impl ProofTotals {
    /// Counts the rows.
    pub fn of(tables: &[TableProof]) -> Self {
        let mut totals = Self::default();
        for table in tables {
            totals.tables[table.proof as usize] += 1;
            totals.waived += usize::from(table.is_waived);
            totals.exposures += table.exposures.len();
            totals.covered_seconds += table.history.covered.seconds();
            totals.exposed_seconds += table.history.exposed.seconds();
            totals.not_observed_seconds += table.history.not_observed.seconds();
        }
        totals
    }

    /// Tables with that verdict.
    pub fn tables_of(&self, proof: Proof) -> usize {
        self.tables[proof as usize]
    }
}

/// Part of a whole, in percent; `None` of nothing. Only the whole is 100: a second missing in a year shows.
pub fn percent(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of many tables' lives are below 2^52")]
    let exact = |part: u64, whole: u64| part as f64 * 100.0 / whole as f64;
    match whole {
        0 => None,
        _ if part == whole => Some(100.0),
        _ => Some((exact(part, whole) * 1000.0).floor() / 1000.0).map(|percent| percent.min(99.999)),
    }
}

impl TableProof {
    /// Percent of the time for which the evidence has an answer that a point was within the RPO.
    pub fn covered_of_observed(&self) -> Option<f64> {
        let covered = self.history.covered.seconds();
        percent(covered, covered + self.history.exposed.seconds())
    }

    /// The same, of all the time for which a backup was asked for.
    pub fn covered_of_all(&self) -> Option<f64> {
        let history = &self.history;
        let covered = history.covered.seconds();
        percent(
            covered,
            covered + history.exposed.seconds() + history.not_observed.seconds(),
        )
    }
}

impl Attestation {
    /// Exposures that no waiver accepts end the program with 10; what was not observed, of a table or of the list of
    /// tables, with 11.
    pub fn exit(&self) -> Exit {
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
    pub fn unlisted_targets(&self) -> impl Iterator<Item = &TargetLine> {
        self.targets.iter().filter(|target| target.unlisted_seconds > 0)
    }

    /// The longest time of the period between two packs, or between a pack and the period's ends, in seconds.
    pub fn longest_between_packs(&self) -> u32 {
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
/// Errors: no pack, packs that cannot be put together, a damaged frame, and a period in which no table lived.
pub fn attest(packs: &[IntactPack], period: Period) -> Outcome<Attestation> {
    let packs = order::in_order(packs)?;
    let (from, to) = (seconds(period.start()), seconds(period.end()));
    let mut builder = lives::LivesBuilder::default();
    for pack in &packs {
        builder.add(&pack.inventory)?;
    }
    let lives = builder.finish();
    let mut policies = policies::Policies::new(&lives);
    let mut union = union::Union::new(&lives, from, to);
    for intact in &packs {
        let criteria = intact.pack.criteria()?;
        let facts = derive(&intact.inventory, criteria.policy.window_days)?;
        union.add(&intact.inventory, &facts)?;
        policies.add(&lives, &facts, &criteria)?;
    }
    let attestation = judge::judge(&packs, period, &lives, policies, union);
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
