//! What a plan costs, as far as can be told: quantities by prices of a file that people may edit.
//!
//! Every backup of a DynamoDB table is full unless the account has opted in to incremental ones, so that an estimate says "up to".

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::actions::Quantities;
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::{Outcome, Problem, Problems};
use crate::toml_reader::{Section, read_document};

/// The prices that come with the program.
const SHIPPED: &str = include_str!("prices.toml");

/// Bytes of a GB, as AWS bills it.
const GB: f64 = 1_073_741_824.0;

/// Days of a month, as AWS bills it.
const MONTH: f64 = 365.0 / 12.0;

/// What an action costs, in US dollars, at most. Null: not known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Once: to keep what it makes until it is deleted, to restore, to send.
    pub once_usd: Option<f64>,
    /// Every month, once what it makes is in full use.
    pub monthly_usd: Option<f64>,
}

impl Cost {
    /// Nothing.
    pub(crate) const FREE: Self = Self {
        once_usd: Some(0.0),
        monthly_usd: Some(0.0),
    };

    /// Both together; not known if one is not.
    pub(crate) fn with(self, other: Self) -> Self {
        let sum = |a: Option<f64>, b: Option<f64>| Some(cents(a? + b?));
        Self {
            once_usd: sum(self.once_usd, other.once_usd),
            monthly_usd: sum(self.monthly_usd, other.monthly_usd),
        }
    }

    /// The same of one action: `nothing itself; what follows up to 12.00 USD a month`.
    pub(crate) fn of_action(self) -> String {
        match (self.once_usd, self.monthly_usd) {
            (Some(0.0), monthly) if monthly != Some(0.0) => format!("nothing itself; what follows {}", self.words()),
            _ => self.words(),
        }
    }

    /// In words: `up to 1.20 USD, and up to 12.00 USD a month`; empty where it costs nothing.
    pub(crate) fn words(self) -> String {
        let part = |usd: Option<f64>, per: &str| match usd {
            Some(0.0) => None,
            Some(usd) if usd < 0.01 => Some(format!("less than 0.01 USD{per}")),
            Some(usd) => Some(format!("up to {usd:.2} USD{per}")),
            None => Some(format!("an unknown sum{per}")),
        };
        let parts = [part(self.once_usd, ""), part(self.monthly_usd, " a month")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", and ")
    }
}

/// Hundredths of a cent are enough.
fn cents(usd: f64) -> f64 {
    (usd * 10_000.0).ceil() / 10_000.0
}

/// Prices of one Region.
#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    warm: Option<f64>,
    cold: Option<f64>,
    restore: Option<f64>,
    restore_cold: Option<f64>,
    transfer: Option<f64>,
    read: Option<f64>,
}

impl Rates {
    fn read(section: &Section<'_>) -> Self {
        let price = |key: &'static str| {
            let price = section.number(key)?;
            if !(0.0..=1_000_000.0).contains(&price) {
                section.note_at(key, format!("`{key}` is no price"), "give US dollars");
                return None;
            }
            Some(price)
        };
        let rates = Self {
            warm: price("warm"),
            cold: price("cold"),
            restore: price("restore"),
            restore_cold: price("restore-cold"),
            read: price("read"),
            transfer: price("transfer"),
        };
        section.finish();
        rates
    }

    fn or(self, other: Self) -> Self {
        Self {
            warm: self.warm.or(other.warm),
            cold: self.cold.or(other.cold),
            restore: self.restore.or(other.restore),
            restore_cold: self.restore_cold.or(other.restore_cold),
            read: self.read.or(other.read),
            transfer: self.transfer.or(other.transfer),
        }
    }
}

/// The prices of all Regions.
#[derive(Debug)]
pub(crate) struct Prices {
    default: Rates,
    regions: BTreeMap<String, Rates>,
}

impl Prices {
    /// Those of a file, or the program's own.
    ///
    /// Errors: a file that cannot be read, or says what is no price.
    pub(crate) fn load(path: Option<&Path>) -> Outcome<Self> {
        let Some(path) = path else {
            return Self::read("prices.toml", SHIPPED);
        };
        let text = plain_file::text(path, LARGEST_TEXT).map_err(|error| {
            Problem::usage("could not read the prices")
                .at(path.display().to_string())
                .why(error.to_string())
                .so("no plan was made")
                .hint("name a file like the `prices.toml` of the documentation, or leave `--prices` out for the prices of us-east-1")
        })?;
        Self::read(&path.display().to_string(), &text)
    }

    fn read(origin: &str, text: &str) -> Outcome<Self> {
        let read = |root: &Section<'_>| {
            let default = root
                .section("default")
                .map(|section| Rates::read(&section))
                .unwrap_or_default();
            let regions = root.named_sections("region");
            let regions = regions
                .iter()
                .map(|(name, section)| (name.clone(), Rates::read(section)))
                .collect();
            root.finish();
            Self { default, regions }
        };
        let (prices, problems) = read_document(origin, text, read);
        match prices {
            Some(prices) if problems.is_empty() => Ok(prices),
            _ => Err(Problems(
                problems
                    .into_iter()
                    .map(|problem: Problem| problem.so("no plan was made"))
                    .collect(),
            )),
        }
    }

    /// What these quantities cost in a Region.
    pub(crate) fn cost(&self, region: &str, of: Quantities) -> Cost {
        let rates = self.regions.get(region).copied().unwrap_or_default().or(self.default);
        if of.is_unknown {
            return Cost {
                once_usd: None,
                monthly_usd: None,
            };
        }
        let sum = |parts: &[Option<f64>]| parts.iter().copied().sum::<Option<f64>>().map(cents);
        let kept = |part: Option<(i64, i64)>, rate: Option<f64>| match part {
            None => Some(0.0),
            Some((bytes, days)) => Some(gigabytes(bytes) * days as f64 / MONTH * rate?),
        };
        let by = |bytes: Option<i64>, rate: Option<f64>| match bytes {
            None => Some(0.0),
            Some(bytes) => Some(gigabytes(bytes) * rate?),
        };
        Cost {
            once_usd: sum(&[
                kept(of.warm, rates.warm),
                kept(of.cold, rates.cold),
                by(of.restored, rates.restore),
                by(of.restored_cold, rates.restore_cold),
                by(of.moved, rates.transfer),
                of.read_units.map_or(Some(0.0), |units| Some(units / 1e6 * rates.read?)),
            ]),
            monthly_usd: (!of.is_monthly_unknown).then_some(()).and(sum(&[
                by(of.monthly_warm, rates.warm),
                by(of.monthly_cold, rates.cold),
                by(of.monthly_moved, rates.transfer),
                Some(0.0),
            ])),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn gigabytes(bytes: i64) -> f64 {
    bytes as f64 / GB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_become_dollars() {
        let prices = Prices::load(None).expect("prices");
        let gb = 1 << 30;
        let backup = Quantities {
            warm: Some((10 * gb, 7)),
            cold: Some((10 * gb, 90)),
            ..Quantities::default()
        };
        let cost = prices.cost("eu-west-1", backup);
        let expected = 10.0 * 7.0 / MONTH * 0.10 + 10.0 * 90.0 / MONTH * 0.03;
        assert!((cost.once_usd.expect("known") - expected).abs() < 0.001, "{cost:?}");
        assert_eq!(cost.monthly_usd, Some(0.0));
        assert_eq!(cost.words(), "up to 1.12 USD");
        let drill = Quantities {
            restored_cold: Some(10 * gb),
            read_units: Some(4_000_000.0),
            ..Quantities::default()
        };
        let drilled = prices.cost("eu-west-1", drill).once_usd.expect("known");
        assert!((drilled - (10.0 * 0.20 + 4.0 * 0.125)).abs() < 0.001, "{drilled}");
        let west = prices.cost("us-west-1", backup);
        assert!(west.once_usd > cost.once_usd);
        assert_eq!(prices.cost("eu-west-1", Quantities::default()), Cost::FREE);
        let unknown = Quantities {
            is_unknown: true,
            ..Quantities::default()
        };
        assert_eq!(
            prices.cost("eu-west-1", unknown).words(),
            "an unknown sum, and an unknown sum a month"
        );
        assert_eq!(Cost::FREE.words(), "");
        assert_eq!(Cost::FREE.of_action(), "");
        let later = Quantities {
            is_monthly_unknown: true,
            ..Quantities::default()
        };
        assert_eq!(
            prices.cost("eu-west-1", later).of_action(),
            "nothing itself; what follows an unknown sum a month"
        );
    }

    #[test]
    fn prices_with_nonsense_are_refused() {
        for text in [
            "[default]\nwarm = -1.0\n",
            "[default]\nwarm = \"much\"\n",
            "[default]\nwarn = 1.0\n",
            "[default]\nwarm = nan\n",
            "nonsense",
        ] {
            assert!(Prices::read("p", text).is_err(), "{text}");
        }
        // What is not there is not known.
        let prices = Prices::read("p", "[default]\ncold = 1.0\n").expect("prices");
        let of = Quantities {
            warm: Some((1, 1)),
            ..Quantities::default()
        };
        assert_eq!(prices.cost("eu-west-1", of).once_usd, None);
    }
}
