//! Filters of `GetFindings`: all attributes must match; of one attribute's filters, one positive and no negative.

use serde_json::Value;

use super::input::invalid;
use crate::call::ApiError;
use crate::securityhub::state::{Finding, inner, text};

/// How the values of an attribute are read.
type Reader = fn(&Finding) -> Vec<String>;

/// Attributes that can be filtered by.
const ATTRIBUTES: [(&str, Reader); 11] = [
    ("AwsAccountId", |finding| vec![text(finding, "AwsAccountId").to_owned()]),
    ("ComplianceStatus", |finding| {
        vec![inner(finding, "Compliance", "Status").to_owned()]
    }),
    ("GeneratorId", |finding| vec![text(finding, "GeneratorId").to_owned()]),
    ("Id", |finding| vec![text(finding, "Id").to_owned()]),
    ("ProductArn", |finding| vec![text(finding, "ProductArn").to_owned()]),
    ("ProductName", |finding| vec![text(finding, "ProductName").to_owned()]),
    ("RecordState", |finding| vec![text(finding, "RecordState").to_owned()]),
    ("Region", |finding| vec![text(finding, "Region").to_owned()]),
    ("ResourceId", resource_ids),
    ("SeverityLabel", |finding| {
        vec![inner(finding, "Severity", "Label").to_owned()]
    }),
    ("WorkflowStatus", |finding| {
        vec![inner(finding, "Workflow", "Status").to_owned()]
    }),
];

fn resource_ids(finding: &Finding) -> Vec<String> {
    let resources = finding.get("Resources").and_then(Value::as_array);
    let ids = resources
        .into_iter()
        .flatten()
        .filter_map(|resource| resource.get("Id"));
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// One attribute with its filters.
struct Filter {
    of: Reader,
    tests: Vec<(Comparison, String)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Equals,
    Prefix,
    Contains,
    NotEquals,
    PrefixNotEquals,
    NotContains,
}

impl Comparison {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "EQUALS" => Self::Equals,
            "PREFIX" => Self::Prefix,
            "CONTAINS" => Self::Contains,
            "NOT_EQUALS" => Self::NotEquals,
            "PREFIX_NOT_EQUALS" => Self::PrefixNotEquals,
            "NOT_CONTAINS" => Self::NotContains,
            _ => return None,
        })
    }

    fn is_negative(self) -> bool {
        matches!(self, Self::NotEquals | Self::PrefixNotEquals | Self::NotContains)
    }

    fn holds(self, value: &str, wanted: &str) -> bool {
        match self {
            Self::Equals => value == wanted,
            Self::Prefix => value.starts_with(wanted),
            Self::Contains => value.contains(wanted),
            Self::NotEquals => value != wanted,
            Self::PrefixNotEquals => !value.starts_with(wanted),
            Self::NotContains => !value.contains(wanted),
        }
    }
}

/// All filters of a call.
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    pub(super) fn read(filters: Option<&Value>) -> Result<Self, ApiError> {
        let given = filters.and_then(Value::as_object);
        let read = given.into_iter().flatten().map(|(name, tests)| {
            let attribute = ATTRIBUTES.iter().find(|(known, _)| known == name);
            let (_, of) =
                attribute.ok_or_else(|| invalid(format!("The sandbox does not filter findings by {name}.")))?;
            let tests = tests.as_array().map(Vec::as_slice).unwrap_or_default();
            if tests.len() > 20 {
                return Err(invalid(format!("{name} must have at most 20 items")));
            }
            Ok(Filter {
                of: *of,
                tests: tests.iter().map(test).collect::<Result<_, _>>()?,
            })
        });
        let filters: Vec<Filter> = read.collect::<Result<_, _>>()?;
        if filters.len() > 10 {
            return Err(invalid("Filters must have at most 10 attributes".to_owned()));
        }
        Ok(Self(filters))
    }

    pub(super) fn admit(&self, finding: &Finding) -> bool {
        self.0.iter().all(|filter| filter.admits(finding))
    }
}

impl Filter {
    fn admits(&self, finding: &Finding) -> bool {
        let values = (self.of)(finding);
        let holds = |(comparison, wanted): &(Comparison, String)| {
            if comparison.is_negative() {
                values.iter().all(|value| comparison.holds(value, wanted))
            } else {
                values.iter().any(|value| comparison.holds(value, wanted))
            }
        };
        let (negative, positive): (Vec<_>, Vec<_>) =
            self.tests.iter().partition(|(comparison, _)| comparison.is_negative());
        negative.into_iter().all(holds) && (positive.is_empty() || positive.into_iter().any(holds))
    }
}

fn test(filter: &Value) -> Result<(Comparison, String), ApiError> {
    let part = |key: &str| filter.get(key).and_then(Value::as_str).unwrap_or_default();
    let comparison = Comparison::read(part("Comparison"));
    let comparison = comparison.ok_or_else(|| invalid(format!("Invalid comparison {}", part("Comparison"))))?;
    Ok((comparison, part("Value").to_owned()))
}
