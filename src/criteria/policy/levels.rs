//! `[rules]` of a settings file, and of a tier: what a rule counts for, said by its id.

use std::collections::BTreeMap;

use toml::de::DeValue;

use crate::domain::Level;
use crate::text::list;
use crate::toml_reader::Section;

/// Level by id of a rule.
pub type Levels = BTreeMap<String, Level>;

/// The key beside the ids: shipped rules that rules of `--rules-dir` may replace.
pub(crate) const REPLACED: &str = "replaced";

/// Reads every level. Whether the ids are those of rules can be told only where the rules are known.
pub(crate) fn read(section: &Section<'_>) -> Levels {
    let mut levels = Levels::new();
    for (id, value) in section.entries().filter(|(id, _)| id != REPLACED) {
        let offset = value.span().start;
        let level = match value.get_ref() {
            DeValue::String(text) => Level::ALL.into_iter().find(|level| level.setting() == *text),
            _ => None,
        };
        match level {
            Some(level) => {
                levels.insert(id, level);
            }
            None => {
                let what = format!("`{}` is not a level of a rule", section.path_of(&id));
                let hint = format!("the levels are {}", list(&Level::ALL.map(Level::setting)));
                section.note(offset, what, "", hint);
            }
        }
    }
    levels
}
