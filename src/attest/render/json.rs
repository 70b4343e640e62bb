//! `attestation.json`: versioned, with structs of its own, so that the inside may change and the file may not.
//!
//! Instants are RFC 3339 in UTC. What is not known is null.

use std::io::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::words;
use crate::attest::{Attestation, DrillLine, TableProof};
use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::facts::rpo_over_time::Spans;
use crate::render::RenderError;

/// Raised whenever a field is removed or changes its meaning.
const SCHEMA_VERSION: u32 = 3;

/// Renders the attestation.
///
/// Errors: the disk refused.
pub(crate) fn render(attestation: &Attestation, out: &mut dyn Write) -> Result<(), RenderError> {
    let fail = |error: String| RenderError::new("attestation.json", error);
    serde_json::to_writer_pretty(&mut *out, &Document::of(attestation)).map_err(|error| fail(error.to_string()))?;
    out.write_all(b"\n").map_err(|error| fail(error.to_string()))
}

/// A proof over a period: for every table, when its newest good recovery point was within the RPO.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Document {
    /// Version of this schema.
    schema_version: u32,
    /// Whole days of UTC.
    period: Period,
    /// Version of the program that attested.
    tool_version: String,
    /// SHA-256 over the digests of the packs' manifests, one a line, in the order of `packs`.
    evidence_digest: String,
    /// `proven`, `covered-by-promise`, `exposed` or `not-observed`: the worst that is not waived.
    verdict: String,
    /// `--strict`: what rests on a promise counts as not observed.
    strict: bool,
    /// How much rests on a promise, in a sentence; null: nothing does.
    by_promise: Option<String>,
    /// What is odd about the packs, and what that does to the answer, a sentence each.
    notes: Vec<String>,
    /// What the attestation rests on.
    rests_on: Vec<String>,
    /// What it does not prove.
    does_not_prove: Vec<String>,
    totals: Totals,
    /// The ledger that the packs are from; null: they were named one by one.
    ledger: Option<Ledger>,
    /// In order of time.
    packs: Vec<Pack>,
    /// The policies that the packs show, whole, in order of time: what a good recovery point was, and how old it might be.
    policies: Vec<Policy>,
    policy_changes: Vec<Change>,
    /// Accounts and Regions that any pack had in scope.
    targets: Vec<Target>,
    /// Tables that recovery points or jobs of the period speak of, and that no pack lists.
    unlisted_tables: Vec<Unlisted>,
    /// Restore drills of the period that the scans were given, by table, then time. No verdict of this document rests on them.
    drills: Vec<Drill>,
    /// Tables that AWS restore testing made: left out.
    restore_test_tables: usize,
    /// A pack could not tell which Regions there are.
    regions_unknown: bool,
    /// Every table that lived in the period; tables made anew under an old name are tables of their own.
    tables: Vec<Table>,
}

#[derive(Serialize, JsonSchema)]
struct Period {
    /// First day.
    from: String,
    /// Last day.
    to: String,
    days: usize,
}

#[derive(Serialize, JsonSchema)]
struct Totals {
    tables: usize,
    proven: usize,
    /// Proven, if points that no pack lists stayed as long as promised.
    covered_by_promise: usize,
    exposed: usize,
    /// Exposed tables whose exposures all lie within the terms of waivers.
    waived: usize,
    not_observed: usize,
    exempt: usize,
    exposures: usize,
    covered_seconds: u64,
    covered_by_promise_seconds: u64,
    exposed_seconds: u64,
    not_observed_seconds: u64,
}

/// Its chain holds, with its signatures, its times and, in S3, its versions.
#[derive(Serialize, JsonSchema)]
struct Ledger {
    address: String,
    packs: usize,
    /// SHA-256 of the last manifest: it names the whole chain.
    last_sha256: String,
    /// SHA-256 of a manifest that had to be in it, and is. Null: none was named, so that a cut-off end would not show.
    expected_head: Option<String>,
    /// What could not be looked at.
    notes: Vec<String>,
    /// Packs of other accounts than the pack before them, one sentence each.
    of_others: Vec<String>,
    /// Packs with pseudonyms for accounts: they count for nothing.
    left_out: Vec<LeftOut>,
}

#[derive(Serialize, JsonSchema)]
struct LeftOut {
    sequence: u64,
    as_of: String,
}

#[derive(Serialize, JsonSchema)]
struct Pack {
    scan_id: String,
    manifest_sha256: String,
    /// Place in the ledger; null: in none.
    sequence: Option<u64>,
    as_of: String,
    /// Whose signatures hold, and whether the keys are trusted; empty: nobody's.
    signed_by: Vec<String>,
    caller_arn: String,
    tool_version: String,
    targets: u64,
    targets_with_gaps: u64,
    tables: u64,
}

/// A restore made to prove that it works.
#[derive(Serialize, JsonSchema)]
struct Drill {
    table_arn: String,
    tested_at: String,
    /// `failed`, `different`, `not-tested`, `not-comparable`, `sample-equal`, `equal-but-for-changes` or `identical`.
    verdict: String,
    /// From the order to the last index ACTIVE; null: it never was.
    restore_seconds: Option<u64>,
    run_id: String,
    /// From 1, in its run.
    number: i64,
    /// SHA-256 of the manifest of its pack.
    manifest_sha256: String,
    /// As whom its signature was trusted by a scan; null: it was not.
    signer: Option<String>,
    /// A scan of a pack counted it.
    counts: bool,
    /// Why none did; null: one did.
    why_not: Option<String>,
}

/// A policy that packs show, one after the other.
#[derive(Serialize, JsonSchema)]
struct Policy {
    /// Moment of the first of them.
    from: String,
    /// Moment of the last.
    to: String,
    packs: usize,
    /// Values, what `[rules]` says, tiers, and who approved it.
    values: Vec<PolicyValue>,
}

#[derive(Serialize, JsonSchema)]
struct PolicyValue {
    /// A key of `[policy]`, `rules.ID`, `tier NAME`, `order of tiers`, or `approval.KEY`.
    what: String,
    value: String,
    /// `default`, `settings`, or the framework that asks for it.
    origin: String,
}

#[derive(Serialize, JsonSchema)]
struct Change {
    /// The pack that shows it as it was.
    after: String,
    /// The pack that shows it as it became.
    by: String,
    /// A value of the policy, or a tier.
    what: String,
    before: String,
    now: String,
}

#[derive(Serialize, JsonSchema)]
struct Target {
    account_id: String,
    region: String,
    /// Packs that had it in scope.
    packs: usize,
    /// Packs that list all of its tables.
    listed: usize,
    /// Seconds of the period that no list of its tables reaches: others may have lived there then.
    unlisted_seconds: u64,
    /// Seconds of the period in which every recovery point that was made is known.
    observed_seconds: u64,
    tables: usize,
}

#[derive(Serialize, JsonSchema)]
struct Unlisted {
    table_arn: String,
    account_id: String,
    region: String,
    first_at: String,
    last_at: String,
}

#[derive(Serialize, JsonSchema)]
struct Table {
    table_arn: String,
    table_name: String,
    account_id: String,
    region: String,
    /// Null: no pack describes the table, or it is older than table ids.
    table_id: Option<String>,
    /// `proven`, `covered-by-promise` (in part), `exposed`, `not-observed` (in part) or `exempt`.
    verdict: String,
    /// Every exposure lies within the term of a waiver.
    waived: bool,
    /// Null: no pack describes the table.
    created_at: Option<String>,
    /// Null: nothing says that it is gone.
    deleted: Option<Deleted>,
    /// Tiers of the policy that took it.
    tiers: Vec<String>,
    /// What was asked of it, one interval after the other.
    asked: Vec<Asked>,
    seconds: Seconds,
    /// Of the time for which the evidence has an answer. Null: there is none.
    covered_percent_of_observed: Option<f64>,
    /// Of all the time for which a backup was asked for. Time covered by promise does not count as covered.
    covered_percent: Option<f64>,
    /// Null: its creation is not known, or it did not surely live in the period.
    longest_gap: Option<Gap>,
    exposures: Vec<Exposure>,
    covered_by_promise: Vec<Interval>,
    not_observed: Vec<Interval>,
    /// One letter for each day of the period: `c` covered, `p` covered by promise, `e` exposed, `n` not observed, `-` not alive, `x` exempt.
    days: String,
    /// Recovery points that were made in the period.
    recovery_points: usize,
    /// Those of them that did not count for certain, and why: such as `35 recovery points: kept 7 d`.
    not_counted: Vec<String>,
    /// Recovery points of the period that may be of this table or of another of its name that no pack lists: they cover
    /// nothing.
    undecided_recovery_points: usize,
    /// Jobs that made no recovery point, and runs that never started.
    failed_runs: Vec<FailedRun>,
    waivers: Vec<Waiver>,
}

#[derive(Serialize, JsonSchema)]
struct Deleted {
    /// The last moment at which it surely existed.
    after: String,
    /// It was gone by then.
    by: String,
}

#[derive(Serialize, JsonSchema)]
struct Asked {
    from: String,
    to: String,
    /// How old the newest good point might be, such as `24h`; `6h or 24h` where either may have been in force; `none` where
    /// nothing was asked; `not known`.
    rpo: String,
    /// What a good point is beside its age: such as `usable, kept 35 d, encrypted, key works`; several where either may have
    /// been in force; empty where nothing was asked.
    of_points: String,
}

/// The table's life in the period, by state.
#[derive(Serialize, JsonSchema)]
struct Seconds {
    covered: u64,
    /// If a point that no pack lists then stayed as long as its plan promised.
    covered_by_promise: u64,
    /// The table itself was younger than the RPO.
    young: u64,
    exposed: u64,
    not_observed: u64,
    exempt: u64,
}

/// The longest time without a new recovery point that reaches into the period, by the dates of their data.
#[derive(Serialize, JsonSchema)]
struct Gap {
    /// It began no earlier.
    from: String,
    /// It ended no later.
    to: String,
    /// So many seconds without a point are certain.
    at_least: u32,
    /// No time without a point was longer, in seconds. Null: it began before the period, nobody knows when.
    at_most: Option<u32>,
    /// The two are equal.
    certain: bool,
    began_before_period: bool,
}

#[derive(Serialize, JsonSchema)]
struct Exposure {
    from: String,
    to: String,
    seconds: u32,
    /// Waivers that accept it.
    waivers: Vec<String>,
    /// Failed jobs and missed runs beside it: not before a good point could have prevented it, and with no point made between
    /// them and its beginning. Empty: none is known.
    causes: Vec<Cause>,
}

/// Failed jobs or missed runs of a table that ended alike.
#[derive(Serialize, JsonSchema)]
struct Cause {
    /// As in `failed_runs`.
    state: String,
    /// As AWS wrote it; empty if it wrote nothing.
    cause: String,
    runs: usize,
    first_at: String,
    last_at: String,
}

#[derive(Serialize, JsonSchema)]
struct Interval {
    from: String,
    to: String,
    seconds: u32,
}

#[derive(Serialize, JsonSchema)]
struct FailedRun {
    at: String,
    /// `FAILED`, `ABORTED`, `EXPIRED`, `PARTIAL` or `MISSED`.
    state: String,
    cause: String,
    /// Null: no later recovery point is known.
    next_success_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Waiver {
    id: String,
    rule: String,
    reason: String,
    requester: String,
    approver: String,
    /// By its own words.
    approved_at: String,
    /// It counts from here on: a pack before that does not show it.
    from: String,
    /// The same as `from`: it never counts.
    to: String,
}

impl Document {
    fn of(attestation: &Attestation) -> Self {
        let totals = &attestation.totals;
        let of = |proof| totals.tables_of(proof);
        use crate::attest::Proof;
        Self {
            schema_version: SCHEMA_VERSION,
            period: Period {
                from: attestation.period.from.to_string(),
                to: attestation.period.to.to_string(),
                days: attestation.period.days(),
            },
            tool_version: attestation.tool_version.clone(),
            evidence_digest: attestation.evidence_digest.clone(),
            verdict: match attestation.exit() {
                Exit::NonCompliant => Proof::Exposed,
                Exit::EvidenceMissing => Proof::NotObserved,
                _ if totals.promised_seconds > 0 => Proof::Promised,
                _ => Proof::Proven,
            }
            .as_str()
            .to_owned(),
            strict: attestation.is_strict,
            by_promise: words::by_promise(attestation),
            notes: words::notes(attestation),
            rests_on: words::rests_on(attestation),
            does_not_prove: words::does_not_prove(attestation),
            totals: Totals {
                tables: attestation.tables.len(),
                proven: of(Proof::Proven),
                covered_by_promise: of(Proof::Promised),
                exposed: of(Proof::Exposed),
                waived: totals.waived,
                not_observed: of(Proof::NotObserved),
                exempt: of(Proof::Exempt),
                exposures: totals.exposures,
                covered_seconds: totals.covered_seconds,
                covered_by_promise_seconds: totals.promised_seconds,
                exposed_seconds: totals.exposed_seconds,
                not_observed_seconds: totals.not_observed_seconds,
            },
            ledger: attestation.ledger.as_ref().map(|ledger| Ledger {
                address: ledger.address.clone(),
                packs: ledger.packs,
                last_sha256: ledger.last_sha256.clone(),
                expected_head: ledger.expected_head.clone(),
                notes: ledger.notes.clone(),
                of_others: ledger.of_others.clone(),
                left_out: ledger
                    .left_out
                    .iter()
                    .map(|pack| LeftOut {
                        sequence: pack.sequence,
                        as_of: rfc3339(pack.as_of),
                    })
                    .collect(),
            }),
            packs: packs(attestation),
            policies: policies(attestation),
            policy_changes: changes(attestation),
            targets: targets(attestation),
            unlisted_tables: unlisted(attestation),
            drills: attestation.drills.iter().map(drill).collect(),
            restore_test_tables: attestation.restore_test_count,
            regions_unknown: attestation.regions_unknown,
            tables: attestation.tables.iter().map(Table::of).collect(),
        }
    }
}

fn packs(attestation: &Attestation) -> Vec<Pack> {
    let packs = attestation.packs.iter().map(|pack| Pack {
        scan_id: pack.scan_id.clone(),
        manifest_sha256: pack.manifest_sha256.clone(),
        sequence: pack.sequence,
        as_of: rfc3339(pack.as_of),
        signed_by: words::signers(pack),
        caller_arn: pack.caller_arn.clone(),
        tool_version: pack.tool_version.clone(),
        targets: pack.targets,
        targets_with_gaps: pack.targets_with_gaps,
        tables: pack.tables,
    });
    packs.collect()
}

fn changes(attestation: &Attestation) -> Vec<Change> {
    let changes = attestation.changes.iter().map(|change| Change {
        after: rfc3339(change.after),
        by: rfc3339(change.by),
        what: change.what.clone(),
        before: change.before.clone(),
        now: change.now.clone(),
    });
    changes.collect()
}

fn policies(attestation: &Attestation) -> Vec<Policy> {
    let policies = attestation.policies.iter().map(|policy| Policy {
        from: rfc3339(policy.from),
        to: rfc3339(policy.to),
        packs: policy.packs,
        values: policy
            .values
            .iter()
            .map(|line| PolicyValue {
                what: line.what.clone(),
                value: line.value.clone(),
                origin: line.origin.clone(),
            })
            .collect(),
    });
    policies.collect()
}

fn targets(attestation: &Attestation) -> Vec<Target> {
    let targets = attestation.targets.iter().map(|line| Target {
        account_id: line.target.account_id.clone(),
        region: line.target.region.clone(),
        packs: line.packs,
        listed: line.listed,
        unlisted_seconds: line.unlisted_seconds,
        observed_seconds: line.observed_seconds,
        tables: line.tables,
    });
    targets.collect()
}

fn unlisted(attestation: &Attestation) -> Vec<Unlisted> {
    let unlisted = attestation.unlisted.iter().map(|table| Unlisted {
        table_arn: table.table_arn.clone(),
        account_id: table.target.account_id.clone(),
        region: table.target.region.clone(),
        first_at: rfc3339(table.first),
        last_at: rfc3339(table.last),
    });
    unlisted.collect()
}

impl Table {
    fn of(table: &TableProof) -> Self {
        let history = &table.history;
        Self {
            table_arn: table.table_arn.clone(),
            table_name: table.table_name.clone(),
            account_id: table.target.account_id.clone(),
            region: table.target.region.clone(),
            table_id: table.table_id.clone(),
            verdict: table.proof.as_str().to_owned(),
            waived: table.is_waived,
            created_at: table.born.map(words::instant),
            deleted: table.gone_by.map(|by| Deleted {
                after: words::instant(table.alive_until),
                by: words::instant(by),
            }),
            tiers: table.tiers.clone(),
            asked: asked(table),
            seconds: Seconds {
                covered: history.covered.seconds(),
                covered_by_promise: history.promised.seconds(),
                young: history.young.seconds(),
                exposed: history.exposed.seconds(),
                not_observed: history.not_observed.seconds(),
                exempt: history.exempt.seconds(),
            },
            covered_percent_of_observed: table.covered_of_observed(),
            covered_percent: table.covered_of_all(),
            longest_gap: table.longest_gap.map(|gap| Gap {
                from: words::instant(gap.from),
                to: words::instant(gap.to),
                at_least: gap.at_least,
                at_most: gap.at_most,
                certain: gap.is_certain(),
                began_before_period: gap.began_before,
            }),
            exposures: exposures(table),
            covered_by_promise: intervals(&history.promised),
            not_observed: intervals(&history.not_observed),
            days: words::day_letters(table),
            recovery_points: table.points,
            not_counted: words::not_counted(table),
            undecided_recovery_points: table.undecided_points,
            failed_runs: failed_runs(table),
            waivers: waivers(table),
        }
    }
}

fn asked(table: &TableProof) -> Vec<Asked> {
    let asked = table.asked.iter().map(|span| Asked {
        from: words::instant(span.from),
        to: words::instant(span.to),
        rpo: words::asked(&span.any_of),
        of_points: words::asked_of_points(&span.any_of),
    });
    asked.collect()
}

fn exposures(table: &TableProof) -> Vec<Exposure> {
    let exposures = table.exposures.iter().map(|exposure| Exposure {
        from: words::instant(exposure.from),
        to: words::instant(exposure.to),
        seconds: exposure.to - exposure.from,
        waivers: exposure.waivers.clone(),
        causes: words::beside(table, exposure).iter().map(cause).collect(),
    });
    exposures.collect()
}

fn cause(alike: &words::Alike<'_>) -> Cause {
    let at = |run: Option<&&crate::attest::FailedRun>| run.map(|run| words::instant(run.at)).unwrap_or_default();
    Cause {
        state: alike.state.to_owned(),
        cause: alike.cause.to_owned(),
        runs: alike.runs.len(),
        first_at: at(alike.runs.first()),
        last_at: at(alike.runs.last()),
    }
}

fn intervals(spans: &Spans) -> Vec<Interval> {
    let intervals = spans.iter().map(|(from, to)| Interval {
        from: words::instant(from),
        to: words::instant(to),
        seconds: to - from,
    });
    intervals.collect()
}

fn failed_runs(table: &TableProof) -> Vec<FailedRun> {
    let runs = table.failed_runs.iter().map(|run| FailedRun {
        at: words::instant(run.at),
        state: run.state.clone(),
        cause: run.cause.clone(),
        next_success_at: run.next_success.map(words::instant),
    });
    runs.collect()
}

fn waivers(table: &TableProof) -> Vec<Waiver> {
    let waivers = table.waivers.iter().map(|term| Waiver {
        id: term.id.clone(),
        rule: term.rule.clone(),
        reason: term.reason.clone(),
        requester: term.requester.clone(),
        approver: term.approver.clone(),
        approved_at: words::instant(term.approved),
        from: words::instant(term.from),
        to: words::instant(term.to),
    });
    waivers.collect()
}

fn drill(line: &DrillLine) -> Drill {
    Drill {
        table_arn: line.table_arn.clone(),
        tested_at: rfc3339(line.tested_at),
        verdict: line.verdict.clone(),
        restore_seconds: line.restore_seconds,
        run_id: line.run_id.clone(),
        number: line.number,
        manifest_sha256: line.manifest_sha256.clone(),
        signer: line.signer.clone(),
        counts: line.why_not.is_none(),
        why_not: line.why_not.clone(),
    }
}
