use proptest::prelude::*;

use super::*;

const HOUR: u32 = 3600;

/// What really happened; nobody sees it whole.
#[derive(Debug, Clone)]
struct Truth {
    born: u32,
    gone: u32,
    /// Creation and deletion.
    points: Vec<(u32, u32)>,
    /// Of each point: when its job was created before it, and ended after it, which completes it.
    jobs: Vec<(u32, u32)>,
}

/// The span that worlds fill, in seconds that stand for minutes.
const END: u32 = 120;

impl Truth {
    fn state(&self, at: u32, rpo: u32) -> Option<&'static str> {
        if at < self.born || at >= self.gone {
            return None;
        }
        let counts = |((created, gone), (_, took)): (&(u32, u32), &(u32, u32))| {
            created + took <= at && at < *gone && at < created + rpo
        };
        Some(if self.points.iter().zip(&self.jobs).any(counts) {
            "covered"
        } else if at < self.born + rpo {
            "young"
        } else {
            "exposed"
        })
    }
}

fn truth() -> impl Strategy<Value = Truth> {
    let points = prop::collection::vec((0..END, 1..END), 0..12);
    let jobs = prop::collection::vec((0..9_u32, 0..9_u32), 12);
    (0..END / 2, 1..2 * END, points, jobs).prop_map(|(born, life, points, jobs)| Truth {
        born,
        gone: born + life,
        points: points
            .into_iter()
            .map(|(after, kept)| (born + after % life, born + after % life + kept))
            .collect(),
        jobs,
    })
}

/// How much of the truth is known: for each point whether it is, whether its own date is or only that of its job, and how
/// near the bounds of its end are; and the stretches that are known to the last creation.
#[derive(Debug, Clone)]
struct Sight {
    points: Vec<(bool, bool, (u32, u32), (u32, u32))>,
    observed: Vec<(u32, u32)>,
    alive: (u32, u32),
}

fn sight() -> impl Strategy<Value = Sight> {
    (
        prop::collection::vec(
            (any::<bool>(), any::<bool>(), (0..END, 0..END), (0..9_u32, 0..9_u32)),
            12,
        ),
        prop::collection::vec((0..2 * END, 0..2 * END), 0..4),
        (0..END, 0..END),
    )
        .prop_map(|(points, observed, alive)| Sight {
            points,
            observed,
            alive,
        })
}

fn known(truth: &Truth, sight: &Sight) -> KnownTable {
    let observed = Spans::of(sight.observed.iter().copied());
    let mut points = Vec::new();
    for ((created, gone), (job, (is_known, is_dated, end, about))) in
        truth.points.iter().zip(truth.jobs.iter().zip(&sight.points))
    {
        let (earliest, latest) = (created.saturating_sub(job.0), created + job.1);
        let is_observed = !observed.and(&Spans::one(earliest, latest + 1)).is_empty();
        if *is_known || is_observed {
            points.push(PointTrace {
                earliest: if *is_dated { *created } else { earliest },
                latest: if *is_dated { *created } else { latest },
                complete_earliest: (created + job.1).saturating_sub(about.0),
                complete_latest: created + job.1 + about.1,
                sure_until: gone.saturating_sub(end.0),
                promised_until: 0,
                gone_by: gone + end.1,
                is_made: true,
            });
        }
    }
    KnownTable {
        born: Some(truth.born),
        alive_until: truth.gone.saturating_sub(sight.alive.0).max(truth.born),
        gone_by: truth.gone + sight.alive.1,
        points,
        observed,
    }
}

fn least(a: (u32, u32), b: (u32, u32)) -> (u32, u32) {
    (a.0.min(b.0), a.1.min(b.1))
}

fn word(history: &History, at: u32) -> Option<&'static str> {
    let layers = [
        (&history.covered, "covered"),
        (&history.promised, "promised"),
        (&history.young, "young"),
        (&history.exposed, "exposed"),
        (&history.not_observed, "not observed"),
        (&history.exempt, "exempt"),
    ];
    let words: Vec<&str> = layers
        .iter()
        .filter(|(spans, _)| spans.holds(at))
        .map(|(_, word)| *word)
        .collect();
    assert!(words.len() < 2, "{at} is {words:?}");
    words.first().copied()
}

/// The definition, moment by moment.
fn by_definition(known: &KnownTable, at: u32, strict: Option<u32>, lax: Option<u32>) -> Option<&'static str> {
    let Some(born) = known.born else {
        return (at < known.gone_by).then_some("not observed");
    };
    if at < born || at >= known.gone_by.max(known.alive_until) {
        return None;
    }
    if at >= known.alive_until {
        return Some("not observed");
    }
    let surely_within =
        |point: &PointTrace, rpo: u32| point.latest.max(point.complete_latest) <= at && at < point.earliest + rpo;
    let perhaps_within =
        |point: &PointTrace, rpo: u32| point.earliest.max(point.complete_earliest) <= at && at < point.latest + rpo;
    if let Some(rpo) = strict {
        if known
            .points
            .iter()
            .any(|point| surely_within(point, rpo) && at < point.sure_until)
        {
            return Some("covered");
        }
        if at < born + rpo {
            return Some("young");
        }
    }
    let Some(rpo) = lax else { return Some("not observed") };
    let may_be = known
        .points
        .iter()
        .any(|point| perhaps_within(point, rpo) && at < point.gone_by);
    // A second longer than a point counts: observation may begin in the middle of one.
    let is_blind = (0..=rpo).any(|ago| at >= born + ago && !known.observed.holds(at - ago));
    let may_be_young = at < born + rpo;
    if may_be || is_blind || may_be_young {
        Some("not observed")
    } else {
        Some("exposed")
    }
}

fn demand(asked: RpoDemand) -> [DemandSpan; 1] {
    [DemandSpan {
        from: 0,
        to: u32::MAX,
        asked,
    }]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn every_moment_is_what_the_definition_says(
        truth in truth(), sight in sight(), strict in prop::option::of(1..40_u32), more in prop::option::of(0..20_u32)
    ) {
        let lax = strict.zip(more).map(|(rpo, more)| rpo + more);
        let known = known(&truth, &sight);
        let history = known.history(&demand(RpoDemand::Rpo { strict, lax }), 10, END);
        for at in 0..END + 10 {
            let expected = if (10..END).contains(&at) { by_definition(&known, at, strict, lax) } else { None };
            prop_assert_eq!(word(&history, at), expected, "at {}", at);
        }
    }

    #[test]
    fn what_is_said_is_true_whatever_was_not_seen(truth in truth(), sight in sight(), rpo in 1..40_u32) {
        let history = known(&truth, &sight).history(&demand(RpoDemand::rpo(rpo)), 0, END);
        for at in 0..END {
            match (word(&history, at), truth.state(at, rpo)) {
                (Some("covered"), really) => prop_assert!(matches!(really, Some("covered") | None), "{} at {}", really.unwrap_or("gone"), at),
                (Some("young"), really) => prop_assert!(!matches!(really, Some("exposed")), "at {}", at),
                (Some("exposed"), really) => prop_assert_eq!(really, Some("exposed"), "at {}", at),
                (None, really) => prop_assert_eq!(really, None, "at {}", at),
                _ => {}
            }
        }
    }

    #[test]
    fn more_evidence_only_answers_what_was_open(
        truth in truth(), sight in sight(), more in sight(), rpo in 1..40_u32
    ) {
        let better = Sight {
            points: sight.points.iter().zip(&more.points).map(|(a, b)| (a.0 || b.0, a.1 || b.1, least(a.2, b.2), least(a.3, b.3))).collect(),
            observed: sight.observed.iter().chain(&more.observed).copied().collect(),
            alive: (sight.alive.0.min(more.alive.0), sight.alive.1.min(more.alive.1)),
        };
        let before = known(&truth, &sight).history(&demand(RpoDemand::rpo(rpo)), 0, END);
        let after = known(&truth, &better).history(&demand(RpoDemand::rpo(rpo)), 0, END);
        for at in 0..END {
            match word(&before, at) {
                Some("covered") => prop_assert!(matches!(word(&after, at), Some("covered") | None), "{:?} at {}", word(&after, at), at),
                Some("exposed") => prop_assert_eq!(word(&after, at), Some("exposed")),
                Some("young") => prop_assert!(matches!(word(&after, at), Some("young" | "covered") | None)),
                None => prop_assert_eq!(word(&after, at), None),
                _ => {}
            }
        }
    }

    #[test]
    fn where_two_rpos_may_be_in_force_only_what_holds_under_both_is_said(
        truth in truth(), sight in sight(), a in 1..40_u32, b in 1..40_u32
    ) {
        let known = known(&truth, &sight);
        let of = |asked| known.history(&demand(asked), 0, END);
        let (one, other, either) = (of(RpoDemand::rpo(a)), of(RpoDemand::rpo(b)), of(RpoDemand::rpo(a).or(RpoDemand::rpo(b))));
        for at in 0..END {
            let expected = match (word(&one, at), word(&other, at)) {
                (x, y) if x == y => x,
                (Some("covered" | "young"), Some("covered" | "young")) => word(&either, at),
                _ => Some("not observed"),
            };
            prop_assert_eq!(word(&either, at), expected, "at {}", at);
        }
    }
}

/// Points at these hours of day 100, each kept for ever, everything observed.
fn table(hours: &[u32]) -> KnownTable {
    KnownTable {
        born: Some(90 * DAY),
        alive_until: 110 * DAY,
        gone_by: u32::MAX,
        points: hours
            .iter()
            .map(|hour| PointTrace::listed(100 * DAY + hour * HOUR))
            .collect(),
        observed: Spans::one(0, u32::MAX),
    }
}

const DAILY: [DemandSpan; 1] = [DemandSpan {
    from: 0,
    to: u32::MAX,
    asked: RpoDemand::rpo(24 * HOUR),
}];

#[test]
fn an_age_of_exactly_the_rpo_still_counts() {
    let history = table(&[0, 24, 48]).history(&DAILY, 100 * DAY, 103 * DAY);
    assert_eq!(history.covered, Spans::one(100 * DAY, 103 * DAY));
    assert!(history.exposed.is_empty());
    let mut late = table(&[0, 24]);
    late.points[1] = PointTrace::listed(101 * DAY + 1);
    let history = late.history(&DAILY, 100 * DAY, 102 * DAY);
    assert_eq!(history.exposed, Spans::one(101 * DAY, 101 * DAY + 1));
}

#[test]
fn a_point_that_was_deleted_early_covers_no_longer() {
    let mut known = table(&[0]);
    known.points[0].sure_until = 100 * DAY + 5 * HOUR;
    known.points[0].gone_by = 100 * DAY + 9 * HOUR;
    let history = known.history(&DAILY, 100 * DAY, 101 * DAY);
    assert_eq!(history.covered, Spans::one(100 * DAY, 100 * DAY + 5 * HOUR));
    assert_eq!(
        history.not_observed,
        Spans::one(100 * DAY + 5 * HOUR, 100 * DAY + 9 * HOUR)
    );
    assert_eq!(history.exposed, Spans::one(100 * DAY + 9 * HOUR, 101 * DAY));
}

#[test]
fn a_day_is_as_bad_as_its_worst_moment() {
    use DayProof::{Covered, Exposed, NotAlive, NotObserved};
    let mut known = table(&[0, 24, 49, 72]);
    known.born = Some(100 * DAY - HOUR);
    known.alive_until = 104 * DAY + HOUR;
    known.gone_by = known.alive_until;
    known.observed = Spans::one(0, 103 * DAY + 2 * HOUR);
    let history = known.history(&DAILY, 90 * DAY, 110 * DAY);
    let days = history.days(98, 8);
    let expected = [
        NotAlive,
        Covered,
        Covered,
        Covered,
        Exposed,
        Covered,
        NotObserved,
        NotAlive,
    ];
    assert_eq!(days, expected);
}

#[test]
fn a_day_is_exempt_unless_something_was_asked_for_in_a_part() {
    let demands = [
        DemandSpan {
            from: 0,
            to: 101 * DAY + HOUR,
            asked: RpoDemand::Nothing,
        },
        DemandSpan {
            from: 101 * DAY + HOUR,
            to: u32::MAX,
            asked: RpoDemand::rpo(24 * HOUR),
        },
    ];
    let history = table(&[24]).history(&demands, 100 * DAY, 103 * DAY);
    use DayProof::{Covered, Exempt, Exposed};
    assert_eq!(history.days(100, 3), [Exempt, Covered, Exposed]);
    assert_eq!(
        history.judged_seconds() + history.not_observed.seconds(),
        u64::from(2 * DAY - HOUR)
    );
}

#[test]
fn nothing_is_said_of_a_table_of_unknown_age() {
    let mut known = table(&[0, 24]);
    known.born = None;
    let history = known.history(&DAILY, 100 * DAY, 102 * DAY);
    assert_eq!(history.not_observed, Spans::one(100 * DAY, 102 * DAY));
    assert_eq!(history.covered, Spans::none());
}

#[test]
fn an_exemption_that_may_hold_leaves_no_exposure() {
    let asked = RpoDemand::Nothing.or(RpoDemand::rpo(24 * HOUR));
    let history = table(&[0]).history(&demand(asked), 100 * DAY, 103 * DAY);
    assert_eq!(history.covered, Spans::one(100 * DAY, 101 * DAY));
    assert_eq!(history.not_observed, Spans::one(101 * DAY, 103 * DAY));
}

#[test]
fn the_longest_gap_ends_with_the_next_point_or_with_sight() {
    let known = table(&[0, 24, 50, 74]);
    let at = |hour: u32| 100 * DAY + hour * HOUR;
    let gap = |known: &KnownTable, from: u32, to: u32| {
        let (begins, ends) = known.longest_without_point(from, to).expect("a gap");
        (begins, ends, known.surely_without_point(from, to, from))
    };
    assert_eq!(gap(&known, at(0), at(74)), (at(24), at(50), 26 * HOUR));
    assert_eq!(gap(&known, at(49), at(80)), (at(50), at(74), 24 * HOUR));
    assert_eq!(gap(&known, at(74), 120 * DAY), (at(74), 110 * DAY, 110 * DAY - at(74)));
    // One that ends before a moment that it has to reach does not count.
    assert_eq!(known.surely_without_point(at(0), at(74), at(50)), 24 * HOUR);
    let mut blind = known.clone();
    blind.observed = Spans::one(0, at(30));
    assert_eq!(gap(&blind, at(0), at(74)), (at(24), at(50), 24 * HOUR));
    // A job that has not ended, and one whose point was deleted by hand.
    let job = |is_made: bool| PointTrace {
        latest: at(31),
        sure_until: 0,
        is_made,
        ..PointTrace::listed(at(30))
    };
    let mut open = known.clone();
    open.points.push(job(false));
    assert_eq!(gap(&open, at(0), at(74)), (at(24), at(50), 24 * HOUR));
    let mut deleted = known.clone();
    deleted.points.push(job(true));
    assert_eq!(gap(&deleted, at(1), at(74)), (at(50), at(74), 24 * HOUR));
    assert_eq!(gap(&deleted, at(1), at(50)), (at(1), at(24), 23 * HOUR));
    assert_eq!(known.longest_without_point(120 * DAY, 130 * DAY), None);
}

/// AWS dates a job and its point alike, at some moment of the run's start window, anew every run.
#[test]
fn a_job_beside_its_point_shortens_no_gap() {
    let alone = table(&[5, 34, 53]);
    let mut beside = alone.clone();
    for point in &alone.points {
        beside.points.push(PointTrace {
            latest: point.earliest + 2 * HOUR,
            sure_until: 0,
            ..*point
        });
    }
    let gap = |known: &KnownTable| known.longest_without_point(100 * DAY, 102 * DAY + 12 * HOUR);
    assert_eq!(gap(&beside).map(|(from, to)| to - from), Some(29 * HOUR));
    assert_eq!(gap(&beside).map(|(_, to)| to), gap(&alone).map(|(_, to)| to));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// Between the two bounds lies the truth, and more evidence brings them nearer.
    #[test]
    fn the_longest_gap_lies_between_its_bounds(truth in truth(), sight in sight(), more in sight(), from in 0..END) {
        let better = Sight {
            points: sight.points.iter().zip(&more.points).map(|(a, b)| (a.0 || b.0, a.1 || b.1, least(a.2, b.2), least(a.3, b.3))).collect(),
            observed: sight.observed.iter().chain(&more.observed).copied().collect(),
            alive: sight.alive,
        };
        let (known, better) = (known(&truth, &sight), known(&truth, &better));
        let (start, end) = (from.max(truth.born), END.min(known.alive_until));
        prop_assume!(start < end);
        let mut dates: Vec<u32> = truth.points.iter().map(|(at, _)| *at).filter(|at| (start..=end).contains(at)).collect();
        dates.extend([start, end]);
        dates.sort_unstable();
        let really = dates.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let most = |known: &KnownTable| known.longest_without_point(from, END).map_or(0, |(from, to)| to - from);
        let least = |known: &KnownTable| known.surely_without_point(from, END, from);
        prop_assert!(least(&known) <= really && really <= most(&known), "{} {} {}", least(&known), really, most(&known));
        prop_assert!(least(&known) <= least(&better) && most(&better) <= most(&known));
    }

    /// What the longest gap says of an RPO, the proof over time says too.
    #[test]
    fn the_longest_gap_and_the_proof_agree(truth in truth(), sight in sight(), rpo in 1..40_u32) {
        let mut known = known(&truth, &sight);
        for point in &mut known.points {
            (point.sure_until, point.gone_by) = (u32::MAX, u32::MAX);
            (point.complete_earliest, point.complete_latest) = (point.earliest, point.latest);
        }
        known.gone_by = known.alive_until;
        let history = known.history(&demand(RpoDemand::rpo(rpo)), truth.born, END);
        let gap = known.longest_without_point(truth.born, END).map_or(0, |(from, to)| to - from);
        if gap <= rpo {
            prop_assert!(history.exposed.is_empty());
        }
        if known.points.iter().all(|point| point.earliest == point.latest) && history.not_observed.is_empty() {
            prop_assert_eq!(gap <= rpo, history.exposed.is_empty(), "{} {:?}", gap, history);
        }
        if known.surely_without_point(truth.born, END, truth.born) > rpo {
            let young = u32::from(history.exposed.is_empty());
            prop_assert_eq!(young, 0, "{:?}", history);
        }
    }
}

#[test]
fn a_job_whose_point_is_gone_dates_it_no_better_than_from_its_creation_to_its_end() {
    let mut known = table(&[0, 24]);
    known.points[0].latest += HOUR;
    let history = known.history(&DAILY, 100 * DAY, 102 * DAY);
    assert_eq!(history.not_observed, Spans::one(100 * DAY, 100 * DAY + HOUR));
    known.points[1] = PointTrace {
        earliest: 101 * DAY,
        latest: 101 * DAY + 60,
        ..known.points[1]
    };
    let history = known.history(&DAILY, 100 * DAY + HOUR, 102 * DAY);
    assert_eq!(history.not_observed, Spans::one(101 * DAY, 101 * DAY + 60));
    assert!(history.exposed.is_empty());
}

#[test]
fn after_its_archival_a_table_is_as_well_covered_as_it_was_then() {
    let archived = 100 * DAY;
    let of_age = |hours: u32| {
        let point = PointTrace::listed(archived - hours * 3600);
        let known = KnownTable {
            born: Some(0),
            alive_until: u32::MAX,
            gone_by: u32::MAX,
            points: vec![point],
            observed: Spans::one(0, u32::MAX),
        };
        let asked = RpoDemand::rpo(24 * 3600);
        let demand = DemandSpan {
            from: 0,
            to: u32::MAX,
            asked,
        };
        let to = archived + 90 * DAY;
        let history = known.history(&from_archival(&[demand], archived, to), archived, to);
        let seconds = |spans: &Spans| spans.seconds();
        (seconds(&history.covered), seconds(&history.exposed))
    };
    let all = 90 * u64::from(DAY);
    let (covered, exposed) = of_age(0);
    assert_eq!((covered, exposed), (all, 0));
    let (covered, exposed) = of_age(49);
    assert_eq!((covered, exposed), (0, all));
    // Near the limit nothing is said that is not so.
    let (covered, exposed) = of_age(30);
    assert_eq!(covered, 0);
    assert!(exposed < all);
}

/// What is being made cannot be restored, and is as old as its data once it can.
#[test]
fn a_point_counts_from_its_completion_with_the_age_of_its_data() {
    let mut known = table(&[0]);
    (known.points[0].complete_earliest, known.points[0].complete_latest) =
        (100 * DAY + 9 * HOUR, 100 * DAY + 10 * HOUR);
    let history = known.history(&DAILY, 100 * DAY, 102 * DAY);
    assert_eq!(
        history.exposed,
        Spans::of([(100 * DAY, 100 * DAY + 9 * HOUR), (101 * DAY, 102 * DAY)])
    );
    assert_eq!(
        history.not_observed,
        Spans::one(100 * DAY + 9 * HOUR, 100 * DAY + 10 * HOUR)
    );
    assert_eq!(history.covered, Spans::one(100 * DAY + 10 * HOUR, 101 * DAY));
}

#[test]
fn what_was_promised_is_a_state_of_its_own() {
    let mut known = table(&[0]);
    let point = &mut known.points[0];
    (point.sure_until, point.promised_until, point.gone_by) =
        (100 * DAY + HOUR, 100 * DAY + 5 * HOUR, 100 * DAY + 6 * HOUR);
    let mut history = known.history(&DAILY, 100 * DAY, 101 * DAY);
    assert_eq!(history.covered, Spans::one(100 * DAY, 100 * DAY + HOUR));
    assert_eq!(history.promised, Spans::one(100 * DAY + HOUR, 100 * DAY + 5 * HOUR));
    assert_eq!(
        history.not_observed,
        Spans::one(100 * DAY + 5 * HOUR, 100 * DAY + 6 * HOUR)
    );
    assert_eq!(history.days(100, 1), [DayProof::Exposed]);
    history.distrust();
    assert_eq!(history.not_observed, Spans::one(100 * DAY + HOUR, 100 * DAY + 6 * HOUR));
    assert!(history.promised.is_empty());
}

/// Its points may be of another table of its name by then.
#[test]
fn after_a_table_was_last_seen_nothing_is_said() {
    let mut known = table(&[0, 24]);
    (known.alive_until, known.gone_by) = (100 * DAY + HOUR, 101 * DAY);
    let history = known.history(&DAILY, 100 * DAY, 102 * DAY);
    assert_eq!(history.covered, Spans::one(100 * DAY, 100 * DAY + HOUR));
    assert_eq!(history.not_observed, Spans::one(100 * DAY + HOUR, 101 * DAY));
}
