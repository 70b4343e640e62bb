//! `report.html` of a drill: one file that asks for nothing outside itself and has no script.
//!
//! The layout is `page.html`. Text from AWS is escaped by the template engine.

use std::io::Write;

use minijinja::{AutoEscape, Environment};
use serde_json::{Value, json};

use super::words;
use crate::digest;
use crate::domain::rfc3339;
use crate::drill::record::{Drill, Record};
use crate::render::RenderError;

/// The file.
pub(super) const FILE: &str = "report.html";

const TEMPLATE: &str = include_str!("page.html");

/// Renders the page.
///
/// Errors: the disk refused.
pub(super) fn render(record: &Record, out: &mut dyn Write) -> Result<(), RenderError> {
    let fail = |why: String| RenderError::new(FILE, why);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let template = environment
        .template_from_named_str("drill.html", TEMPLATE)
        .map_err(|error| fail(format!("{error:#}")))?;
    let page = template
        .render(minijinja::value::Serde(page(record)))
        .map_err(|error| fail(format!("{error:#}")))?;
    out.write_all(page.as_bytes()).map_err(|error| fail(error.to_string()))
}

fn page(record: &Record) -> Value {
    let (shade, headline) = words::headline(record);
    json!({
        "headline": headline,
        "shade": shade.as_str(),
        "summary": words::summary(record),
        "run": record.run_id,
        "began": rfc3339(record.began_at),
        "ended": rfc3339(record.ended_at),
        "caller": record.caller_arn,
        "version": record.tool_version,
        "digest": digest::of_bytes(&record.to_bytes()),
        "drills": words::worst_first(record).into_iter().map(drill).collect::<Vec<_>>(),
        "left_out": record.left_out.iter().map(|left| json!({
            "arn": left.table_arn,
            "why": left.why,
        })).collect::<Vec<_>>(),
        "limits": words::LIMITS,
    })
}

fn drill(drill: &Drill) -> Value {
    let shade = words::shade(drill);
    let facts = words::facts(drill);
    json!({
        "number": drill.number,
        "name": words::name(&drill.source.table_arn),
        "shade": shade.as_str(),
        "mark": shade.mark(),
        "outcome": words::outcome(drill),
        "facts": facts.into_iter().map(|(label, value)| json!({ "label": label, "value": value })).collect::<Vec<_>>(),
    })
}
