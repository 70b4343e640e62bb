//! Every fact on a subject: name, type, the sentence an auditor would read, when it is unknown, and which frames it
//! rests on. Written once, here, one file for each subject: rule checking, `explain facts`, the columns of reports and
//! demand-driven collection all come from these lists.
//!
//! Where it can, what is known to be absent is a value: `none`, `0`, `forever`. A null has a cause, which `judge::nulls` tells:
//! there is nothing that the fact could be about, the scan did not ask, a call failed, or AWS's answers leave it open. The first
//! is the only one that takes more than the call log: [`Fact::none_if`] says by which other fact it is known.
//! A number that ends in `_seen` counts what could be read, whole or not: it proves presences. The same number without
//! the ending is known only when everything was read: it alone proves an absence.

mod exemption;
mod plan;
mod recovery_point;
mod table;
mod target;
mod vault;
mod waiver;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polars::prelude::{Column, DataFrame, DataType, PolarsResult};

use crate::domain::{FactValue, Subject};
use crate::inventory::cell::{Cell, Kind};

pub(crate) use exemption::{EXEMPTION_FACTS, ExemptionFacts};
pub(crate) use plan::{PLAN_FACTS, PlanFacts};
pub(crate) use recovery_point::{RECOVERY_POINT_FACTS, RecoveryPointFacts};
pub use table::{TABLE_FACTS, TableFacts};
pub(crate) use target::{TARGET_FACTS, TargetFacts};
pub(crate) use vault::{VAULT_FACTS, VaultFacts};
pub(crate) use waiver::{WAIVER_FACTS, WaiverFacts};

/// Text of a fact. Shared, because accounts, Regions, words and plan reasons repeat over a million tables.
pub(crate) type Text = Arc<str>;

/// One entry of the dictionary.
#[derive(Debug)]
pub struct Fact {
    /// Column name.
    pub name: &'static str,
    /// The polars type.
    pub kind: FactKind,
    /// What it says, and when it is unknown.
    pub doc: &'static str,
    /// Frames that it rests on.
    pub frames: &'static [&'static str],
    /// What another fact of the same subject says where there is nothing that this one could be about; any of them is enough.
    /// Where one holds, this fact has no value.
    pub none_if: &'static [NoneIf],
}

/// What another fact says where there is nothing that a fact could be about.
#[derive(Debug)]
pub struct NoneIf {
    /// The other fact.
    pub fact: &'static str,
    /// What it has to say.
    pub test: Test,
}

/// What a fact has to say; one that is null says nothing.
#[derive(Debug)]
pub enum Test {
    /// This.
    Is(Plain),
    /// Anything but this.
    IsNot(Plain),
    /// Anything: its evidence was read whole, so a null beside it means that there is nothing.
    IsKnown,
}

/// A value that a test names.
#[derive(Debug)]
pub enum Plain {
    /// A count.
    Int(i64),
    /// No or yes.
    Bool(bool),
    /// A word of a closed list.
    Word(&'static str),
}

impl fmt::Display for NoneIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, plain) = match &self.test {
            Test::Is(plain) => ("is", plain),
            Test::IsNot(plain) => ("is known and is not", plain),
            Test::IsKnown => return write!(f, "{} is known", self.fact),
        };
        let name = self.fact;
        match plain {
            Plain::Int(number) => write!(f, "{name} {verb} {number}"),
            Plain::Bool(flag) => write!(f, "{name} {verb} {flag}"),
            Plain::Word(word) => write!(f, "{name} {verb} `{word}`"),
        }
    }
}

impl NoneIf {
    /// Does it hold of this value of the other fact?
    pub fn holds(&self, value: &FactValue) -> bool {
        let is = |plain: &Plain| match (plain, value) {
            (Plain::Int(plain), FactValue::Int(value)) => plain == value,
            (Plain::Bool(plain), FactValue::Bool(value)) => plain == value,
            (Plain::Word(plain), FactValue::Text(value)) => *plain == &**value,
            _ => false,
        };
        match &self.test {
            Test::Is(plain) => is(plain),
            Test::IsNot(plain) => !value.is_null() && !is(plain),
            Test::IsKnown => !value.is_null(),
        }
    }

    /// Does it tell an absence by what was seen, whole or not?
    pub fn is_by_what_was_seen(&self) -> bool {
        self.fact.ends_with("_seen") && matches!(self.test, Test::Is(_))
    }
}

impl Fact {
    /// The unit of a number, from the end of its name; none for other facts.
    pub(crate) fn unit(&self) -> Option<&'static str> {
        let name = self.name.strip_suffix("_seen").unwrap_or(self.name);
        [
            ("_hours", "hours"),
            ("_minutes", "minutes"),
            ("_days", "days"),
            ("_bytes", "bytes"),
            ("_count", "count"),
            ("_rank", "rank"),
        ]
        .into_iter()
        .find_map(|(suffix, unit)| name.ends_with(suffix).then_some(unit))
    }
}

/// The name of a fact that exists. Only the dictionary and the lists of policy values make one, so that asking for a fact
/// under a wrong name does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactKey(&'static str);

impl FactKey {
    /// For the dictionary, and for the lists of what the policy says of a table.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name as conditions and files write it.
    pub(crate) const fn name(self) -> &'static str {
        self.0
    }
}

/// The type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// Text, instant, truth or whole number, as in the inventory.
    Cell(Kind),
    /// A number with fraction.
    Float,
}

impl FactKind {
    /// The word of the data dictionary.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cell(kind) => kind.as_str(),
            Self::Float => "number",
        }
    }

    /// The polars type.
    pub(crate) fn dtype(self) -> DataType {
        match self {
            Self::Cell(kind) => kind.dtype(),
            Self::Float => DataType::Float64,
        }
    }
}

/// A Rust type that a fact can have.
pub(crate) trait FactCell: Sized {
    const KIND: FactKind;
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a;
    fn value(&self) -> FactValue;
}

macro_rules! cell_facts {
    ($($kind:ty => $variant:ident,)+) => {$(
        impl FactCell for Option<$kind> {
            const KIND: FactKind = FactKind::Cell(<Self as Cell>::KIND);
            fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
                <Self as Cell>::column(name, values)
            }
            fn value(&self) -> FactValue {
                self.map_or(FactValue::OPEN, FactValue::$variant)
            }
        }
    )+};
}

cell_facts! {
    i64 => Int,
    bool => Bool,
    DateTime<Utc> => Time,
}

impl FactCell for Option<Text> {
    const KIND: FactKind = FactKind::Cell(Kind::Text);

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        let values: Vec<Option<&str>> = values.map(Option::as_deref).collect();
        Column::new(name.into(), values)
    }

    fn value(&self) -> FactValue {
        self.as_ref()
            .map_or(FactValue::OPEN, |text| FactValue::Text(Arc::clone(text)))
    }
}

impl FactCell for Option<f64> {
    const KIND: FactKind = FactKind::Float;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.copied().collect::<Vec<_>>())
    }

    fn value(&self) -> FactValue {
        self.map_or(FactValue::OPEN, FactValue::Float)
    }
}

/// The facts on one kind of subject, row by row.
pub(crate) trait SubjectFacts: Default {
    /// What is judged.
    const SUBJECT: Subject;

    /// Rows to columns, of the facts that `wanted` names.
    ///
    /// Errors: none that a caller can cause.
    fn to_frame(rows: &[Self], wanted: &dyn Fn(&str) -> bool) -> PolarsResult<DataFrame>;

    /// Every fact with its name, in the order of the dictionary.
    fn values(&self) -> Vec<(&'static str, FactValue)>;
}

/// The tests of `none if`, as the lists write them.
macro_rules! test {
    (== 0) => {
        super::Test::Is(super::Plain::Int(0))
    };
    (== false) => {
        super::Test::Is(super::Plain::Bool(false))
    };
    (== $word:literal) => {
        super::Test::Is(super::Plain::Word($word))
    };
    (!= 0) => {
        super::Test::IsNot(super::Plain::Int(0))
    };
    (!= $word:literal) => {
        super::Test::IsNot(super::Plain::Word($word))
    };
    (is known) => {
        super::Test::IsKnown
    };
}
use test;

macro_rules! facts {
    (
        $(#[doc = $type_doc:literal])+
        $type:ident, $list:ident, $subject:ident:
        $($(#[doc = $doc:literal])+ $name:ident: $kind:ty = [$($frame:literal),*]
            $(none if $(($other:ident $($test:tt)+))+)?,)+
    ) => {
        $(#[doc = $type_doc])+
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $type {
            $($(#[doc = $doc])+ pub $name: Option<$kind>,)+
        }

        #[allow(
            dead_code,
            non_upper_case_globals,
            missing_docs,
            reason = "named and documented as the fields above; few are asked for one by one"
        )]
        impl $type {
            $(pub const $name: super::FactKey = super::FactKey::new(stringify!($name));)+
        }

        /// The dictionary of this subject, in the order of columns.
        pub const $list: &[super::Fact] = &[$(super::Fact {
            name: stringify!($name),
            kind: <Option<$kind> as super::FactCell>::KIND,
            doc: concat!($($doc),+),
            frames: &[$($frame),*],
            none_if: &[$($(super::NoneIf {
                fact: $type::$other.name(),
                test: super::test!($($test)+),
            }),+)?],
        }),+];

        impl super::SubjectFacts for $type {
            const SUBJECT: crate::domain::Subject = crate::domain::Subject::$subject;

            fn to_frame(
                rows: &[Self],
                wanted: &dyn Fn(&str) -> bool,
            ) -> polars::prelude::PolarsResult<polars::prelude::DataFrame> {
                let mut columns = Vec::new();
                $(if wanted(stringify!($name)) {
                    columns.push(<Option<$kind> as super::FactCell>::column(
                        stringify!($name),
                        rows.iter().map(|row| &row.$name),
                    ));
                })+
                polars::prelude::DataFrame::new(rows.len(), columns)
            }

            fn values(&self) -> Vec<(&'static str, crate::domain::FactValue)> {
                vec![$((stringify!($name), super::FactCell::value(&self.$name)),)+]
            }
        }
    };
}
use facts;

/// The dictionary of a subject.
pub(crate) const fn facts_of(subject: Subject) -> &'static [Fact] {
    match subject {
        Subject::Table => TABLE_FACTS,
        Subject::RecoveryPoint => RECOVERY_POINT_FACTS,
        Subject::Vault => VAULT_FACTS,
        Subject::Plan => PLAN_FACTS,
        Subject::Target => TARGET_FACTS,
        Subject::Waiver => WAIVER_FACTS,
        Subject::Exemption => EXEMPTION_FACTS,
    }
}

/// The fact of that name on that subject.
pub(crate) fn fact(subject: Subject, name: &str) -> Option<&'static Fact> {
    facts_of(subject).iter().find(|fact| fact.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and places are never unknown: they are what the subject is.
    const PLAIN: [&str; 16] = [
        "account_id",
        "region",
        "partition",
        "table_arn",
        "table_name",
        "vault_name",
        "plan_id",
        "recovery_point_arn",
        "vault_arn",
        "waiver_rule",
        "waiver_tables",
        "tier_name",
        "plan_arn",
        "plan_name",
        "waiver_id",
        "tier_when",
    ];

    #[test]
    fn every_fact_says_when_it_is_unknown() {
        for subject in Subject::ALL {
            for fact in facts_of(subject) {
                let is_plain = PLAIN.contains(&fact.name);
                assert!(is_plain || fact.doc.contains("nknown"), "{subject}: {}", fact.name);
            }
        }
    }

    /// Lists of facts are sorted in many ways, and often one sentence is shown without the others.
    #[test]
    fn every_sentence_stands_alone() {
        let openings = [
            "The same",
            "Of these",
            "Of the failed",
            "That ",
            "Those ",
            "Such ",
            "The last of them",
        ];
        let pointers = [
            " above",
            " below",
            "ongest such",
            " of those vaults",
            " those rules",
            "How long it ",
            "ago that was",
        ];
        for subject in Subject::ALL {
            for fact in facts_of(subject) {
                let is_bound = openings
                    .iter()
                    .any(|opening| fact.doc.trim_start().starts_with(opening))
                    || pointers.iter().any(|pointer| fact.doc.contains(pointer));
                assert!(!is_bound, "{subject}: {}: {}", fact.name, fact.doc);
            }
        }
    }

    #[test]
    fn columns_have_the_types_of_the_dictionary() {
        let frame = TableFacts::to_frame(&[TableFacts::default()], &|_| true).expect("a frame");
        assert_eq!(frame.width(), TABLE_FACTS.len());
        for (column, fact) in frame.columns().iter().zip(TABLE_FACTS) {
            assert_eq!(
                (column.name().as_str(), column.dtype()),
                (fact.name, &fact.kind.dtype())
            );
        }
    }

    /// What a plan made proves that it takes a table where its selections leave that open.
    #[test]
    fn facts_that_rest_on_which_plans_take_a_table_name_what_proves_it() {
        for subject in Subject::ALL {
            let of_plans = |fact: &&Fact| ["plan_rules", "selections"].iter().all(|one| fact.frames.contains(one));
            for fact in facts_of(subject).iter().filter(of_plans) {
                for frame in ["backup_jobs", "recovery_points"] {
                    assert!(fact.frames.contains(&frame), "{subject}: {}: {frame}", fact.name);
                }
            }
        }
    }

    #[test]
    fn frames_of_facts_exist() {
        let known: Vec<&str> = crate::inventory::schema::FRAMES
            .iter()
            .map(|frame| frame.name)
            .collect();
        for subject in Subject::ALL {
            for fact in facts_of(subject) {
                for frame in fact.frames {
                    assert!(known.contains(frame), "{}: {frame}", fact.name);
                }
            }
        }
    }
}
