//! `[policy.approval]` and `[policy.exceptions]`: who approved the policy, and who answers for the tables that fail it.
//! Reports say it; no verdict rests on it.

use chrono::NaiveDate;

use crate::toml_reader::Section;
use crate::toml_reader::values::days;

/// Who approved the policy, and when. What the file does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approval {
    /// `approved-by`: the person or the body.
    pub approved_by: String,
    /// `approved-on`.
    pub approved_on: Option<NaiveDate>,
    /// `reference`: the document, minutes or ticket that shows it.
    pub reference: String,
    /// `review-by`: the day by which the policy is to be looked at again.
    pub review_by: Option<NaiveDate>,
}

/// Who answers for tables that fail the policy, and until when. What the file does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// `owner`: whoever answers for tables whose tag names nobody.
    pub owner: String,
    /// `owner-tag`: the tag that names the owner of a table; empty: `owner`, in any spelling of its case.
    pub owner_tag: String,
    /// `due-tag`: the tag with the day by which a table is to be put right; empty: none.
    pub due_tag: String,
    /// `due-within`: days from the scan in which an exception first stood, where no tag says the day.
    pub due_days: Option<i64>,
}

impl Approval {
    /// Nobody is named, and nothing else is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each part with its key, as the file says it.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        let all = [
            ("approved-by", self.approved_by.clone()),
            ("approved-on", day(self.approved_on)),
            ("reference", self.reference.clone()),
            ("review-by", day(self.review_by)),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }
}

impl Exceptions {
    /// Each part with its key, as the file says it.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let days = self.due_days.map(|days| format!("{days}d")).unwrap_or_default();
        let all = [
            ("owner", self.owner.clone()),
            ("owner-tag", self.owner_tag.clone()),
            ("due-tag", self.due_tag.clone()),
            ("due-within", days),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The tags that it reads of every table.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        [&*self.owner_tag, &*self.due_tag]
            .into_iter()
            .filter(|tag| !tag.is_empty())
    }
}

/// Reads `[policy.approval]`, if it is there.
pub(super) fn approval(policy: &Section<'_>) -> Approval {
    let Some(section) = policy.section("approval") else {
        return Approval::default();
    };
    let approval = Approval {
        approved_by: said(&section, "approved-by"),
        approved_on: section.date("approved-on").map(|day| day.value),
        reference: said(&section, "reference"),
        review_by: section.date("review-by").map(|day| day.value),
    };
    section.finish();
    approval
}

/// Reads `[policy.exceptions]`, if it is there.
pub(super) fn exceptions(policy: &Section<'_>) -> Exceptions {
    let Some(section) = policy.section("exceptions") else {
        return Exceptions::default();
    };
    let exceptions = Exceptions {
        owner: said(&section, "owner"),
        owner_tag: said(&section, "owner-tag"),
        due_tag: said(&section, "due-tag"),
        due_days: days(&section, "due-within"),
    };
    section.finish();
    exceptions
}

fn said(section: &Section<'_>, key: &'static str) -> String {
    let text = section.string(key).map(|text| text.value.trim().to_owned());
    if text.as_deref() == Some("") {
        let hint = format!("say it, or leave `{key}` out");
        section.note_at(key, format!("`{}` is empty", section.path_of(key)), hint);
    }
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::criteria::policy::parse;

    #[test]
    fn approval_and_exceptions_are_read_and_told_as_they_are_written() {
        let text = "[policy]\nfrequency = '1d'\n[policy.approval]\napproved-by = 'head of risk'\napproved-on = 2026-10-01\n\
                    review-by = '2027-10-01'\n[policy.exceptions]\nowner-tag = 'team'\ndue-within = '14d'\n";
        let policy = parse(text, "policy.toml").expect("a policy");
        assert_eq!(
            policy.approval.lines(),
            [
                ("approved-by", "head of risk".to_owned()),
                ("approved-on", "2026-10-01".to_owned()),
                ("review-by", "2027-10-01".to_owned()),
            ]
        );
        assert_eq!(policy.exceptions.due_days, Some(14));
        assert_eq!(policy.exceptions.tags().collect::<Vec<_>>(), ["team"]);
        assert!(
            parse("[policy]\n", "policy.toml")
                .expect("a policy")
                .approval
                .is_empty()
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let text = "[policy]\n[policy.approval]\napproved-by = ''\napproved-on = '1 October'\n[policy.exceptions]\nowners = 'me'\n";
        let mistakes = parse(text, "policy.toml").expect_err("mistakes");
        let all: String = mistakes.0.iter().map(|problem| format!("{problem}\n")).collect();
        for part in [
            "`policy.approval.approved-by` is empty\n  where: policy.toml:3",
            "`policy.approval.approved-on` is not a date\n  where: policy.toml:4",
            "`policy.exceptions.owners` is not a setting\n  where: policy.toml:6",
        ] {
            assert!(all.contains(part), "`{part}` is missing from\n{all}");
        }
    }
}
