//! The values that one table of a file sets, laid over those below it, and checked against each other.

use chrono::TimeDelta;

use crate::criteria::policy::Source;
use crate::criteria::values::{ANY_PLACE, CopyValues, FOREVER_DAYS, KeyOwner, LockWanted, PolicyValues};
use crate::duration;
use crate::text::nearest;
use crate::toml_reader::Section;
use crate::toml_reader::values::{check_account, days, distinct, region_or, whole_days};

/// AWS Backup remembers copy jobs for this long, so older copies cannot be shown to be complete.
const LONGEST_COPY_RPO: TimeDelta = TimeDelta::days(30);

/// The word for "not asked for": it lifts what a framework or `[policy]` asks for.
const NONE: &str = "none";

/// The table of what is asked of copies.
const COPY: &str = "copy";

/// Other names of values of `copy`, and the keys there.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("copy-regions", "copy.regions"),
    ("copy-accounts", "copy.accounts"),
    ("copy-rpo", "copy.rpo"),
];

/// The keys of [`PolicyValues`], those of tables in it behind a dot.
pub(crate) const VALUE_KEYS: [&str; 17] = [
    "rpo",
    "frequency",
    "tolerance",
    "retention-min",
    "retention-max",
    "key-owner",
    "vault-lock",
    "copy.regions",
    "copy.accounts",
    "copy.rpo",
    "copy.retention-min",
    "copy.key-owner",
    "copy.vault-lock",
    "accept-copies",
    "air-gapped-within",
    "restore-tested-within",
    "rto",
];

/// The key of a value by its name, or by its other name.
pub(crate) fn value_key(name: &str) -> Option<&'static str> {
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    let name = other.map_or(name, |(_, key)| key);
    VALUE_KEYS.into_iter().find(|key| *key == name)
}

/// Where a table sets a value, under whatever name.
pub(super) fn place_of(section: &Section<'_>, key: &str) -> Option<usize> {
    let other = || OTHER_NAMES.iter().find(|(_, known)| *known == key);
    section.place_of(key).or_else(|| section.place_of(other()?.0))
}

/// The values that one table sets; the others are `None`. An inner `None` is what the word `none` asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(crate) rpo: Option<Option<TimeDelta>>,
    pub(crate) frequency: Option<Option<TimeDelta>>,
    pub(crate) tolerance: Option<TimeDelta>,
    pub(crate) retention_min: Option<i64>,
    pub(crate) retention_max: Option<i64>,
    pub(crate) key_owner: Option<KeyOwner>,
    pub(crate) vault_lock: Option<LockWanted>,
    pub(crate) copy: CopyLayer,
    pub(crate) accept_copies: Option<bool>,
    pub(crate) air_gapped_within: Option<Option<TimeDelta>>,
    pub(crate) restore_tested_within: Option<Option<TimeDelta>>,
    pub(crate) rto: Option<TimeDelta>,
}

/// What one table says of copies.
#[derive(Debug, Clone, Default)]
pub(super) struct CopyLayer {
    pub(crate) regions: Option<Vec<String>>,
    pub(crate) accounts: Option<Vec<String>>,
    pub(crate) rpo: Option<TimeDelta>,
    pub(crate) retention_min: Option<i64>,
    pub(crate) key_owner: Option<KeyOwner>,
    pub(crate) vault_lock: Option<LockWanted>,
}

impl CopyLayer {
    /// Reads `copy` of a table, and the other names beside it.
    fn read(section: &Section<'_>) -> Self {
        let below = section.section(COPY);
        let mut layer = Self {
            regions: regions(section, "copy-regions"),
            accounts: accounts(section, "copy-accounts"),
            rpo: copy_rpo(section, "copy-rpo"),
            ..Self::default()
        };
        let Some(below) = below else { return layer };
        for (other, key) in OTHER_NAMES {
            if let (Some(offset), true) = (section.place_of(other), section.place_of(key).is_some()) {
                let (what, path) = (section.path_of(other), section.path_of(key));
                let what = format!("`{what}` is another name of `{path}`, and both are set");
                section.note(offset, what, "", format!("drop `{other}`"));
            }
        }
        layer.regions = regions(&below, "regions").or(layer.regions);
        layer.accounts = accounts(&below, "accounts").or(layer.accounts);
        layer.rpo = copy_rpo(&below, "rpo").or(layer.rpo);
        layer.retention_min = lifecycle_days(&below, "retention-min");
        layer.key_owner = key_owner(&below);
        layer.vault_lock = vault_lock(&below);
        below.finish();
        layer
    }

    fn over(&self, base: &CopyValues) -> CopyValues {
        CopyValues {
            regions: self.regions.as_ref().unwrap_or(&base.regions).clone(),
            accounts: self.accounts.as_ref().unwrap_or(&base.accounts).clone(),
            rpo: self.rpo.or(base.rpo),
            retention_min_days: self.retention_min.or(base.retention_min_days),
            key_owner: self.key_owner.or(base.key_owner),
            vault_lock: self.vault_lock.or(base.vault_lock),
        }
    }
}

impl Layer {
    /// Reads every value key of a table.
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let (rpo, mut frequency) = (span(section, "rpo"), span(section, "frequency"));
        let is_promised = rpo.map_or_else(|| section.has("rpo"), |rpo| rpo.is_some());
        if frequency == Some(None) && !is_promised {
            let what = format!(
                "`{}` may be `{NONE}` only where `rpo` is set beside it",
                section.path_of("frequency")
            );
            let why = "without both, no recovery point would be too old";
            let hint = "set `rpo`, or leave `frequency` out: then it is `1d`";
            section.note(section.place_of("frequency").unwrap_or(section.offset), what, why, hint);
            frequency = None;
        }
        Self {
            rpo,
            frequency,
            tolerance: span(section, "tolerance").flatten(),
            retention_min: lifecycle_days(section, "retention-min"),
            retention_max: lifecycle_days(section, "retention-max"),
            key_owner: key_owner(section),
            vault_lock: vault_lock(section),
            copy: CopyLayer::read(section),
            accept_copies: section.boolean("accept-copies"),
            air_gapped_within: span(section, "air-gapped-within"),
            restore_tested_within: span(section, "restore-tested-within"),
            rto: span(section, "rto").flatten(),
        }
    }

    /// These values where they are set, else those of `base`. A layer that says how old a point may be, by `rpo` or by
    /// `frequency`, drops both of `base`: the stricter of the two would win, and a tier could loosen nothing.
    pub(crate) fn over(&self, base: &PolicyValues) -> PolicyValues {
        let (rpo, frequency) = match (self.rpo, self.frequency) {
            (None, None) => (base.rpo, base.frequency),
            (rpo, frequency) => (rpo.flatten(), frequency.flatten()),
        };
        PolicyValues {
            rpo,
            frequency,
            tolerance: self.tolerance.or(base.tolerance),
            retention_min_days: self.retention_min.unwrap_or(base.retention_min_days),
            retention_max_days: self.retention_max.unwrap_or(base.retention_max_days),
            key_owner: self.key_owner.unwrap_or(base.key_owner),
            vault_lock: self.vault_lock.unwrap_or(base.vault_lock),
            copy: self.copy.over(&base.copy),
            accept_copies: self.accept_copies.unwrap_or(base.accept_copies),
            air_gapped_within: self.air_gapped_within.unwrap_or(base.air_gapped_within),
            restore_tested_within: self.restore_tested_within.unwrap_or(base.restore_tested_within),
            rto: self.rto.unwrap_or(base.rto),
            excused: base.excused,
        }
    }
}

/// Who set a value, in words.
pub(super) fn source_words(sources: &[(&'static str, Source)], key: &str, file: &str) -> String {
    match sources.iter().find(|(known, _)| *known == key) {
        None | Some((_, Source::Default)) => "the default".to_owned(),
        Some((_, Source::Framework(name))) => format!("framework `{name}`"),
        Some((_, Source::File)) => file.to_owned(),
    }
}

/// Two values that cannot both hold.
pub(super) struct Clash {
    /// The key to change.
    pub(crate) key: &'static str,
    /// The keys whose values clash.
    parts: &'static [&'static str],
    /// What is wrong, after the path of the key.
    pub(crate) what: &'static str,
    pub(crate) why: String,
    pub(crate) hint: String,
}

impl Clash {
    /// Where a table sets one of the values; `None` if it has no part in the clash.
    pub(crate) fn place(&self, section: &Section<'_>) -> Option<usize> {
        self.parts.iter().find_map(|key| place_of(section, key))
    }

    /// Notes it as a mistake of a table.
    pub(crate) fn note(self, section: &Section<'_>, place: usize) {
        let what = format!("`{}` {}", section.path_of(self.key), self.what);
        section.note(place, what, self.why, self.hint);
    }
}

/// Values that contradict each other; `said_by` tells who set a key.
pub(super) fn clashes(values: &PolicyValues, said_by: impl Fn(&str) -> String) -> Vec<Clash> {
    let mut clashes = Vec::new();
    let (min, max) = (values.retention_min_days, values.retention_max_days);
    if max < min {
        clashes.push(Clash {
            key: "retention-max",
            parts: &["retention-max", "retention-min"],
            what: "is shorter than `retention-min`",
            why: format!(
                "`retention-max` is {max}d ({}), `retention-min` is {min}d ({})",
                said_by("retention-max"),
                said_by("retention-min")
            ),
            hint: format!("set `retention-max` to `{min}d` or more, or `retention-min` to `{max}d` or less"),
        });
    }
    if let (Some(tolerance), Some(frequency)) = (values.tolerance, values.wanted_frequency())
        && tolerance > frequency
    {
        clashes.push(Clash {
            key: "tolerance",
            parts: &["tolerance", "frequency"],
            what: "is longer than the gap that is allowed between backups",
            why: format!(
                "`tolerance` is {} ({}), and a backup is due every {}: a whole one could be missed and nobody would see it",
                duration::human(tolerance),
                said_by("tolerance"),
                duration::human(frequency)
            ),
            hint: format!("set `tolerance` to `{}` or less", duration::human(frequency)),
        });
    }
    if let Some(copies) = values.copy.retention_min_days.filter(|copies| *copies > max) {
        clashes.push(Clash {
            key: "copy.retention-min",
            parts: &["copy.retention-min", "retention-max"],
            what: "is longer than `retention-max`, which bounds copies too",
            why: format!(
                "`copy.retention-min` is {copies}d ({}), `retention-max` is {max}d ({})",
                said_by("copy.retention-min"),
                said_by("retention-max")
            ),
            hint: format!("set `retention-max` to `{copies}d` or more, or `copy.retention-min` to `{max}d` or less"),
        });
    }
    let wants_copies = !values.copy.regions.is_empty() || !values.copy.accounts.is_empty();
    if wants_copies && values.copy_rpo() > LONGEST_COPY_RPO {
        clashes.push(Clash {
            key: "copy.rpo",
            parts: &["copy.rpo", "rpo", "frequency", "tolerance", "copy.regions", "copy.accounts"],
            what: "is missing, and copies are asked for",
            why: format!(
                "without it, it is twice the age that a point may have ({}), and AWS Backup remembers copy jobs for 30 days",
                duration::human(values.limit())
            ),
            hint: "set `copy.rpo` to `30d` or less".to_owned(),
        });
    }
    clashes
}

/// Reads `window`, which tiers may not set: gaps are looked for in the same days of every table.
pub(super) fn window(section: &Section<'_>) -> Option<i64> {
    let offset = section.place_of("window")?;
    let window = days(section, "window")?;
    if window > 365 {
        let why = "gaps are looked for in the last year at most";
        let what = format!("`{}` is longer than 365 days", section.path_of("window"));
        section.note(offset, what, why, "");
        return None;
    }
    Some(window)
}

/// A duration longer than nothing; `Some(None)` for `none` where it may be said.
fn span(section: &Section<'_>, key: &'static str) -> Option<Option<TimeDelta>> {
    let may_be_none = matches!(key, "rpo" | "frequency" | "air-gapped-within" | "restore-tested-within");
    span_of(section, key, may_be_none)
}

fn span_of(section: &Section<'_>, key: &'static str, may_be_none: bool) -> Option<Option<TimeDelta>> {
    let example = match key {
        "tolerance" | "rto" => "12h",
        "frequency" => "1d",
        "restore-tested-within" | "air-gapped-within" => "90d",
        "copy-rpo" => "48h",
        _ => "24h",
    };
    let text = section.string_like(key, example)?;
    if text.value == NONE && may_be_none {
        return Some(None);
    }
    let path = section.path_of(key);
    match duration::parse(&text.value) {
        Ok(span) if span > TimeDelta::zero() => return Some(Some(span)),
        Ok(_) => {
            let hint = format!("write it like `{key} = \"{example}\"`");
            section.note(text.offset, format!("`{path}` must be longer than nothing"), "", hint);
        }
        Err(why) => {
            let none = if may_be_none && key != "frequency" {
                ", or `none`"
            } else {
                ""
            };
            let hint = format!("write it like `{example}`{none}");
            section.note(text.offset, format!("`{path}` is not a duration"), why, hint);
        }
    }
    None
}

/// Whole days that a lifecycle can have; `none`, where it may be said, is no bound.
fn lifecycle_days(section: &Section<'_>, key: &'static str) -> Option<i64> {
    let text = section.string_like(key, "35d")?;
    if text.value == NONE && key == "retention-max" {
        return Some(FOREVER_DAYS);
    }
    let path = section.path_of(key);
    let days = whole_days(section, &path, &text)?;
    if days > FOREVER_DAYS {
        let what = format!("`{path}` is longer than {FOREVER_DAYS} days");
        section.note(
            text.offset,
            what,
            "AWS Backup keeps nothing longer, except for ever",
            "",
        );
        return None;
    }
    Some(days)
}

fn key_owner(section: &Section<'_>) -> Option<KeyOwner> {
    word(section, "key-owner", "a key owner", &KeyOwner::ALL, KeyOwner::as_str)
}

fn vault_lock(section: &Section<'_>) -> Option<LockWanted> {
    word(
        section,
        "vault-lock",
        "a vault lock",
        &LockWanted::ALL,
        LockWanted::as_str,
    )
}

fn regions(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    distinct(section, key, |region| {
        let hint = "name a Region, or write `any` for whichever other one";
        region_or(section, region, Some(ANY_PLACE), hint)
    })
}

fn accounts(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    distinct(section, key, |account| {
        account.value == ANY_PLACE || check_account(section, account)
    })
}

fn copy_rpo(section: &Section<'_>, key: &'static str) -> Option<TimeDelta> {
    let offset = section.place_of(key)?;
    let span = span_of(section, key, false).flatten()?;
    if span > LONGEST_COPY_RPO {
        let what = format!("`{}` is longer than 30 days", section.path_of(key));
        section.note(offset, what, "AWS Backup remembers copy jobs for 30 days", "");
        return None;
    }
    Some(span)
}

/// One of a closed list of words.
fn word<T: Copy>(
    section: &Section<'_>,
    key: &'static str,
    kind: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Option<T> {
    let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
    let text = section.string_like(key, names.last().copied().unwrap_or_default())?;
    let found = all.iter().copied().find(|one| name(*one) == text.value);
    if found.is_none() {
        let hint = match nearest(&text.value, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the words are {}", crate::text::list(&names)),
        };
        section.note(text.offset, format!("`{}` is not {kind}", text.value), "", hint);
    }
    found
}
