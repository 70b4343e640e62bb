//! The templates of the documents in a pack, where they are not the program's own: without them the documents could not be
//! written again.

use std::borrow::Cow;
use std::path::Path;

use super::TEMPLATES_DIR;
use crate::report::Templates;

/// A template's file name, and its text.
type Field = fn(&mut Templates) -> &mut Cow<'static, str>;

const FIELDS: [(&str, Field); 4] = [
    ("report.html", |templates| &mut templates.page),
    ("report.css", |templates| &mut templates.style),
    ("report.js", |templates| &mut templates.script),
    ("pdf.toml", |templates| &mut templates.pdf),
];

/// Name and text of every template that is not the program's own.
pub fn changed(templates: &Templates) -> Vec<(&'static str, String)> {
    let (mut templates, mut own) = (templates.clone(), Templates::default());
    let differs = FIELDS.into_iter().filter_map(|(name, field)| {
        let text = field(&mut templates);
        (text != field(&mut own)).then(|| (name, text.to_string()))
    });
    differs.collect()
}

/// The program's own templates, with those of a pack in their place.
///
/// Errors: a file that cannot be read, or that is none of the templates.
pub fn load(dir: &Path) -> Result<Templates, (String, String)> {
    let mut templates = Templates::default();
    let folder = dir.join(TEMPLATES_DIR);
    let place = |name: &str| format!("{TEMPLATES_DIR}/{name}");
    if !folder.exists() {
        return Ok(templates);
    }
    let names = super::seal::list(&folder).map_err(|error| (place(""), error.to_string()))?;
    for name in names {
        let known = FIELDS.iter().find(|(known, _)| *known == name);
        let (_, field) = known.ok_or_else(|| (place(&name), "it is none of the templates".to_owned()))?;
        let text = std::fs::read_to_string(folder.join(&name)).map_err(|error| (place(&name), error.to_string()))?;
        *field(&mut templates) = Cow::Owned(text);
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_a_firm_come_back_and_the_own_ones_are_not_stored() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(changed(&Templates::default()).is_empty());
        assert!(changed(&load(dir.path()).expect("none")).is_empty());
        let firm = Templates {
            style: Cow::Borrowed("body { color: teal }"),
            ..Templates::default()
        };
        let stored = changed(&firm);
        assert_eq!(stored, [("report.css", "body { color: teal }".to_owned())]);
        std::fs::create_dir(dir.path().join(TEMPLATES_DIR)).expect("made");
        std::fs::write(dir.path().join(TEMPLATES_DIR).join("report.css"), &stored[0].1).expect("written");
        assert_eq!(changed(&load(dir.path()).expect("loaded")), stored);
        std::fs::write(dir.path().join(TEMPLATES_DIR).join("other"), "").expect("written");
        assert_eq!(load(dir.path()).expect_err("strange").0, "templates/other");
    }
}
