//! `[rules]` of a settings file, and of a tier: what a rule counts for, said by its id.

use std::collections::BTreeMap;

use toml::de::DeValue;

use crate::domain::Level;
use crate::text::{list, nearest};
use crate::toml_reader::Section;

/// Level by id of a rule.
pub type Levels = BTreeMap<String, Level>;

/// The key beside the ids: shipped rules that rules of `--rules-dir` may replace.
pub(crate) const REPLACED: &str = "replaced";

/// Reads every level. `known`: the ids of rules; `None` where they cannot be told, as of a stored policy.
pub(crate) fn read(section: &Section<'_>, known: Option<&[String]>) -> Levels {
    let mut levels = Levels::new();
    for (id, value) in section.entries().filter(|(id, _)| id != REPLACED) {
        let offset = value.span().start;
        if let Some(known) = known.filter(|known| !known.contains(&id)) {
            let longer = || known.iter().map(String::as_str).find(|rule| rule.starts_with(&*id));
            let hint = match nearest(&id, known.iter().map(String::as_str)).or_else(longer) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`backproof explain rules` lists them all".to_owned(),
            };
            let what = format!("`{}`: there is no rule `{id}`", section.path_of(&id));
            section.note(offset, what, "", hint);
        }
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
                let levels = list(&Level::ALL.map(Level::setting));
                let hint = match value.get_ref() {
                    DeValue::String(text) if *text == *REPLACED => {
                        format!("rules that yours replace are a list: `{REPLACED} = [\"{id}\"]` under `[rules]`")
                    }
                    _ => format!("the levels are {levels}, in quotes: `{id} = \"require\"`"),
                };
                section.note(offset, what, "", hint);
            }
        }
    }
    levels
}
