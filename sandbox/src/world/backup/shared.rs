//! What the sections of AWS Backup have in common.

use crate::backup::state::Lifecycle;
use crate::call::ApiError;
use crate::cloud::{Cloud, DEFAULT_BACKUP_ROLE};
use crate::world::values::days;
use backproof_toml_reader::Section;

/// Stands for the world's partition until the cloud is built.
pub(super) const PARTITION: &str = "{partition}";

/// The ARN of a role given by ARN, by path or by name.
pub(super) fn role_arn(account: &str, role: &str) -> String {
    if role.starts_with("arn:") {
        role.to_owned()
    } else {
        format!("arn:{PARTITION}:iam::{account}:role/{role}")
    }
}

/// A text with the partition in its place.
pub(super) fn located(cloud: &Cloud, text: &str) -> String {
    text.replace(PARTITION, &cloud.partition)
}

/// The role of selections and events that name none.
pub(super) fn default_role() -> String {
    DEFAULT_BACKUP_ROLE.to_owned()
}

/// A lifecycle out of `cold-after-days` and `delete-after-days`.
pub(super) fn lifecycle(section: &Section<'_>) -> Lifecycle {
    let lifecycle = Lifecycle {
        cold_after: days(section, "cold-after-days"),
        delete_after: days(section, "delete-after-days"),
        archive: None,
    };
    if let Err(what) = lifecycle.check() {
        section.note_at("delete-after-days", what, "");
        return Lifecycle::default();
    }
    lifecycle
}

/// An error of the API as a mistake in the file.
pub(super) fn words(error: &ApiError) -> String {
    error.message.strip_suffix('.').unwrap_or(&error.message).to_owned()
}
