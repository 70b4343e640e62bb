//! A [`Sample`] as text, CSV and JSON.

use serde_json::{Value, json};

use super::{ALGORITHM, SIZES, Sample, Stratum, strata_text};
use crate::problem::count;
use crate::render::csv::rows_text;
use crate::text::{csv_cell, one_line};

/// Raised whenever a field of the JSON is removed or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// For the working papers of a person.
pub(crate) fn text(sample: &Sample) -> String {
    let request = &sample.request;
    let mut out = format!(
        "{} of {}, drawn by {ALGORITHM}, seed `{}`\nas of {}, scan {}\n{}population digest: {}\n",
        count(sample.items.len(), "table"),
        sample.population,
        one_line(&request.seed),
        sample.provenance.as_of,
        sample.provenance.scan_id,
        sample
            .provenance
            .manifest_sha256
            .as_ref()
            .map_or_else(String::new, |digest| format!("pack: manifest SHA-256 {digest}\n")),
        sample.population_digest,
    );
    for line in remarks(sample) {
        out.push_str(&format!("{line}\n"));
    }
    for (place, stratum) in sample.strata.iter().enumerate() {
        if !request.by.is_empty() {
            out.push_str(&format!(
                "\n{}: {} of {}\n",
                one_line(&stratum_name(sample, stratum)),
                stratum.drawn,
                count(stratum.population, "table")
            ));
        } else {
            out.push('\n');
        }
        for (number, item) in sample
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.stratum == place)
        {
            out.push_str(&format!(
                "{:>4}  {}  {}, tier {}\n      {}\n",
                number + 1,
                one_line(&item.table_arn),
                item.verdict,
                one_line(&item.tier),
                item.command
                    .as_deref()
                    .unwrap_or("(its name cannot be passed to the AWS CLI)")
            ));
        }
    }
    out
}

/// What has to be said of the draw as a whole.
fn remarks(sample: &Sample) -> Vec<String> {
    let mut lines = Vec::new();
    let size = sample.request.size;
    if sample.items.len() == sample.population {
        lines.push(format!(
            "every table is drawn: the population has no more than the {size} asked for"
        ));
    } else if sample.request.by.is_empty() {
        if let Some((_, confidence, rate)) = SIZES.iter().find(|(known, ..)| *known == size) {
            lines.push(format!(
                "if none of them deviates, then with {confidence} % confidence at most {rate} % of the population do"
            ));
        }
    } else {
        lines.push(format!(
            "{} by {}; shares by largest remainder, one at least",
            strata_text(sample.strata.len()),
            by(sample).join(", ")
        ));
    }
    if !sample.provenance.is_whole {
        lines.push("the tables of some account or Region could not be listed: the population may lack some".to_owned());
    }
    lines
}

fn by(sample: &Sample) -> Vec<&'static str> {
    sample.request.by.iter().map(|by| by.as_str()).collect()
}

fn stratum_name(sample: &Sample, stratum: &Stratum) -> String {
    let values = by(sample).into_iter().zip(&stratum.values);
    let values: Vec<String> = values.map(|(by, value)| format!("{by} {value}")).collect();
    values.join(", ")
}

/// The columns of the CSV, in order. What holds for the whole draw stands in every row, so that each row tells where it
/// comes from.
const HEAD: [&str; 16] = [
    "number",
    "table_arn",
    "table_name",
    "account_id",
    "region",
    "tier",
    "verdict",
    "stratum",
    "key",
    "command",
    "seed",
    "algorithm",
    "population",
    "population_digest",
    "scan_id",
    "as_of",
];

/// For spreadsheets: RFC 4180, no cell that would be run as a formula.
pub(crate) fn csv(sample: &Sample) -> String {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    rows.extend(sample.items.iter().enumerate().map(|(number, item)| {
        vec![
            (number + 1).to_string(),
            csv_cell(&item.table_arn),
            csv_cell(&item.table_name),
            item.account_id.clone(),
            item.region.clone(),
            csv_cell(&item.tier),
            item.verdict.clone(),
            csv_cell(&stratum_name(sample, &sample.strata[item.stratum])),
            item.key.clone(),
            csv_cell(item.command.as_deref().unwrap_or_default()),
            csv_cell(&sample.request.seed),
            ALGORITHM.to_owned(),
            sample.population.to_string(),
            sample.population_digest.clone(),
            sample.provenance.scan_id.clone(),
            sample.provenance.as_of.clone(),
        ]
    }));
    rows_text(&rows)
}

/// For programs.
pub(crate) fn json(sample: &Sample) -> String {
    let by = by(sample);
    let named = |stratum: &Stratum| -> Value {
        let values = by.iter().zip(&stratum.values);
        let values: serde_json::Map<String, Value> =
            values.map(|(by, value)| ((*by).to_owned(), json!(value))).collect();
        values.into()
    };
    let strata: Vec<Value> = sample
        .strata
        .iter()
        .map(|stratum| json!({"values": named(stratum), "population": stratum.population, "drawn": stratum.drawn}))
        .collect();
    let items: Vec<Value> = sample
        .items
        .iter()
        .enumerate()
        .map(|(number, item)| {
            json!({
                "number": number + 1,
                "table_arn": item.table_arn,
                "table_name": item.table_name,
                "account_id": item.account_id,
                "region": item.region,
                "tier": item.tier,
                "verdict": item.verdict,
                "stratum": item.stratum,
                "key": item.key,
                "command": item.command,
                "commands": item.commands,
            })
        })
        .collect();
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "algorithm": ALGORITHM,
        "seed": sample.request.seed,
        "size": sample.request.size,
        "by": by,
        "population": sample.population,
        "population_digest": sample.population_digest,
        "is_population_whole": sample.provenance.is_whole,
        "scan_id": sample.provenance.scan_id,
        "as_of": sample.provenance.as_of,
        "manifest_sha256": sample.provenance.manifest_sha256,
        "remarks": remarks(sample),
        "strata": strata,
        "items": items,
    });
    let text = serde_json::to_string_pretty(&document).expect("plain values always have a JSON form");
    text + "\n"
}
