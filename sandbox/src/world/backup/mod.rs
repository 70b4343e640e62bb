//! What the world file says of AWS Backup: vaults, plans with selections, settings, restore testing plans and events.
//!
//! In: the sections of the file, read key by key so that all mistakes are reported at once. Out: a [`Spec`], and from it the state
//! of AWS Backup at the start of history, with everything on the agenda that the plans and the file want to happen. Documents of
//! plans and selections are checked by the same code as those of API calls.

mod events;
mod plans;
mod restore_testing;
mod settings;
mod shared;
mod vaults;

use backproof_toml_reader::Section;
use chrono::{DateTime, Duration, Utc};

use super::known::Known;
use crate::cloud::Cloud;

/// Vaults and plans that say nothing of their age are so much older than history.
const OLDER_DAYS: i64 = 200;

/// AWS Backup as the world file wants it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    vaults: Vec<vaults::VaultSpec>,
    plans: Vec<plans::PlanSpec>,
    settings: Vec<settings::SettingsSpec>,
    testing: Vec<restore_testing::TestingSpec>,
    events: Vec<events::EventSpec>,
}

/// Reads `[[vault]]`, `[[plan]]`, `[settings]`, `[[restore-testing-plan]]` and `[[event]]` of the file.
pub(super) fn read(root: &Section<'_>, known: &Known) -> Spec {
    fn all<T>(
        root: &Section<'_>,
        key: &'static str,
        known: &Known,
        read: fn(&Section<'_>, &Known) -> Option<T>,
    ) -> Vec<T> {
        let sections = root.sections(key);
        let read = |section: &Section<'_>| {
            let spec = read(section, known);
            section.finish();
            spec
        };
        sections.iter().filter_map(read).collect()
    }
    let settings = root.named_sections("settings");
    let settings = settings.iter().filter_map(|(name, section)| {
        let spec = settings::read(name, section, known);
        section.finish();
        spec
    });
    Spec {
        settings: settings.collect(),
        vaults: all(root, "vault", known, vaults::read),
        testing: all(root, "restore-testing-plan", known, restore_testing::read),
        plans: all(root, "plan", known, plans::read),
        events: all(root, "event", known, events::read),
    }
}

/// Puts everything in its place, as it was at the start of history, and plans what is to come.
pub(super) fn apply(spec: &Spec, cloud: &mut Cloud, start: DateTime<Utc>, now: DateTime<Utc>) {
    let older = start - Duration::days(OLDER_DAYS);
    let age = |days: Option<i64>| days.map_or(older, |days| now - Duration::days(days));
    for settings in &spec.settings {
        settings::install(cloud, settings);
    }
    for vault in &spec.vaults {
        vaults::install(cloud, vault, age(vault.created_days_ago), now);
    }
    for testing in &spec.testing {
        restore_testing::install(cloud, testing, older, start);
    }
    // Events first: what happens at the very hour of a plan's run has happened before it.
    for event in &spec.events {
        events::install(cloud, event, start, now);
    }
    for plan in &spec.plans {
        plans::install(cloud, plan, age(plan.created_days_ago), start, now);
    }
}
