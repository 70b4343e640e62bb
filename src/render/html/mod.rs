//! `report.html`: one file that asks for nothing outside itself. Readable without scripts; with them it sorts, filters,
//! searches and shows the evidence behind each verdict.
//!
//! In: a [`Report`] and the texts of `report-templates/report.{html,css,js}`. Out: the bytes of one page. `page` holds
//! what stands in the page itself, `answers` its beginning, `charts` the numbers behind its pictures, `island` the data that the script reads.
//! Text from AWS is escaped by the template engine in the page and by `Escaped` in the data; should either ever fail,
//! the page's own policy lets no script and no style run but the two whose digests it names.

mod answers;
mod bounded;
mod changes;
mod charts;
mod island;
mod kinds;
mod page;
#[cfg(test)]
mod tests;

use std::io::Write;

use aws_smithy_types::base64;
use sha2::{Digest, Sha256};

use super::digest;
use super::statement::Statement;
use super::{RenderError, Templates};
use crate::report::Report;

/// Where the data go: no text of a report can hold this, since U+0000 is no character of HTML.
const DATA: &str = "\u{0}data\u{0}";

/// Stands for the digest of the evidence in the style, where margins of printed pages are described.
const DIGEST: &str = "%evidence-digest%";

/// Renders the report.
///
/// Errors: the template is broken, or the disk refused.
pub(crate) fn render(report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
    let digest: String = report
        .scan
        .evidence_digest
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect();
    let style = one_line_ends(&templates.style).replace(DIGEST, &digest);
    let script = one_line_ends(&templates.script);
    let mark = templates.mark();
    let policy = content_security_policy(&style, &script, mark.is_some());
    let digest = digest::Digest::of(report);
    let embedded = bounded::bounded(report, &digest);
    let texts = (style.as_str(), script.as_str(), policy.as_str());
    let page = page::render(report, &digest, &embedded, &templates.page, texts)
        .map_err(|error| RenderError::new("report.html", format!("{error:#}")))?;
    let fail = |error: std::io::Error| RenderError::new("report.html", error);
    let (before, after) = page
        .split_once(DATA)
        .ok_or_else(|| RenderError::new("report.html", "the template has no place for the data"))?;
    if let Some(mark) = &mark {
        let outcome = Statement::of(report).headline;
        out.write_all(head_of_marked(mark, &outcome, &policy).as_bytes())
            .map_err(fail)?;
    }
    out.write_all(before.as_bytes()).map_err(fail)?;
    island::write(&embedded, &mut Escaped(&mut *out)).map_err(|error| RenderError::new("report.html", error))?;
    out.write_all(after.as_bytes()).map_err(fail)
}

/// Line ends as a browser sees them: digests are taken over the text after it has read the page.
fn one_line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Nothing is loaded, nothing is sent, and only this very style and this very script count.
fn content_security_policy(style: &str, script: &str, is_marked: bool) -> String {
    let digest = |text: &str| base64::encode(Sha256::digest(text.as_bytes()));
    let of_mark = if is_marked {
        format!(" 'unsafe-hashes' 'sha256-{}'", digest(MARK_STYLE))
    } else {
        String::new()
    };
    format!(
        "default-src 'none'; style-src 'sha256-{}'{of_mark}; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action \
         'none'; require-trusted-types-for 'script'",
        digest(style),
        digest(script)
    )
}

/// How the mark looks. No style sheet has more to say than an attribute whose every line is important.
const MARK_STYLE: &str = "all:revert!important;display:block!important;visibility:visible!important;opacity:1!important;\
position:relative!important;z-index:2147483647!important;margin:0!important;padding:12px 16px!important;\
font:bold 16px/1.4 sans-serif!important;color:#000!important;background:#ffd966!important;\
border-bottom:3px solid #000!important;transform:none!important;clip-path:none!important;filter:none!important";

/// What stands before the first byte of a page whose template is not the program's: head, policy, and as the first thing in
/// the body the outcome in the program's own words, with the mark. A browser takes the template's own head and body, which follow, for more of the same; no template can
/// put anything before it, and no comment or element of it can hold it.
pub(crate) fn head_of_marked(mark: &str, outcome: &str, policy: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"{}\">\n</head><body><p role=\"note\" style=\"{MARK_STYLE}\">The outcome in backproof's words: {} {}</p>\n",
        escaped(policy),
        escaped(outcome),
        escaped(mark)
    )
}

/// Characters that could end the element the data stand in are written as escapes of JSON; in UTF-8 none of their bytes
/// is part of another character, and JSON has them inside strings only.
struct Escaped<'o>(&'o mut dyn Write);

impl Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'<' => b"\\u003c",
                b'>' => b"\\u003e",
                b'&' => b"\\u0026",
                _ => continue,
            };
            self.0.write_all(&bytes[start..at])?;
            self.0.write_all(escape)?;
            start = at + 1;
        }
        self.0.write_all(&bytes[start..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
