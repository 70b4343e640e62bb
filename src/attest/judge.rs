//! What is known of each life, put together and intact against what was asked.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::good::{Asked, AskedSpan, GoodPoints, NotCountedPoints};
use super::lives::{Life, Lives, span};
use super::policies::{AGE, Policies};
use super::union::{Sum, Union, United};
use super::{
    Attestation, Exposure, FailedRun, Gap, PackLine, Period, Proof, ProofTotals, TableProof, TargetLine, UnlistedTable,
    WaiverTerm,
};
use crate::criteria::values::PointValues;
use crate::facts::rpo_over_time::{DAY, DemandSpan, History, KnownTable, RpoDemand, Spans, from_archival};
use crate::facts::seconds;
use crate::pack::intact::IntactPack;
use crate::text::hex;

/// Puts everything together.
pub(super) fn judge(
    packs: &[&IntactPack],
    (period, is_strict): (Period, bool),
    lives: &Lives,
    policies: Policies,
    union: Union<'_>,
) -> Attestation {
    let (from, to) = (seconds(period.start()), seconds(period.end()));
    let window = Window {
        from,
        to,
        days: period.days(),
        is_strict,
    };
    let United {
        sums,
        unlisted,
        targets: seen,
        mut good,
    } = union.finish();
    let in_period = Spans::one(from, to);
    let mut tables = Vec::new();
    let mut restore_test_count = 0;
    for (place, (life, sum)) in lives.all.iter().zip(&sums).enumerate() {
        if span(life, from, to).is_empty() {
            continue;
        }
        if policies.is_restore_test[place] {
            restore_test_count += 1;
            continue;
        }
        tables.push(window.table(life, (sum, &mut good), &policies, place));
    }
    let targets = lives.targets.iter().map(|(target, listed)| TargetLine {
        target: target.clone(),
        packs: listed.packs,
        listed: listed.whole.len(),
        unlisted_seconds: seen
            .get(target)
            .map_or(in_period.seconds(), |seen| in_period.without(&seen.listed).seconds()),
        observed_seconds: seen
            .get(target)
            .map_or(0, |seen| seen.observed.and(&in_period).seconds()),
        tables: tables
            .iter()
            .filter(|table: &&TableProof| table.target == *target)
            .count(),
    });
    let unlisted = unlisted.into_iter().map(|(table_arn, traces)| UnlistedTable {
        table_arn,
        target: traces.target,
        first: instant(traces.first),
        last: instant(traces.last),
    });
    let digests: String = packs
        .iter()
        .map(|intact| format!("{}\n", intact.pack.manifest_sha256))
        .collect();
    Attestation {
        period,
        is_strict,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        evidence_digest: hex(&Sha256::digest(digests)),
        ledger: None,
        packs: packs.iter().map(|intact| line(intact)).collect(),
        notes: super::notes::notes(packs),
        policies: Vec::new(),
        changes: policies.changes,
        targets: targets.collect(),
        unlisted: unlisted.collect(),
        drills: Vec::new(),
        restore_test_count,
        regions_unknown: packs.iter().any(|intact| intact.pack.manifest.coverage.regions_unknown),
        totals: ProofTotals::of(&tables),
        tables,
    }
}

/// Seconds since 1970 as an instant.
pub(super) fn instant(at: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(at), 0).unwrap_or_default()
}

/// What the manifest says was intact against inventory and findings before.
fn line(intact: &IntactPack) -> PackLine {
    let manifest = &intact.pack.manifest;
    let coverage = &manifest.coverage;
    PackLine {
        scan_id: manifest.scan_id.clone(),
        manifest_sha256: intact.pack.manifest_sha256.clone(),
        sequence: manifest.sequence,
        as_of: manifest.as_of,
        signed_by: intact.signers.clone(),
        caller_arn: manifest.caller_arn.clone(),
        tool_version: manifest.tool_version.clone(),
        targets: coverage.targets,
        targets_with_gaps: coverage.targets_partly + coverage.targets_not_read,
        tables: manifest.totals.tables,
    }
}

/// The period in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) days: usize,
    /// What rests on a promise is not observed.
    pub(super) is_strict: bool,
}

impl Window {
    pub(super) fn table(
        &self,
        life: &Life,
        (sum, good): (&Sum, &mut GoodPoints),
        policies: &Policies,
        place: usize,
    ) -> TableProof {
        let known = KnownTable {
            born: life.born,
            // What was made later may be of another table of that name, which no pack lists.
            alive_until: life.last_seen,
            gone_by: life.gone_by,
            points: sum.points.iter().map(|(trace, _)| *trace).collect(),
            observed: sum.observed.clone(),
        };
        let demands = policies.demands(life, place);
        let mut over_time = OverTime {
            window: *self,
            sum,
            good,
            archived: policies.archived[place],
            by_values: Vec::new(),
            known: &known,
        };
        let mut history = over_time.history(&demands, |asked| asked);
        if self.is_strict {
            history.distrust();
        }
        let (start, end) = (life.born.unwrap_or(0).max(self.from), known.gone_by.min(self.to));
        let waivers = policies.waivers(life, start, end);
        let accepted = waivers.iter().map(|term| match history.exposed.is_empty() {
            true => Spans::none(),
            false => over_time.accepted(term, &demands),
        });
        let accepted: Vec<Spans> = accepted.collect();
        let exposures = exposures(&history, &waivers, &accepted);
        let not_counted = over_time.not_counted(&demands);
        let proof = proof(&history);
        TableProof {
            table_arn: life.table_arn.clone(),
            table_name: life.table_name.clone(),
            target: life.target.clone(),
            table_id: life.table_id.clone(),
            born: life.born,
            alive_until: known.alive_until,
            gone_by: (life.gone_by != u32::MAX).then_some(life.gone_by),
            tiers: policies.tiers[place].iter().cloned().collect(),
            asked: asked(demands, start, end),
            is_waived: proof == Proof::Exposed && exposures.iter().all(|exposure| !exposure.waivers.is_empty()),
            proof,
            days: history.days(self.from / DAY, self.days),
            longest_gap: self.gap(&known, sum),
            points: self.inside(&sum.made),
            not_counted,
            undecided_points: self.inside(&sum.undecided),
            failed_runs: self.failed_runs(sum, policies.missed[place].iter().copied()),
            exposures,
            history,
            waivers,
        }
    }

    fn inside(&self, moments: &[u32]) -> usize {
        moments.iter().filter(|at| (self.from..self.to).contains(at)).count()
    }

    /// One that reaches into the period begins with the last point before it; or with the table, if every point since is known.
    fn gap(&self, known: &KnownTable, sum: &Sum) -> Option<Gap> {
        let born = known.born?;
        let before = sum.made.partition_point(|at| *at <= self.from);
        let point = sum.made[..before].last().copied();
        let is_known_since_birth = Spans::one(born, self.from).without(&known.observed).is_empty();
        let before = point.or_else(|| is_known_since_birth.then_some(born));
        let (from, to) = known.longest_without_point(before.unwrap_or(self.from), self.to)?;
        Some(Gap {
            from,
            to,
            at_least: known.surely_without_point(born, self.to, self.from),
            at_most: before.map(|_| to - from),
            began_before: from < self.from || (before.is_none() && from == self.from),
        })
    }

    fn failed_runs(&self, sum: &Sum, missed: impl Iterator<Item = u32>) -> Vec<FailedRun> {
        let failed = sum
            .failures
            .iter()
            .map(|failure| (failure.at, failure.state.clone(), failure.cause.clone()));
        let missed = missed.map(|at| (at, "MISSED".to_owned(), String::new()));
        let inside = failed
            .chain(missed)
            .filter(|(at, ..)| (self.from..self.to).contains(at));
        let mut failed_runs: Vec<FailedRun> = inside
            .map(|(at, state, cause)| FailedRun {
                at,
                state,
                cause,
                next_success: sum.made.get(sum.made.partition_point(|made| *made <= at)).copied(),
            })
            .collect();
        failed_runs.sort_unstable();
        failed_runs
    }
}

fn proof(history: &History) -> Proof {
    if !history.exposed.is_empty() {
        Proof::Exposed
    } else if !history.not_observed.is_empty() {
        Proof::NotObserved
    } else if !history.promised.is_empty() {
        Proof::Promised
    } else if history.judged_seconds() > 0 {
        Proof::Proven
    } else {
        Proof::Exempt
    }
}

/// One table's points against what was asked of it, as often as that is wanted.
struct OverTime<'t> {
    window: Window,
    sum: &'t Sum,
    good: &'t mut GoodPoints,
    archived: Option<u32>,
    /// By what is asked of points, and whether they are copies elsewhere: those that count.
    by_values: Vec<((PointValues, bool), KnownTable)>,
    /// Without regard to what is asked of points.
    known: &'t KnownTable,
}

impl OverTime<'_> {
    /// `as_if`: what is asked in place of what was.
    fn history(&mut self, demands: &[AskedSpan], as_if: impl Fn(Asked) -> Asked) -> History {
        let mut history = History::default();
        for AskedSpan { from, to, any_of } in demands {
            let (from, to) = ((*from).max(self.window.from), (*to).min(self.window.to));
            if from >= to {
                continue;
            }
            let each = any_of.iter().map(|asked| self.under(as_if(*asked), from, to));
            if let Some(here) = each.reduce(|all, other| all.or(&other)) {
                history.extend(&here);
            }
        }
        history
    }

    fn under(&mut self, asked: Asked, from: u32, to: u32) -> History {
        let archived = self.archived;
        let within = |known: &KnownTable, rpo: RpoDemand| {
            let demand = [DemandSpan { from, to, asked: rpo }];
            match archived {
                Some(at) => known.history(&from_archival(&demand, at, to), from, to),
                None => known.history(&demand, from, to),
            }
        };
        match asked {
            Asked::Nothing => within(self.known, RpoDemand::Nothing),
            Asked::Open => within(self.known, RpoDemand::OPEN),
            Asked::Good { limit, points, or_copy } => {
                let mut history = within(self.counting(points, false), RpoDemand::rpo(limit));
                if let Some(copy) = or_copy {
                    let elsewhere = within(self.counting(copy.points, true), RpoDemand::rpo(copy.limit));
                    history.cover(&elsewhere.covered);
                    // One that no pack lists may have stood for the missing points.
                    history.doubt();
                }
                history
            }
        }
    }

    /// The table with the points at home, or with the copies elsewhere, that count by these values.
    fn counting(&mut self, values: PointValues, is_elsewhere: bool) -> &KnownTable {
        let key = (values, is_elsewhere);
        let place = self.by_values.iter().position(|(known, _)| *known == key);
        let place = place.unwrap_or_else(|| {
            let all = if is_elsewhere {
                &self.sum.copies
            } else {
                &self.sum.points
            };
            let mut points = Vec::with_capacity(all.len());
            for (trace, alike) in all {
                self.good.counting((trace, *alike), &values, &mut points);
            }
            let known = KnownTable {
                points,
                observed: self.known.observed.clone(),
                ..*self.known
            };
            self.by_values.push((key, known));
            self.by_values.len() - 1
        });
        &self.by_values[place].1
    }

    /// Moments of a waiver's term at which it accepts that there is no good point. One of age and use accepts that no usable
    /// point is young enough; any, what would be covered if nothing of what it excuses were asked.
    fn accepted(&mut self, term: &WaiverTerm, demands: &[AskedSpan]) -> Spans {
        let in_term = Spans::one(term.from, term.to);
        if term.excuses.is_empty() || in_term.is_empty() {
            return Spans::none();
        }
        let excused = self.history(demands, |asked| asked.excusing(term.excuses)).covered;
        let without = if AGE.are_among(term.excuses) {
            self.history(demands, Asked::of_usable).exposed
        } else {
            Spans::none()
        };
        excused.or(&without).and(&in_term)
    }

    /// Recovery points of the period that never counted for certain, by why. Of points of a time for which it is not known
    /// what was asked nothing is said.
    fn not_counted(&mut self, demands: &[AskedSpan]) -> NotCountedPoints {
        let mut points = NotCountedPoints::new();
        let Window { from, to, .. } = self.window;
        for (trace, alike) in &self.sum.points {
            if !trace.is_made || !(from..to).contains(&trace.earliest) {
                continue;
            }
            let of_then = demands.iter().find(|span| trace.earliest < span.to);
            if let Some([Asked::Good { points: values, .. }]) = of_then.map(|span| &*span.any_of)
                && let Some(why) = self.good.why_not((trace, *alike), values)
            {
                *points.entry(why).or_default() += 1;
            }
        }
        points
    }
}

/// Exposures, each with the waivers that accept it. One may follow another, as when a waiver is renewed.
fn exposures(history: &History, waivers: &[WaiverTerm], accepted: &[Spans]) -> Vec<Exposure> {
    let by_any = accepted.iter().fold(Spans::none(), |all, spans| all.or(spans));
    let exposure = |(from, to)| {
        let here = Spans::one(from, to);
        let mut ids: Vec<String> = Vec::new();
        if here.without(&by_any).is_empty() {
            let touching = waivers
                .iter()
                .zip(accepted)
                .filter(|(_, spans)| !spans.and(&here).is_empty());
            ids.extend(touching.map(|(term, _)| term.id.clone()));
        }
        ids.dedup();
        Exposure { from, to, waivers: ids }
    };
    history.exposed.iter().map(exposure).collect()
}

fn asked(demands: Vec<AskedSpan>, from: u32, to: u32) -> Vec<AskedSpan> {
    let clipped = demands.into_iter().map(|demand| AskedSpan {
        from: demand.from.max(from),
        to: demand.to.min(to),
        ..demand
    });
    clipped.filter(|demand| demand.from < demand.to).collect()
}
