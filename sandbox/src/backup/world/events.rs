//! Reads `[[event]]`: what happens in the course of the simulated history.

use std::sync::Arc;

use chrono::Duration;

use super::read::lifecycle;
use super::{EventSpec, PARTITION, What, default_role, role_arn};
use crate::backup::engine::PlaceKey;
use crate::backup::happenings::{Happening, RestoreTest};
use crate::backup::policy;
use crate::backup::state::{BackupJobState, Failure};
use crate::kms::KeyState;
use crate::world::{Section, World, nearest};

/// What can be done.
#[derive(Clone, Copy)]
enum Do {
    AdvancedOff,
    AdvancedOn,
    BreakRole,
    CreateTable,
    DeleteKey,
    DeletePoints,
    DeleteTable,
    DisableKey,
    EnableKey,
    FailJobs,
    MendRole,
    OnDemandBackup,
    OptIn,
    OptOut,
    RestoreTest,
    SkipRuns,
    TagTable,
    UntagTable,
}

const WORDS: [(&str, Do); 18] = [
    ("advanced-off", Do::AdvancedOff),
    ("advanced-on", Do::AdvancedOn),
    ("break-role", Do::BreakRole),
    ("create-table", Do::CreateTable),
    ("delete-key", Do::DeleteKey),
    ("delete-recovery-points", Do::DeletePoints),
    ("delete-table", Do::DeleteTable),
    ("disable-key", Do::DisableKey),
    ("enable-key", Do::EnableKey),
    ("fail-jobs", Do::FailJobs),
    ("mend-role", Do::MendRole),
    ("on-demand-backup", Do::OnDemandBackup),
    ("opt-in", Do::OptIn),
    ("opt-out", Do::OptOut),
    ("restore-test", Do::RestoreTest),
    ("skip-runs", Do::SkipRuns),
    ("tag-table", Do::TagTable),
    ("untag-table", Do::UntagTable),
];

const STATES: [(&str, BackupJobState); 4] = [
    ("FAILED", BackupJobState::Failed),
    ("ABORTED", BackupJobState::Aborted),
    ("EXPIRED", BackupJobState::Expired),
    ("PARTIAL", BackupJobState::Partial),
];

const VALIDATIONS: [(&str, &str); 4] = [
    ("FAILED", "FAILED"),
    ("SUCCESSFUL", "SUCCESSFUL"),
    ("TIMED_OUT", "TIMED_OUT"),
    ("VALIDATING", "VALIDATING"),
];

/// Reads one event. Mistakes in it are reported; nothing comes of it then.
pub(super) fn read(section: &Section<'_>, world: &World) -> Option<EventSpec> {
    let place = world.place(section);
    let ago = section.duration("at");
    if !section.has("at") {
        section.problem(
            "at",
            "`at` is missing in [[event]]: how long ago it happens, such as \"30d\"",
            None,
        );
    }
    let kind = section.choice("do", &WORDS);
    if !section.has("do") {
        section.problem("do", "`do` is missing in [[event]]", None);
    }
    let (kind, place) = (kind?, place?);
    let what = what(kind, section, &place, world);
    Some(EventSpec {
        place,
        ago: ago?,
        what: what?,
    })
}

fn what(kind: Do, section: &Section<'_>, place: &PlaceKey, world: &World) -> Option<What> {
    match kind {
        Do::DisableKey | Do::EnableKey | Do::DeleteKey => key(kind, section, place, world),
        Do::FailJobs => failures(section, place, world),
        Do::SkipRuns => {
            let (plan, until) = (section.needed_text("plan"), section.duration("until"));
            Some(What::Missed {
                until: until.unwrap_or(Duration::zero()),
                plan: plan?,
            })
        }
        other => once(other, section, place, world).map(What::Once),
    }
}

fn once(kind: Do, section: &Section<'_>, place: &PlaceKey, world: &World) -> Option<Happening> {
    Some(match kind {
        Do::AdvancedOff => Happening::Advanced { on: false },
        Do::AdvancedOn => Happening::Advanced { on: true },
        Do::OptIn => Happening::OptIn { on: true },
        Do::OptOut => Happening::OptIn { on: false },
        Do::BreakRole => break_role(section, place)?,
        Do::MendRole => Happening::MendRole {
            role: role(section, place),
        },
        Do::CreateTable => {
            let tags = section.map("tags").unwrap_or_default();
            Happening::CreateTable {
                table: tables(section, place, world)?,
                tags,
            }
        }
        Do::DeleteTable => Happening::DeleteTable {
            tables: tables(section, place, world)?,
        },
        Do::TagTable => {
            let tags = section.map("tags").unwrap_or_default();
            Happening::Tag {
                tables: tables(section, place, world)?,
                tags,
            }
        }
        Do::UntagTable => {
            let keys = section.texts("keys").unwrap_or_default();
            Happening::Untag {
                tables: tables(section, place, world)?,
                keys,
            }
        }
        Do::OnDemandBackup => {
            let (vault, lifecycle) = (section.needed_text("vault"), lifecycle(section));
            let role = role(section, place);
            Happening::Backup {
                tables: tables(section, place, world)?,
                vault: vault?.into(),
                role: role.into(),
                lifecycle,
            }
        }
        Do::DeletePoints => {
            let (vault, older_than) = (section.text("vault"), section.duration("older-than"));
            let tables = section.text("table").unwrap_or_else(|| "*".to_owned());
            Happening::DeletePoints {
                tables,
                vault,
                older_than,
            }
        }
        Do::RestoreTest => restore_test(section, place, world)?,
        Do::DeleteKey | Do::DisableKey | Do::EnableKey | Do::FailJobs | Do::SkipRuns => return None,
    })
}

/// The pattern of tables that an event is about.
fn tables(section: &Section<'_>, place: &PlaceKey, world: &World) -> Option<String> {
    let pattern = section.needed_text("table")?;
    let names = || {
        let here = world
            .tables
            .iter()
            .filter(|table| (&table.account, &table.region) == (&place.0, &place.1));
        here.flat_map(crate::world::TableSpec::names)
    };
    if !names().any(|name| policy::pattern(&pattern, &name)) {
        let known: Vec<String> = names().collect();
        let hint = nearest(&pattern, known.iter().map(String::as_str));
        section.problem(
            "table",
            format!("no table in {}/{} is called `{pattern}`", place.0, place.1),
            hint,
        );
    }
    Some(pattern)
}

fn role(section: &Section<'_>, place: &PlaceKey) -> String {
    role_arn(&place.0, &section.text("role").unwrap_or_else(default_role))
}

/// A role breaks: its rights are taken (the default), or it is gone.
fn break_role(section: &Section<'_>, place: &PlaceKey) -> Option<Happening> {
    let gone = section
        .choice("how", &[("denied", false), ("gone", true)])
        .unwrap_or(false);
    let message = section.text("message");
    let role = role(section, place);
    let name = role.rsplit('/').next().unwrap_or(&role).to_owned();
    let message = message.unwrap_or_else(|| {
        if gone {
            format!("IAM Role {role} cannot be assumed by AWS Backup")
        } else {
            format!(
                "User: arn:{PARTITION}:sts::{}:assumed-role/{name}/AWSBackup-{name} is not authorized to perform: dynamodb:ListTagsOfResource on resource: {{resource}} because no identity-based policy allows the dynamodb:ListTagsOfResource action",
                place.0
            )
        }
    });
    Some(Happening::BreakRole {
        role,
        message: message.into(),
    })
}

fn key(kind: Do, section: &Section<'_>, place: &PlaceKey, world: &World) -> Option<What> {
    let name = section.needed_text("key")?;
    world.knows_key(section, "key", place, &name);
    let state = match kind {
        Do::DisableKey => KeyState::Disabled,
        Do::DeleteKey => KeyState::PendingDeletion,
        _ => KeyState::Enabled,
    };
    Some(What::Key { name, state })
}

fn failures(section: &Section<'_>, place: &PlaceKey, world: &World) -> Option<What> {
    let state = section.choice("state", &STATES).unwrap_or(BackupJobState::Failed);
    let message = section
        .text("message")
        .unwrap_or_else(|| "An internal error occurred.".to_owned());
    let until = section.duration("until");
    let tables = tables(section, place, world)?;
    let failure = Failure {
        from: chrono::DateTime::UNIX_EPOCH,
        until: None,
        tables,
        state,
        message: Arc::from(message),
    };
    Some(What::Failures { until, failure })
}

fn restore_test(section: &Section<'_>, place: &PlaceKey, world: &World) -> Option<Happening> {
    let plan = section.text("plan");
    let minutes = section.days("minutes").unwrap_or(12);
    let failure = section.text("failure").map(Arc::from);
    let validation = section.choice("validation", &VALIDATIONS).map(str::to_owned);
    let role = role(section, place);
    let tables = tables(section, place, world)?;
    Some(Happening::RestoreTest(RestoreTest {
        tables,
        plan,
        role: role.into(),
        minutes,
        failure,
        validation,
    }))
}
