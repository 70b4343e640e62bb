//! The plan of a drill: which points are restored under which names, fixed in a file before the first order.
//!
//! Its digest is over all that it says: what was planned is what is done, and what is deleted afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::compare::{Wanted, Wish};
use super::record::{Cleanup, Drill, LeftOut, Point, Restored, Source, Times, Verdict};
use crate::digest;
use crate::domain::{Arn, TargetId};
use crate::journal::sync_folder_of;
use crate::plain_file::{self, LARGEST_PLAN};
use crate::problem::{Problem, one_line};
use crate::remediate::actions::token;
use crate::remediate::price::Cost;
use crate::remediate::restore::{Key, check_name};

/// Raised whenever the plan file changes.
pub(crate) const PLAN_VERSION: u32 = 1;

/// Its file name in the folder of a run.
pub(crate) const PLAN_FILE: &str = "plan.json";

/// How the names of all tables begin that drills make.
pub(crate) const PREFIX: &str = "backproof-drill-";

/// A plan file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// [`PLAN_VERSION`].
    pub(crate) schema_version: u32,
    /// Names the run: lower-case letters, digits and `-`.
    pub(crate) run_id: String,
    /// When it was made, by AWS's clock.
    pub(crate) made_at: DateTime<Utc>,
    /// Who asked, as sts:GetCallerIdentity named the caller.
    pub(crate) caller_arn: String,
    /// The caller's account.
    pub(crate) account_id: String,
    /// What was typed, as far as it decides what is done.
    pub(crate) asked: Asked,
    /// One restore each, in order of number.
    pub(crate) drills: Vec<Planned>,
    /// Tables that were chosen and are not restored.
    pub(crate) left_out: Vec<LeftOut>,
    /// What it takes.
    pub(crate) estimate: Estimate,
    /// SHA-256 of all of this as JSON without any blank, in this order: `jq -cj 'del(.sha256)' plan.json | sha256sum`.
    pub(crate) sha256: String,
}

/// What was typed, as far as it decides what is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Which tables, in words: names, or the draw.
    pub(crate) tables: Vec<String>,
    /// Which of their points: `newest`, `oldest`, `random`, or an ARN.
    pub(crate) point: String,
    /// The limits and the place, in words.
    pub(crate) with: Vec<String>,
    /// The new tables stay.
    pub(crate) keeps: bool,
    /// How they are compared.
    pub(crate) compare: Compare,
}

/// How tables are compared; [`Wish`] as it is filed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compare {
    /// Segments that are read at once.
    pub(crate) segments: u32,
    /// Read capacity units a second. Null: a quarter of what the table serves.
    pub(crate) read_rate: Option<f64>,
    /// Strongly consistent reads.
    pub(crate) is_consistent: bool,
    /// `whole`, `nothing`, or a sample.
    pub(crate) reach: Reach,
    /// The attribute that tells when an item was last written. Null: none.
    pub(crate) changed_at: Option<String>,
    /// Keys of items that differ are named.
    pub(crate) shows_keys: bool,
    /// SHA-256 of each file with a digest of a point.
    pub(crate) digests: Vec<String>,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reach {
    /// Every item.
    Whole,
    /// Keys, indexes and settings only.
    Nothing,
    /// Some segments.
    Sample {
        /// Segments to read.
        segments: u32,
        /// Segments in all.
        of: u32,
        /// What they are drawn by.
        seed: u64,
    },
}

impl Compare {
    /// As the comparison takes it.
    pub(crate) fn wish(&self) -> Wish {
        Wish {
            segments: self.segments,
            rate: self.read_rate,
            is_consistent: self.is_consistent,
            reach: match self.reach {
                Reach::Whole => Wanted::Whole,
                Reach::Nothing => Wanted::Nothing,
                Reach::Sample { segments, of, seed } => Wanted::Sample { segments, of, seed },
            },
            changed_at: self.changed_at.clone(),
            shows_keys: self.shows_keys,
            ..Wish::default()
        }
    }
}

/// One restore that is to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Planned {
    /// From 1.
    pub(crate) number: u32,
    /// The table.
    pub(crate) source: Source,
    /// The point.
    pub(crate) point: Point,
    /// Where the new table is made: twelve digits.
    pub(crate) account_id: String,
    /// As AWS spells it.
    pub(crate) region: String,
    /// Name of the new table.
    pub(crate) table_name: String,
    /// Its key, as `--key` takes it.
    pub(crate) key: String,
    /// The role that restores.
    pub(crate) role_arn: String,
    /// The policy's longest restore, in seconds. Null: it sets none, or which tier takes the table is not known.
    pub(crate) rto_seconds: Option<u64>,
    /// What it takes.
    pub(crate) takes: Takes,
}

/// What one restore takes, estimated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Takes {
    /// Minutes until the table can be read. Null: nothing tells.
    pub(crate) minutes: Option<f64>,
    /// Read request units of both sides. Null: the size is not known.
    pub(crate) read_units: Option<f64>,
    /// US dollars. Null: a size or a price is not known.
    pub(crate) usd: Option<f64>,
}

/// What a plan takes, estimated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Estimate {
    /// Bytes that are restored. Null: the size of a point is not known.
    pub(crate) restored_bytes: Option<i64>,
    /// Read request units of both sides. Null: a size is not known.
    pub(crate) read_units: Option<f64>,
    /// US dollars, at the prices of the price file. Null: a size or a price is not known.
    pub(crate) usd: Option<f64>,
    /// Minutes until the last table can be read, so many restores going on at once. Null: nothing tells.
    pub(crate) minutes: Option<f64>,
    /// What the minutes rest on, in words.
    pub(crate) minutes_by: String,
    /// Requests by action of the whole run, with those that made the plan.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Planned {
    /// Where the new table is made.
    pub(crate) fn at(&self) -> TargetId {
        TargetId::new(self.account_id.clone(), self.region.clone())
    }

    /// Name of the source, untrusted text.
    pub(crate) fn source_name(&self) -> String {
        let name = Arn::parse(&self.source.table_arn).and_then(|arn| arn.table_name());
        one_line(name.unwrap_or(&self.source.table_arn))
    }

    /// Where the source is; none: its ARN is none.
    pub(crate) fn source_at(&self) -> Option<TargetId> {
        Arn::parse(&self.source.table_arn).map(|arn| TargetId::new(arn.account_id, arn.region))
    }

    /// The same for the same restore of the same run: AWS, which takes it as a token, begins one job.
    pub(crate) fn token(&self) -> String {
        token(&[&self.table_name, &self.point.arn])
    }

    /// The record before anything was done.
    pub(crate) fn begun(&self) -> Drill {
        Drill {
            number: self.number,
            source: self.source.clone(),
            point: self.point.clone(),
            restored: Restored {
                account_id: self.account_id.clone(),
                region: self.region.clone(),
                table_name: self.table_name.clone(),
                table_id: None,
                key: self.key.clone(),
                role_arn: self.role_arn.clone(),
                job_id: None,
            },
            job: None,
            times: Times::default(),
            rto_seconds: self.rto_seconds,
            definition: None,
            items: None,
            cleanup: Cleanup::NothingMade,
            trouble: None,
            verdict: Verdict::NotTested,
        }
    }
}

/// The name of a new table.
pub(crate) fn table_name(run_id: &str, number: u32) -> String {
    format!("{PREFIX}{run_id}-{number}")
}

impl Plan {
    /// The plan in the folder of a run, and its bytes; none: there is none.
    ///
    /// Errors: it cannot be read, is not a plan, of another version, was changed, or holds what no drill would do.
    pub(crate) fn read(dir: &Path) -> Result<Option<(Self, Vec<u8>)>, Problem> {
        let path = dir.join(PLAN_FILE);
        let refuse = |why: String| {
            Problem::usage("could not read the plan of the drill")
                .at(path.display().to_string())
                .why(why)
                .so("nothing was restored, and nothing was deleted")
                .hint("name the folder of a drill with `--to`")
        };
        if plain_file::at(&path)
            .map_err(|error| refuse(error.to_string()))?
            .is_none()
        {
            return Ok(None);
        }
        let bytes = plain_file::read(&path, LARGEST_PLAN).map_err(|error| refuse(error.to_string()))?;
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        let version = value.get("schema_version").and_then(serde_json::Value::as_u64);
        if version != Some(u64::from(PLAN_VERSION)) {
            let version = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            return Err(refuse(format!(
                "its version is {version}; this program reads {PLAN_VERSION}"
            )));
        }
        let plan: Self = serde_json::from_value(value).map_err(|error| refuse(error.to_string()))?;
        plan.check().map_err(refuse)?;
        if plan.digest() != plan.sha256 {
            return Err(refuse("it was changed since it was made".to_owned()));
        }
        Ok(Some((plan, bytes)))
    }

    /// Writes the plan, on disk when this returns: whole, or not at all.
    ///
    /// Errors: the disk refused.
    pub(crate) fn write(&self, dir: &Path) -> Result<Vec<u8>, Problem> {
        let path = dir.join(PLAN_FILE);
        let partial = dir.join(format!(".{PLAN_FILE}.partial"));
        let bytes = self.to_json().into_bytes();
        let written = (|| {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&partial)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)?;
            sync_folder_of(&path)
        })();
        written.map_err(|error: std::io::Error| {
            Problem::new("could not write the plan of the drill")
                .at(path.display().to_string())
                .why(error.to_string())
                .so("nothing was restored")
                .hint("name another folder with `--to`")
        })?;
        Ok(bytes)
    }

    /// The plan file's text.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain values always have a JSON form") + "\n"
    }

    /// The plan with the digest of what it says.
    pub(crate) fn sealed(self) -> Self {
        let sha256 = self.digest();
        Self { sha256, ..self }
    }

    /// What [`Plan::sha256`] has to be.
    fn digest(&self) -> String {
        let mut value = serde_json::to_value(self).expect("plain values always have a JSON form");
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("sha256");
        }
        digest::of_bytes(value.to_string().as_bytes())
    }

    /// What all of it costs.
    pub(crate) fn cost(&self) -> Cost {
        Cost {
            once_usd: self.estimate.usd,
            monthly_usd: Some(0.0),
        }
    }

    /// Every account and Region that is written to or read.
    pub(crate) fn targets(&self) -> BTreeSet<TargetId> {
        let each = self.drills.iter();
        each.flat_map(|planned| [Some(planned.at()), planned.source_at()])
            .flatten()
            .collect()
    }

    /// Is it a plan of drills, and of nothing else? It names tables that will be deleted.
    ///
    /// Errors: why not, in words.
    fn check(&self) -> Result<(), String> {
        let is_right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(8..=64).contains(&self.run_id.len()) || !self.run_id.bytes().all(is_right) {
            return Err(format!("`{}` names no run", one_line(&self.run_id)));
        }
        for (place, planned) in self.drills.iter().enumerate() {
            let at = |why: String| format!("drill {}: {why}", place + 1);
            if usize::try_from(planned.number) != Ok(place + 1) {
                return Err(at(format!("its number is {}", planned.number)));
            }
            let name = table_name(&self.run_id, planned.number);
            if planned.table_name != name {
                return Err(at(format!(
                    "its table is to be `{}`, and not `{name}`",
                    one_line(&planned.table_name)
                )));
            }
            check_name(&planned.table_name).map_err(at)?;
            Key::parse(&planned.key).map_err(at)?;
            let is_account =
                planned.account_id.len() == 12 && planned.account_id.bytes().all(|byte| byte.is_ascii_digit());
            if !is_account || planned.region.is_empty() {
                return Err(at(format!(
                    "`{}` is not an account and Region",
                    one_line(&planned.at().to_string())
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let run_id = "20261101t120000-abc123";
        let planned = |number: u32| Planned {
            number,
            source: Source {
                table_arn: format!("arn:aws:dynamodb:eu-west-1:111122223333:table/t{number}"),
                created_at: Some(DateTime::UNIX_EPOCH),
                is_there: Some(true),
            },
            point: Point {
                arn: format!("arn:aws:backup:eu-west-1:111122223333:recovery-point:{number}"),
                vault_name: "Default".to_owned(),
                created_at: None,
                completed_at: None,
                size_bytes: Some(1),
                is_cold: false,
            },
            account_id: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            table_name: table_name(run_id, number),
            key: "aws-owned".to_owned(),
            role_arn: "r".to_owned(),
            rto_seconds: None,
            takes: Takes {
                minutes: Some(0.05),
                read_units: Some(4.5),
                usd: Some(0.0001),
            },
        };
        Plan {
            schema_version: PLAN_VERSION,
            run_id: run_id.to_owned(),
            made_at: DateTime::UNIX_EPOCH,
            caller_arn: "c".to_owned(),
            account_id: "111122223333".to_owned(),
            asked: Asked {
                tables: vec!["t1".to_owned()],
                point: "newest".to_owned(),
                with: Vec::new(),
                keeps: false,
                compare: Compare {
                    segments: 4,
                    read_rate: Some(0.7),
                    is_consistent: false,
                    reach: Reach::Sample {
                        segments: 1,
                        of: 3,
                        seed: u64::MAX >> 12,
                    },
                    changed_at: None,
                    shows_keys: false,
                    digests: Vec::new(),
                },
            },
            drills: vec![planned(1), planned(2)],
            left_out: Vec::new(),
            estimate: Estimate::default(),
            sha256: String::new(),
        }
        .sealed()
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_no_other_is() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Plan::read(dir.path()).expect("none"), None);
        let bytes = plan().write(dir.path()).expect("written");
        assert_eq!(Plan::read(dir.path()).expect("read"), Some((plan(), bytes.clone())));
        let text = String::from_utf8(bytes).expect("text");
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            std::fs::write(dir.path().join(PLAN_FILE), text.replace(from, to)).expect("written");
            Plan::read(dir.path()).expect_err("refused").why
        };
        assert!(changed("\"newest\"", "\"oldest\"").contains("changed since"));
        let name = table_name("20261101t120000-abc123", 2);
        assert!(changed(&name, "orders").contains("its table is to be `orders`"));
        assert!(changed("\"number\": 2", "\"number\": 3").contains("its number is 3"));
        assert!(changed("20261101t120000-abc123\",", "../../x\",").contains("names no run"));
        assert!(changed("\"schema_version\": 1", "\"schema_version\": 9").contains("version is 9"));
    }

    #[test]
    fn tokens_differ_by_run_and_by_number() {
        let plan = plan();
        assert_ne!(plan.drills[0].token(), plan.drills[1].token());
        assert_eq!(plan.drills[0].token(), super::tests::plan().drills[0].token());
    }
}
