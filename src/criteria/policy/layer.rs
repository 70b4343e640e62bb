//! The values that one table of a file sets, laid over those below it, and checked against each other.

use chrono::TimeDelta;

use crate::criteria::policy::Source;
use crate::criteria::values::{ANY_PLACE, FOREVER_DAYS, KeyOwner, LockWanted, PolicyValues};
use crate::duration;
use crate::text::nearest;
use crate::toml_reader::Section;
use crate::toml_reader::values::{check_account, days, distinct, region_or, whole_days};

/// AWS Backup remembers copy jobs for this long, so older copies cannot be shown to be complete.
const LONGEST_COPY_RPO: TimeDelta = TimeDelta::days(30);

/// The word for "not asked for": it lifts what a framework or `[policy]` asks for.
const NONE: &str = "none";

/// The keys of [`PolicyValues`].
pub(crate) const VALUE_KEYS: [&str; 13] = [
    "rpo",
    "frequency",
    "tolerance",
    "retention-min",
    "retention-max",
    "key-owner",
    "vault-lock",
    "copy-regions",
    "copy-accounts",
    "copy-rpo",
    "air-gapped-within",
    "restore-tested-within",
    "rto",
];

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
    pub(crate) copy_regions: Option<Vec<String>>,
    pub(crate) copy_accounts: Option<Vec<String>>,
    pub(crate) copy_rpo: Option<TimeDelta>,
    pub(crate) air_gapped_within: Option<Option<TimeDelta>>,
    pub(crate) restore_tested_within: Option<Option<TimeDelta>>,
    pub(crate) rto: Option<TimeDelta>,
}

impl Layer {
    /// Reads every value key of a table.
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            rpo: span(section, "rpo"),
            frequency: span(section, "frequency"),
            tolerance: span(section, "tolerance").flatten(),
            retention_min: lifecycle_days(section, "retention-min"),
            retention_max: lifecycle_days(section, "retention-max"),
            key_owner: word(section, "key-owner", "a key owner", &KeyOwner::ALL, KeyOwner::as_str),
            vault_lock: word(
                section,
                "vault-lock",
                "a vault lock",
                &LockWanted::ALL,
                LockWanted::as_str,
            ),
            copy_regions: distinct(section, "copy-regions", |region| {
                let hint = "name a Region, or write `any` for whichever other one";
                region_or(section, region, Some(ANY_PLACE), hint)
            }),
            copy_accounts: distinct(section, "copy-accounts", |account| {
                account.value == ANY_PLACE || check_account(section, account)
            }),
            copy_rpo: copy_rpo(section),
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
            copy_regions: self.copy_regions.as_ref().unwrap_or(&base.copy_regions).clone(),
            copy_accounts: self.copy_accounts.as_ref().unwrap_or(&base.copy_accounts).clone(),
            copy_rpo: self.copy_rpo.or(base.copy_rpo),
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
        self.parts.iter().find_map(|key| section.place_of(key))
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
    let wants_copies = !values.copy_regions.is_empty() || !values.copy_accounts.is_empty();
    if wants_copies && values.copy_rpo() > LONGEST_COPY_RPO {
        clashes.push(Clash {
            key: "copy-rpo",
            parts: &["copy-rpo", "rpo", "frequency", "tolerance", "copy-regions", "copy-accounts"],
            what: "is missing, and copies are asked for",
            why: format!(
                "without it, it is twice the age that a point may have ({}), and AWS Backup remembers copy jobs for 30 days",
                duration::human(values.limit())
            ),
            hint: "set `copy-rpo` to `30d` or less".to_owned(),
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
    let text = section.string(key)?;
    let may_be_none = matches!(key, "rpo" | "frequency" | "air-gapped-within" | "restore-tested-within");
    if text.value == NONE && may_be_none {
        return Some(None);
    }
    let path = section.path_of(key);
    match duration::parse(&text.value) {
        Ok(span) if span > TimeDelta::zero() => return Some(Some(span)),
        Ok(_) => section.note(text.offset, format!("`{path}` must be longer than nothing"), "", ""),
        Err(why) => {
            let hint = match (key, may_be_none) {
                ("rpo" | "frequency", _) => "write it like `24h`, or `none`",
                (_, true) => "write it like `90d`, or `none`",
                (_, false) => "write it like `24h`",
            };
            section.note(text.offset, format!("`{path}` is not a duration"), why, hint);
        }
    }
    None
}

/// Whole days that a lifecycle can have; `none`, where it may be said, is no bound.
fn lifecycle_days(section: &Section<'_>, key: &'static str) -> Option<i64> {
    let text = section.string(key)?;
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

fn copy_rpo(section: &Section<'_>) -> Option<TimeDelta> {
    let offset = section.place_of("copy-rpo")?;
    let span = span(section, "copy-rpo").flatten()?;
    if span > LONGEST_COPY_RPO {
        let what = format!("`{}` is longer than 30 days", section.path_of("copy-rpo"));
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
    let text = section.string(key)?;
    let found = all.iter().copied().find(|one| name(*one) == text.value);
    if found.is_none() {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        let hint = match nearest(&text.value, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the words are {}", crate::text::list(&names)),
        };
        section.note(text.offset, format!("`{}` is not {kind}", text.value), "", hint);
    }
    found
}
