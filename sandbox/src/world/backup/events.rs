//! `[[event]]`: what happens in the course of the simulated history.

use backproof_toml_reader::{Section, did_you_mean};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::shared::{PARTITION, default_role, lifecycle, located, role_arn};
use crate::backup::state::{
    BackupJobState, Due, End, Event, Failure, Missed, PlaceKey, PointStatus, RestoreTest, Which, policy,
};
use crate::cloud::Cloud;
use crate::dynamodb::state::Changes;
use crate::kms::state::KeyState;
use crate::world::known::Known;
use crate::world::tables::{TableSpec, read_changes};
use crate::world::values::{choice, days, duration, texts};

/// One event, before the partition and the keys are known.
#[derive(Debug, Clone)]
pub(super) struct EventSpec {
    place: PlaceKey,
    ago: Duration,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// At one moment.
    Once(Event),
    /// A key, still by its name.
    Key { name: String, state: KeyState },
    /// Jobs that start in a span of time fail.
    Failures { until: Option<Duration>, failure: Failure },
    /// Runs in a span of time are missed.
    Missed { until: Duration, plan: String },
}

/// What can be done.
#[derive(Clone, Copy)]
enum Do {
    AdvancedOff,
    AdvancedOn,
    BreakRole,
    CreateTable,
    DamagePoints,
    DeleteKey,
    DeletePoints,
    DeleteTable,
    DisableKey,
    EnableKey,
    FailJobs,
    LegalHold,
    MendRole,
    OnDemandBackup,
    OptIn,
    OptOut,
    RestoreTest,
    SetPoints,
    SkipRuns,
    TagTable,
    UntagTable,
    WriteItems,
}

const WORDS: [(&str, Do); 22] = [
    ("advanced-off", Do::AdvancedOff),
    ("advanced-on", Do::AdvancedOn),
    ("break-role", Do::BreakRole),
    ("create-table", Do::CreateTable),
    ("damage-recovery-points", Do::DamagePoints),
    ("delete-key", Do::DeleteKey),
    ("delete-recovery-points", Do::DeletePoints),
    ("delete-table", Do::DeleteTable),
    ("disable-key", Do::DisableKey),
    ("enable-key", Do::EnableKey),
    ("fail-jobs", Do::FailJobs),
    ("legal-hold", Do::LegalHold),
    ("mend-role", Do::MendRole),
    ("on-demand-backup", Do::OnDemandBackup),
    ("opt-in", Do::OptIn),
    ("opt-out", Do::OptOut),
    ("restore-test", Do::RestoreTest),
    ("set-recovery-points", Do::SetPoints),
    ("skip-runs", Do::SkipRuns),
    ("tag-table", Do::TagTable),
    ("untag-table", Do::UntagTable),
    ("write-items", Do::WriteItems),
];

const POINT_STATES: [(&str, PointStatus); 5] = [
    ("DELETING", PointStatus::Deleting),
    ("EXPIRED", PointStatus::Expired),
    ("PARTIAL", PointStatus::Partial),
    ("STOPPED", PointStatus::Stopped),
    ("COMPLETED", PointStatus::Completed),
];

const ENDS: [(&str, End); 3] = [("all", End::All), ("newest", End::Newest), ("oldest", End::Oldest)];

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
pub(super) fn read(section: &Section<'_>, known: &Known) -> Option<EventSpec> {
    let place = known.place(section);
    let ago = duration(section, "at");
    if !section.has("at") {
        section.note_at(
            "at",
            "`at` is missing in [[event]]: how long ago it happens, such as \"30d\"",
            "",
        );
    }
    let kind = choice(section, "do", &WORDS);
    if !section.has("do") {
        section.note_at("do", "`do` is missing in [[event]]", "");
    }
    let (kind, place) = (kind?, place?);
    let what = what(kind, section, &place, known);
    Some(EventSpec {
        place,
        ago: ago?,
        what: what?,
    })
}

fn what(kind: Do, section: &Section<'_>, place: &PlaceKey, known: &Known) -> Option<What> {
    match kind {
        Do::DisableKey | Do::EnableKey | Do::DeleteKey => key(kind, section, place, known),
        Do::FailJobs => failures(section, place, known),
        Do::SkipRuns => {
            let (plan, until) = (section.needed("plan"), duration(section, "until"));
            Some(What::Missed {
                until: until.unwrap_or(Duration::zero()),
                plan: plan?,
            })
        }
        other => once(other, section, place, known).map(What::Once),
    }
}

fn once(kind: Do, section: &Section<'_>, place: &PlaceKey, known: &Known) -> Option<Event> {
    Some(match kind {
        Do::AdvancedOff => Event::Advanced { on: false },
        Do::AdvancedOn => Event::Advanced { on: true },
        Do::OptIn => Event::OptIn { on: true },
        Do::OptOut => Event::OptIn { on: false },
        Do::BreakRole => break_role(section, place)?,
        Do::MendRole => Event::MendRole {
            role: role(section, place),
        },
        Do::CreateTable => {
            let tags = section.string_map("tags").unwrap_or_default();
            Event::CreateTable {
                table: tables(section, place, known)?,
                tags,
            }
        }
        Do::DeleteTable => Event::DeleteTable {
            tables: tables(section, place, known)?,
        },
        Do::TagTable => {
            let tags = section.string_map("tags").unwrap_or_default();
            Event::Tag {
                tables: tables(section, place, known)?,
                tags,
            }
        }
        Do::UntagTable => {
            let keys = texts(section, "keys").unwrap_or_default();
            Event::Untag {
                tables: tables(section, place, known)?,
                keys,
            }
        }
        Do::OnDemandBackup => {
            let (vault, lifecycle) = (section.needed("vault"), lifecycle(section));
            let role = role(section, place);
            Event::Backup {
                tables: tables(section, place, known)?,
                vault: vault?.into(),
                role: role.into(),
                lifecycle,
            }
        }
        Do::DeletePoints => {
            let (vault, older_than) = (section.text("vault"), duration(section, "older-than"));
            let tables = section.text("table").unwrap_or_else(|| "*".to_owned());
            Event::DeletePoints {
                tables,
                vault,
                older_than,
            }
        }
        Do::LegalHold => Event::LegalHold {
            tables: section.text("table").unwrap_or_else(|| "*".to_owned()),
            vault: section.text("vault"),
        },
        Do::RestoreTest => restore_test(section, place, known)?,
        Do::WriteItems => {
            let changes = changes(section);
            Event::WriteItems {
                tables: tables(section, place, known)?,
                changes,
            }
        }
        Do::DamagePoints => {
            let changes = changes(section);
            Event::DamagePoints {
                which: which(section),
                changes,
            }
        }
        Do::SetPoints => set_points(section)?,
        Do::DeleteKey | Do::DisableKey | Do::EnableKey | Do::FailJobs | Do::SkipRuns => return None,
    })
}

/// Changes of items; an event without any is a mistake.
fn changes(section: &Section<'_>) -> Changes {
    let changes = read_changes(section);
    if changes.is_none() {
        let hint = "at least one of `added`, `changed`, `swapped` and `lost`";
        section.note_at("do", "the event changes no item", hint);
    }
    changes
}

/// The recovery points that an event is about.
fn which(section: &Section<'_>) -> Which {
    Which {
        tables: section.text("table").unwrap_or_else(|| "*".to_owned()),
        vault: section.text("vault"),
        end: choice(section, "which", &ENDS).unwrap_or(End::All),
    }
}

fn set_points(section: &Section<'_>) -> Option<Event> {
    let status = choice(section, "state", &POINT_STATES);
    if !section.has("state") {
        section.note_at("state", "`state` is missing: the state of the recovery points", "");
    }
    let (which, message) = (which(section), section.text("message").map(Arc::from));
    Some(Event::SetPoints {
        which,
        status: status?,
        message,
    })
}

/// The pattern of tables that an event is about.
fn tables(section: &Section<'_>, place: &PlaceKey, known: &Known) -> Option<String> {
    let pattern = section.needed("table")?;
    let names = || {
        let here = known
            .tables
            .iter()
            .filter(|table| (&table.account, &table.region) == (&place.0, &place.1));
        here.flat_map(TableSpec::names)
    };
    if !names().any(|name| policy::pattern(&pattern, &name)) {
        let known: Vec<String> = names().collect();
        let hint = did_you_mean(&pattern, known.iter().map(String::as_str));
        section.note_at(
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
fn break_role(section: &Section<'_>, place: &PlaceKey) -> Option<Event> {
    let gone = choice(section, "how", &[("denied", false), ("gone", true)]).unwrap_or(false);
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
    Some(Event::BreakRole {
        role,
        message: message.into(),
    })
}

fn key(kind: Do, section: &Section<'_>, place: &PlaceKey, known: &Known) -> Option<What> {
    let name = section.needed("key")?;
    known.knows_key(section, "key", place, &name);
    let state = match kind {
        Do::DisableKey => KeyState::Disabled,
        Do::DeleteKey => KeyState::PendingDeletion,
        _ => KeyState::Enabled,
    };
    Some(What::Key { name, state })
}

fn failures(section: &Section<'_>, place: &PlaceKey, known: &Known) -> Option<What> {
    let state = choice(section, "state", &STATES).unwrap_or(BackupJobState::Failed);
    let message = section
        .text("message")
        .unwrap_or_else(|| "An internal error occurred.".to_owned());
    let until = duration(section, "until");
    let tables = tables(section, place, known)?;
    let failure = Failure {
        from: DateTime::UNIX_EPOCH,
        until: None,
        tables,
        state,
        message: Arc::from(message),
        category: section.text("category").map(Arc::from),
    };
    Some(What::Failures { until, failure })
}

fn restore_test(section: &Section<'_>, place: &PlaceKey, known: &Known) -> Option<Event> {
    let plan = section.text("plan");
    let minutes = days(section, "minutes").unwrap_or(12);
    let failure = section.text("failure").map(Arc::from);
    let validation = choice(section, "validation", &VALIDATIONS).map(str::to_owned);
    let role = role(section, place);
    let tables = tables(section, place, known)?;
    Some(Event::RestoreTest(RestoreTest {
        tables,
        plan,
        role: role.into(),
        minutes,
        failure,
        validation,
    }))
}

/// An event with the partition in its place.
fn located_event(cloud: &Cloud, event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::BreakRole { role, message } => {
            *role = located(cloud, role);
            *message = located(cloud, message).into();
        }
        Event::MendRole { role } => *role = located(cloud, role),
        Event::Backup { role, .. } | Event::RestoreTest(RestoreTest { role, .. }) => {
            *role = located(cloud, role).into();
        }
        _ => {}
    }
    event
}

/// Puts an event on the agenda, or what it wishes for into the state.
pub(super) fn install(cloud: &mut Cloud, spec: &EventSpec, start: DateTime<Utc>, now: DateTime<Utc>) {
    let at = (now - spec.ago).max(start);
    let key = Arc::new(spec.place.clone());
    if let What::Once(event) = &spec.what {
        let event = Arc::new(located_event(cloud, event));
        return cloud.backup.add(at, &key, Due::Event(event));
    }
    let place = cloud.place_mut(&spec.place.0, &spec.place.1);
    match &spec.what {
        What::Once(_) => {}
        What::Key { name, state } => {
            if let Some(found) = place.kms.find_mut(&format!("alias/{name}")) {
                found.change(at, *state);
            }
        }
        What::Failures { until, failure } => {
            let until = until.map(|ago| now - ago);
            place.backup.failures.push(Failure {
                from: at,
                until,
                ..failure.clone()
            });
        }
        What::Missed { until, plan } => {
            place.backup.missed.push(Missed {
                from: at,
                until: now - *until,
                plan: plan.clone(),
            });
        }
    }
}
