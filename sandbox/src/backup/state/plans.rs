//! Plans: documents with rules, in versions, and the selections that say what they cover.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

use super::arns::{PlaceKey, plan_arn};
use super::criteria::Criteria;
use super::lifecycle::Lifecycle;
use super::schedule::Schedule;
use super::vaults::Tags;
use crate::ids::Ids;

pub(crate) const MAX_WINDOW_MINUTES: i64 = 52_560_000;
/// The start window when none is asked for: 8 hours.
pub(crate) const DEFAULT_START_MINUTES: i64 = 480;
/// The completion window when none is asked for: 7 days.
pub(crate) const DEFAULT_COMPLETION_MINUTES: i64 = 10_080;

/// A backup plan with its selections.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) id: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) deleted: Option<DateTime<Utc>>,
    pub(crate) last_run: Option<DateTime<Utc>>,
    /// Oldest first, never empty.
    pub(crate) versions: Vec<PlanVersion>,
    pub(crate) selections: BTreeMap<String, Selection>,
    pub(crate) tags: Tags,
}

impl Plan {
    /// A plan with its first version and no selections.
    pub(crate) fn new(
        partition: &str,
        key: &PlaceKey,
        id: &str,
        document: Document,
        at: DateTime<Utc>,
        ids: &mut Ids,
    ) -> Self {
        Self {
            id: id.into(),
            arn: plan_arn(partition, key, id),
            creator_request_id: None,
            deleted: None,
            last_run: None,
            versions: vec![PlanVersion {
                id: version_id(ids),
                created: at,
                document: Arc::new(document),
            }],
            selections: BTreeMap::new(),
            tags: Tags::new(),
        }
    }

    /// The version in force. A plan has at least one.
    pub(crate) fn current(&self) -> &PlanVersion {
        self.versions.last().expect("a plan is created with its first version")
    }

    /// The document in force.
    pub(crate) fn document(&self) -> &Arc<Document> {
        &self.current().document
    }
}

/// One version of a plan's document.
#[derive(Debug, Clone)]
pub(crate) struct PlanVersion {
    pub(crate) id: Arc<str>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) document: Arc<Document>,
}

/// The content of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
    /// `AdvancedBackupSettings`, as sent.
    pub(crate) advanced: Value,
    /// `ScanSettings`, as sent.
    pub(crate) scan: Value,
    /// Members that the simulation does not know, as sent.
    pub(crate) extra: Map<String, Value>,
}

/// One rule of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) name: String,
    pub(crate) vault: Arc<str>,
    pub(crate) air_gapped: Option<Arc<str>>,
    pub(crate) expression: String,
    pub(crate) zone: String,
    pub(crate) schedule: Schedule,
    pub(crate) start_minutes: i64,
    pub(crate) completion_minutes: i64,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) point_tags: Tags,
    pub(crate) copies: Arc<[CopyAction]>,
    pub(crate) continuous: Option<bool>,
    /// `IndexActions` and `ScanActions`, as sent.
    pub(crate) index_actions: Value,
    pub(crate) scan_actions: Value,
    /// Members that the simulation does not know, as sent.
    pub(crate) extra: Map<String, Value>,
}

impl PartialEq for Rule {
    /// Two rules are the same document if they differ in nothing but their id.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.vault == other.vault
            && self.air_gapped == other.air_gapped
            && self.expression == other.expression
            && self.zone == other.zone
            && self.start_minutes == other.start_minutes
            && self.completion_minutes == other.completion_minutes
            && self.lifecycle == other.lifecycle
            && self.point_tags == other.point_tags
            && self.copies == other.copies
            && self.continuous == other.continuous
            && self.index_actions == other.index_actions
            && self.scan_actions == other.scan_actions
            && self.extra == other.extra
    }
}

impl Rule {
    pub(crate) fn window(&self) -> Duration {
        Duration::minutes(self.start_minutes)
    }
}

/// One copy that a rule orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyAction {
    pub(crate) vault: Arc<str>,
    pub(crate) lifecycle: Lifecycle,
}

/// A selection; never changed after its creation.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Arc<str>,
    pub(crate) criteria: Arc<Criteria>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) creator_request_id: Option<String>,
}

/// Which plan rule made a recovery point or a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreatedBy {
    pub(crate) plan_id: Arc<str>,
    pub(crate) plan_arn: Arc<str>,
    pub(crate) plan_name: String,
    pub(crate) plan_version: Arc<str>,
    pub(crate) rule_id: Arc<str>,
    pub(crate) rule_name: String,
    pub(crate) rule_cron: String,
    pub(crate) rule_zone: String,
}

/// A new version id: AWS's are base64 texts of uuids.
pub(crate) fn version_id(ids: &mut Ids) -> Arc<str> {
    STANDARD.encode(ids.uuid()).into()
}
