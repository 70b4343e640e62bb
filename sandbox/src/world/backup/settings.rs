//! `[settings."<account>/<region>"]`: opt-in and advanced features.

use crate::backup::state::PlaceKey;
use crate::cloud::Cloud;
use crate::world::known::Known;
use backproof_toml_reader::Section;

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct SettingsSpec {
    place: PlaceKey,
    opt_in: bool,
    advanced: bool,
    incremental: bool,
}

/// Reads the settings of one place.
pub(super) fn read(name: &str, section: &Section<'_>, known: &Known) -> Option<SettingsSpec> {
    let opt_in = section.boolean("dynamodb-opt-in").unwrap_or(true);
    let advanced = section.boolean("dynamodb-advanced").unwrap_or(true);
    let incremental = section.boolean("dynamodb-incremental").unwrap_or(false);
    let place = name
        .split_once('/')
        .filter(|(account, region)| known.has_place(account, region));
    if place.is_none() {
        section.note(
            section.offset,
            format!("`{name}` is not an account and a Region of this world, such as \"111122223333/eu-west-1\""),
            "",
            "",
        );
    }
    let (account, region) = place?;
    Some(SettingsSpec {
        place: (account.to_owned(), region.to_owned()),
        opt_in,
        advanced,
        incremental,
    })
}

/// Sets them, from the start of history on.
pub(super) fn install(cloud: &mut Cloud, spec: &SettingsSpec) {
    let state = &mut cloud.place_mut(&spec.place.0, &spec.place.1).backup;
    state.opt_in.insert("DynamoDB".to_owned(), spec.opt_in);
    state.management.insert("DynamoDB".to_owned(), spec.advanced);
    state.incremental.insert("DynamoDB".to_owned(), spec.incremental);
}
