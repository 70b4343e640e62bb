//! Runs of plans: which tables a rule takes at its hour, and which rule wins when two overlap.
//!
//! In: a rule that fires. Out: one backup job for each table that a selection of the plan takes, to be started at a moment
//! inside the start window. The moment depends on rule and table only, so that a daily rule keeps its 24 hours.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::restore_testing;
use crate::backup::state::{BackupJob, BackupJobState, CreatedBy, Document, Due, Home, PlaceKey, Plan, Rule, RuleRun};
use crate::cloud::Cloud;
use crate::ids::{scatter, variation};

/// Plans the first runs of a plan's version.
pub(crate) fn schedule(cloud: &mut Cloud, key: &Arc<PlaceKey>, id: &str, from: DateTime<Utc>) {
    let Some(plan) = cloud.places.get(&**key).and_then(|place| place.backup.plans.get(id)) else {
        return;
    };
    let version = plan.current();
    for (rule, at) in version
        .document
        .rules
        .iter()
        .enumerate()
        .filter_map(|(n, rule)| Some((n, rule.schedule.next_after(from)?)))
    {
        let run = RuleRun {
            plan: Arc::clone(&plan.id),
            version: Arc::clone(&version.id),
            rule,
        };
        cloud.backup.add(at, key, Due::RunRule(Box::new(run)));
    }
}

/// A rule fires: jobs are made, and the rule's next run is planned.
pub(crate) fn run(cloud: &mut Cloud, key: &Arc<PlaceKey>, run: &RuleRun, at: DateTime<Utc>) {
    let Some(place) = cloud.places.get_mut(&**key) else {
        return;
    };
    let Some(plan) = place.backup.plans.get(&*run.plan) else {
        return;
    };
    let version = plan.current();
    let Some(rule) = version.document.rules.get(run.rule) else {
        return;
    };
    if version.id != run.version || plan.deleted.is_some_and(|deleted| deleted <= at) {
        return;
    }
    if let Some(next) = rule.schedule.next_after(at) {
        cloud.backup.add(next, key, Due::RunRule(Box::new(run.clone())));
    }
    let missed = place.backup.missed.iter().any(|missed| {
        missed.from <= at && at < missed.until && (missed.plan == *plan.id || missed.plan == version.document.name)
    });
    if missed || is_suppressed(&version.document, run.rule, at, version.created) {
        return;
    }
    let taken = taken(cloud, key, &run.plan, at);
    make_jobs(cloud, key, run, taken, at);
}

/// The tables that a plan takes now, each with the role of the first selection that takes it.
fn taken(cloud: &Cloud, key: &PlaceKey, plan: &str, at: DateTime<Utc>) -> Vec<(Arc<str>, Arc<str>)> {
    let Some(place) = cloud.places.get(key) else {
        return Vec::new();
    };
    let Some(plan) = place.backup.plans.get(plan) else {
        return Vec::new();
    };
    let home = Home {
        partition: &cloud.partition,
        account: &key.0,
        region: &key.1,
        opted_in: place.backup.opted_in(),
    };
    place
        .dynamodb
        .tables()
        .filter(|table| table.created_at <= at && !table.name.starts_with(restore_testing::PREFIX))
        .filter_map(|table| {
            let selection = plan
                .selections
                .values()
                .find(|s| s.created <= at && s.criteria.takes(home, &table.arn, &table.tags))?;
            Some((place.backup.points.shared(&table.arn), Arc::clone(&selection.role)))
        })
        .collect()
}

fn make_jobs(
    cloud: &mut Cloud,
    key: &Arc<PlaceKey>,
    run: &RuleRun,
    taken: Vec<(Arc<str>, Arc<str>)>,
    at: DateTime<Utc>,
) {
    let Some(place) = cloud.places.get_mut(&**key) else {
        return;
    };
    let Some(plan) = place.backup.plans.get_mut(&*run.plan) else {
        return;
    };
    plan.last_run = Some(at);
    let document = Arc::clone(plan.document());
    let Some(rule) = document.rules.get(run.rule) else {
        return;
    };
    let created_by = Arc::new(created_by(plan, &document, rule));
    let tags = Arc::new(rule.point_tags.clone());
    let ids = cloud.ids.fresh();
    let dice = cloud.settings.jobs.random_starts.then(|| (cloud.ids.seed(), at));
    for (number, (resource, role)) in (1..).zip(taken) {
        let start = at + start_offset(rule, &resource, dice);
        let job = BackupJob {
            id: variation(ids, number),
            vault: Arc::clone(&rule.vault),
            air_gapped: rule.air_gapped.clone(),
            resource,
            role,
            created_by: Some(Arc::clone(&created_by)),
            created: start,
            start_by: at + rule.window(),
            complete_by: start + Duration::minutes(rule.completion_minutes),
            initiated: None,
            completed: None,
            state: BackupJobState::Created,
            message: None,
            category: None,
            lifecycle: rule.lifecycle,
            point_tags: Arc::clone(&tags),
            copies: Arc::clone(&rule.copies),
            point: None,
            point_arn: None,
            size: None,
            on_demand: false,
        };
        cloud.backup.add(start, key, Due::MakeBackup(Box::new(job)));
    }
}

fn created_by(plan: &Plan, document: &Document, rule: &Rule) -> CreatedBy {
    CreatedBy {
        plan_id: Arc::clone(&plan.id),
        plan_arn: Arc::clone(&plan.arn),
        plan_name: document.name.clone(),
        plan_version: Arc::clone(&plan.current().id),
        rule_id: Arc::clone(&rule.id),
        rule_name: rule.name.clone(),
        rule_cron: rule.expression.clone(),
        rule_zone: rule.zone.clone(),
    }
}

/// When inside its window a job starts. AWS may take any moment of it, and takes another at every run; without `dice`, which
/// are the seed and the run, each table has one moment of its own for all runs of a rule.
fn start_offset(rule: &Rule, resource: &str, dice: Option<(u64, DateTime<Utc>)>) -> Duration {
    let window = u64::try_from(rule.window().num_seconds()).unwrap_or(0).max(1);
    let roll = dice.map_or_else(String::new, |(seed, run)| format!("{seed} {}", run.timestamp()));
    let parts = [rule.name.as_str(), resource, roll.as_str()];
    let seconds = scatter(&parts[..if dice.is_some() { 3 } else { 2 }]) % window;
    Duration::seconds(i64::try_from(seconds).unwrap_or(0))
}

/// Whether another rule of the plan with a longer retention takes this run's place.
///
/// Two runs overlap when their *whole* start windows do. A run that is itself suppressed suppresses nothing.
pub(crate) fn is_suppressed(document: &Document, index: usize, at: DateTime<Utc>, since: DateTime<Utc>) -> bool {
    let Some(rule) = document.rules.get(index) else {
        return false;
    };
    let end = at + rule.window();
    document.rules.iter().enumerate().any(|(other, longer)| {
        let rank = (longer.lifecycle.retention(), Reverse(other)) > (rule.lifecycle.retention(), Reverse(index));
        other != index
            && rank
            && longer
                .schedule
                .between(at - longer.window(), end - Duration::milliseconds(1))
                .into_iter()
                .any(|run| run >= since && !is_suppressed(document, other, run, since))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::state::{Lifecycle, Schedule};
    use serde_json::Value;

    fn rule(name: &str, cron: &str, hours: i64, days: Option<i64>) -> Rule {
        Rule {
            id: name.into(),
            name: name.to_owned(),
            vault: "v".into(),
            air_gapped: None,
            expression: cron.to_owned(),
            zone: "Etc/UTC".to_owned(),
            schedule: Schedule::parse(Some(cron), None).unwrap(),
            start_minutes: hours * 60,
            completion_minutes: 10_080,
            lifecycle: Lifecycle {
                delete_after: days,
                ..Lifecycle::default()
            },
            point_tags: Default::default(),
            copies: Arc::new([]),
            continuous: None,
            index_actions: Value::Null,
            scan_actions: Value::Null,
            extra: serde_json::Map::new(),
        }
    }

    fn runs_of_one_day(rules: Vec<Rule>) -> Vec<usize> {
        let document = Document {
            name: "p".to_owned(),
            rules,
            advanced: Value::Null,
            scan: Value::Null,
            extra: serde_json::Map::new(),
        };
        let day: DateTime<Utc> = "2026-03-10T00:00:00Z".parse().unwrap();
        let since = day - Duration::days(30);
        (0..document.rules.len())
            .map(|index| {
                let from = day - Duration::milliseconds(1);
                let runs = document.rules[index].schedule.between(from, from + Duration::days(1));
                runs.into_iter()
                    .filter(|at| !is_suppressed(&document, index, *at, since))
                    .count()
            })
            .collect()
    }

    #[test]
    fn the_guide_s_example_gives_two_and_eight_backups() {
        let hourly = rule("hourly", "cron(0 * ? * * *)", 1, Some(7));
        let twice = rule("twice", "cron(0 0/12 ? * * *)", 8, Some(35));
        assert_eq!(runs_of_one_day(vec![hourly, twice]), [8, 2]);
    }

    #[test]
    fn rules_apart_do_not_disturb_each_other() {
        let morning = rule("morning", "cron(0 5 ? * * *)", 8, Some(7));
        let evening = rule("evening", "cron(0 13 ? * * *)", 8, None);
        assert_eq!(runs_of_one_day(vec![morning, evening]), [1, 1]);
    }

    #[test]
    fn of_equal_retentions_the_first_rule_wins() {
        let one = rule("one", "cron(0 5 ? * * *)", 8, Some(35));
        let two = rule("two", "cron(0 6 ? * * *)", 8, Some(35));
        assert_eq!(runs_of_one_day(vec![one, two]), [1, 0]);
    }

    #[test]
    fn a_suppressed_run_suppresses_nothing() {
        // The yearly rule takes the place of the weekly one, which therefore leaves the short one alone.
        let short = rule("short", "cron(0 1 ? * * *)", 1, Some(7));
        let weekly = rule("weekly", "cron(0 0 ? * * *)", 4, Some(35));
        let yearly = rule("yearly", "cron(0 3 ? * * *)", 1, None);
        assert_eq!(runs_of_one_day(vec![short, weekly, yearly]), [1, 0, 1]);
    }

    #[test]
    fn dice_give_each_run_a_moment_of_its_own() {
        let rule = rule("daily", "cron(0 5 ? * * *)", 8, Some(35));
        let day = |day: i64| DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let of = |seed, run| start_offset(&rule, "a", Some((seed, day(run))));
        let offsets: std::collections::BTreeSet<Duration> = (0..30).map(|run| of(1, run)).collect();
        assert!(offsets.len() > 25 && offsets.iter().all(|offset| *offset < rule.window()));
        assert_eq!(of(1, 7), of(1, 7));
        assert_ne!(of(1, 7), of(2, 7));
    }

    #[test]
    fn offsets_stay_inside_the_window_and_never_change() {
        let rule = rule("daily", "cron(0 5 ? * * *)", 1, Some(35));
        for table in ["a", "b", "c"] {
            let offset = start_offset(&rule, table, None);
            assert!(offset >= Duration::zero() && offset < rule.window());
            assert_eq!(offset, start_offset(&rule, table, None));
        }
    }
}
