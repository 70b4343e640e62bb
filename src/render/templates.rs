//! What a firm may change in the documents without touching Rust: the texts of `report-templates/`.
//!
//! In: the files that are part of the program, or those of a folder in their place. Out: a [`Templates`] value that the
//! renderers of documents get beside the report. It decides on looks and words, never on verdicts.

use std::borrow::Cow;
use std::path::Path;

use crate::digest;
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::{Outcome, Problem, Problems};
use crate::render::pdf::{Logo, Template};
use crate::text::{list, nearest};

/// Every file of `report-templates/`; a folder named by `--template` holds any of them.
pub(crate) const FILES: [&str; 5] = ["pdf.toml", "report.html", "report.css", "report.js", "attestation.html"];

/// A logo is on every reader's screen and in every copy of the document.
const LARGEST_LOGO: u64 = 2 << 20;

/// The texts of `report-templates/`.
#[derive(Debug, Clone)]
pub(crate) struct Templates {
    /// `report.html`: the page.
    pub(crate) page: Cow<'static, str>,
    /// `report.css`: its style.
    pub(crate) style: Cow<'static, str>,
    /// `report.js`: its script.
    pub(crate) script: Cow<'static, str>,
    /// `attestation.html`: the page of an attestation, with its style and script.
    pub(crate) attestation: Cow<'static, str>,
    /// `pdf.toml`: looks, words and parts of the PDF.
    pub(crate) pdf: Template,
    /// Name and bytes of every file that was read in place of the program's own, logo included: to be kept with what was
    /// written by them.
    pub(crate) sources: Vec<(String, Vec<u8>)>,
}

/// How much work a page's template may do, in the units of its engine: one for an instruction, and one for each 64 bytes that
/// it makes. Some for any page, and more for each value that there is to show; the program's own take a small part of it. So a
/// template that never ends, or that grows without end, is refused.
pub(crate) fn fuel(values: &serde_json::Value) -> u64 {
    fn leaves(value: &serde_json::Value) -> u64 {
        match value {
            serde_json::Value::Array(items) => 1 + items.iter().map(leaves).sum::<u64>(),
            serde_json::Value::Object(fields) => 1 + fields.values().map(leaves).sum::<u64>(),
            _ => 1,
        }
    }
    1_000_000 + 100 * leaves(values)
}

/// The files of `report-templates/` that are part of the program.
const SHIPPED: [(&str, &str); 5] = [
    ("pdf.toml", include_str!("../../report-templates/pdf.toml")),
    ("report.html", include_str!("../../report-templates/report.html")),
    ("report.css", include_str!("../../report-templates/report.css")),
    ("report.js", include_str!("../../report-templates/report.js")),
    (
        "attestation.html",
        include_str!("../../report-templates/attestation.html"),
    ),
];

/// What every document says that is laid out by templates that are not the program's; `digest` is that of
/// [`digest_of`].
pub(crate) fn mark(digest: &str) -> String {
    format!(
        "Layout, words and colours come from templates that are not backproof's own (SHA-256 {digest}); what they show is \
         theirs to choose."
    )
}

/// The digest that names templates by name and SHA-256 of each file: that of their lines in the `SHA256SUMS` of a pack.
/// None if all of them are the program's, word for word.
pub(crate) fn digest_of<'f>(files: impl Iterator<Item = (&'f str, &'f str)> + Clone) -> Option<String> {
    let is_shipped = |(name, sha256): (&str, &str)| {
        let mut shipped = SHIPPED.iter().filter(|(shipped, _)| *shipped == name);
        shipped.any(|(_, text)| digest::of_bytes(text.as_bytes()) == sha256)
    };
    if files.clone().all(is_shipped) {
        return None;
    }
    let mut files: Vec<(String, &str)> = files
        .map(|(name, sha256)| (format!("templates/{name}"), sha256))
        .collect();
    files.sort_unstable();
    Some(digest::of_list(files.iter().map(|(path, sha256)| (&**path, *sha256))))
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            page: Cow::Borrowed(SHIPPED[1].1),
            style: Cow::Borrowed(SHIPPED[2].1),
            script: Cow::Borrowed(SHIPPED[3].1),
            attestation: Cow::Borrowed(SHIPPED[4].1),
            pdf: Template::default(),
            sources: Vec::new(),
        }
    }
}

impl Templates {
    /// What a document has to say of them; none: they are the program's own.
    pub(crate) fn mark(&self) -> Option<String> {
        let files: Vec<(&str, String)> = self
            .sources
            .iter()
            .map(|(name, bytes)| (name.as_str(), digest::of_bytes(bytes)))
            .collect();
        digest_of(files.iter().map(|(name, sha256)| (*name, sha256.as_str()))).map(|digest| mark(&digest))
    }

    /// The templates of a folder; what it does not hold is taken from the program.
    ///
    /// Errors: every mistake in its files at once, each with its place.
    pub(crate) fn load(folder: &Path) -> Outcome<Self> {
        let mut problems = Vec::new();
        let names = names(folder)?;
        problems.extend(names.iter().filter_map(|name| mistaken(folder, name)));
        let (mut templates, mut sources) = (Self::default(), Vec::new());
        let mut read = |name: &str| {
            if !names.iter().any(|found| found == name) {
                return None;
            }
            let path = folder.join(name);
            let text = plain_file::read_linked(&path, LARGEST_TEXT)
                .map_err(|error| error.to_string())
                .and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
            let text = text.map_err(|why| problems.push(unreadable(&path, why))).ok()?;
            sources.push((name.to_owned(), text.clone().into_bytes()));
            Some(text)
        };
        let pdf = read("pdf.toml");
        let page = read("report.html");
        let attestation = read("attestation.html");
        for (place, text) in [
            (&mut templates.style, read("report.css")),
            (&mut templates.script, read("report.js")),
        ] {
            if let Some(text) = text {
                *place = Cow::Owned(text);
            }
        }
        if let Some(page) = page {
            problems.extend(broken_page(&folder.join("report.html"), &page, "data", DATA_HINT));
            templates.page = Cow::Owned(page);
        }
        if let Some(page) = attestation {
            problems.extend(broken_page(
                &folder.join("attestation.html"),
                &page,
                "tables",
                TABLES_HINT,
            ));
            templates.attestation = Cow::Owned(page);
        }
        if let Some(text) = pdf {
            let origin = folder.join("pdf.toml");
            match Template::parse(&origin.display().to_string(), &text) {
                Ok(template) => templates.pdf = template,
                Err(mistakes) => problems.extend(mistakes),
            }
        }
        if let Some(name) = templates.pdf.logo_file().map(str::to_owned) {
            match read_logo(folder, &name) {
                Ok((logo, bytes)) => {
                    templates.pdf.set_logo(logo);
                    sources.push((name, bytes));
                }
                Err(problem) => problems.push(problem),
            }
        }
        templates.sources = sources;
        templates.pdf.mark = templates.mark().unwrap_or_default();
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(Problems(problems))
        }
    }
}

/// The names of what lies in the folder, in order.
fn names(folder: &Path) -> Result<Vec<String>, Problem> {
    let refuse = |why: String| {
        Problem::usage("could not read the templates")
            .at(format!("`--template {}`", folder.display()))
            .why(why)
            .so("no report was written")
    };
    let entries = std::fs::read_dir(folder)
        .map_err(|error| refuse(error.to_string()).hint(format!("name a folder that holds any of {}", list(&FILES))))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| refuse(error.to_string()))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    if !FILES.iter().any(|file| names.iter().any(|name| name == file)) {
        return Err(refuse("it holds no template".to_owned()).hint(format!(
            "put any of {} there; `report-templates` of the source holds examples",
            list(&FILES)
        )));
    }
    Ok(names)
}

/// A file that looks like a template and is none would be passed over in silence.
fn mistaken(folder: &Path, name: &str) -> Option<Problem> {
    let kind = Path::new(name).extension()?.to_str()?;
    if FILES.contains(&name) || !["toml", "html", "css", "js"].contains(&kind) {
        return None;
    }
    let hint = match nearest(name, FILES.into_iter()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the templates are {}", list(&FILES)),
    };
    Some(
        Problem::usage(format!("`{name}` is not a template"))
            .at(folder.join(name).display().to_string())
            .hint(hint),
    )
}

fn unreadable(path: &Path, why: String) -> Problem {
    Problem::usage("could not read a template")
        .at(path.display().to_string())
        .why(why)
}

const DATA_HINT: &str = "put `{{ data|safe }}` into a script element, as `report-templates/report.html` does";
const TABLES_HINT: &str = "loop over `tables`, as `report-templates/attestation.html` does";

/// The mistake of a page that is no template, found before any work is done.
fn broken_page(path: &Path, page: &str, needs: &str, hint: &str) -> Option<Problem> {
    let mut environment = minijinja::Environment::new();
    let Err(error) = environment.add_template("report.html", page) else {
        let template = environment.get_template("report.html").ok()?;
        if template.undeclared_variables(false).contains(needs) {
            return None;
        }
        return Some(
            Problem::usage(format!("the page has no place for the {needs}"))
                .at(path.display().to_string())
                .hint(hint),
        );
    };
    let line = error.line().map_or_else(String::new, |line| format!(":{line}"));
    let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Some(
        Problem::usage("the page is not a template")
            .at(format!("{}{line}", path.display()))
            .why(why),
    )
}

fn read_logo(folder: &Path, name: &str) -> Result<(Logo, Vec<u8>), Problem> {
    let path = folder.join(name);
    let refuse = |why: String| {
        Problem::usage("could not use the logo")
            .at(path.display().to_string())
            .why(why)
            .hint("`logo` in pdf.toml names a PNG or JPEG file beside it")
    };
    if path.file_name() != Some(name.as_ref()) || path.parent() != Some(folder) {
        return Err(refuse(format!("`{name}` is not the name of a file beside pdf.toml")));
    }
    let bytes = plain_file::read_linked(&path, LARGEST_LOGO).map_err(|error| refuse(error.to_string()))?;
    Ok((Logo::read(&bytes).map_err(refuse)?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a writable folder");
        }
        folder
    }

    #[test]
    fn what_a_folder_holds_replaces_what_the_program_holds() {
        let folder = folder(&[("report.css", "body {}"), ("README.md", "anything")]);
        let templates = Templates::load(folder.path()).expect("templates");
        assert_eq!(templates.style, "body {}");
        assert_eq!(templates.page, Templates::default().page);
        assert!(templates.mark().expect("it is not the program's").contains("SHA-256"));
        let mut own = Template::default();
        own.mark.clone_from(&templates.pdf.mark);
        assert_eq!(templates.pdf, own);
    }

    #[test]
    fn the_shipped_folder_is_what_the_program_holds() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("report-templates");
        let templates = Templates::load(&shipped).expect("templates");
        assert_eq!(templates.page, Templates::default().page);
        assert_eq!(templates.attestation, Templates::default().attestation);
        assert_eq!(templates.pdf, Template::default());
        assert_eq!(templates.mark(), None);
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let folder = folder(&[
            ("pdf.toml", "titel = 'x'\npage-size = 'A3'\nlogo = 'none.png'"),
            ("report.html", "one\n{% if %}"),
            ("raport.css", ""),
        ]);
        let text = Templates::load(folder.path()).expect_err("mistakes").to_string();
        for part in [
            "`titel` is not a setting",
            "did you mean `title`?",
            "pdf.toml:1",
            "pdf.toml:2",
            "report.html:2",
            "`raport.css` is not a template",
            "did you mean `report.css`?",
        ] {
            assert!(text.contains(part), "`{part}` is missing from\n{text}");
        }
        std::fs::write(folder.path().join("report.html"), "<p>{{ scan.id }}</p>").expect("a writable folder");
        let text = Templates::load(folder.path()).expect_err("mistakes").to_string();
        assert!(text.contains("the page has no place for the data"), "{text}");
        let empty = self::folder(&[("readme.md", "")]);
        let text = Templates::load(empty.path()).expect_err("nothing there").to_string();
        assert!(text.contains("it holds no template"), "{text}");
        let text = Templates::load(Path::new("nowhere"))
            .expect_err("no folder")
            .to_string();
        assert!(text.contains("`--template nowhere`"), "{text}");
    }

    #[test]
    fn a_logo_that_is_missing_or_no_picture_is_a_mistake() {
        let folder = folder(&[("pdf.toml", "logo = 'logo.png'"), ("logo.png", "GIF89a")]);
        let text = Templates::load(folder.path()).expect_err("no picture").to_string();
        assert!(
            text.contains("logo.png") && text.contains("neither PNG nor JPEG"),
            "{text}"
        );
        for away in ["../logo.png", "/logo.png", ".."] {
            std::fs::write(folder.path().join("pdf.toml"), format!("logo = '{away}'")).expect("written");
            let text = Templates::load(folder.path()).expect_err("elsewhere").to_string();
            assert!(text.contains("beside pdf.toml"), "{text}");
        }
        std::fs::write(folder.path().join("pdf.toml"), "logo = 'logo.png'").expect("written");
        std::fs::remove_file(folder.path().join("logo.png")).expect("a file");
        let text = Templates::load(folder.path()).expect_err("no file").to_string();
        assert!(text.contains("could not use the logo"), "{text}");
    }
}
