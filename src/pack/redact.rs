//! Evidence for strangers: account ids and names replaced by pseudonyms, in the inventory and in the criteria, before
//! anything is judged. So every report, every finding and every digest speaks of pseudonyms only, and the pack still holds
//! when it is verified.
//!
//! A pseudonym has twelve digits, as an account id has, and begins with zeros: `000000000001`. The same account has the
//! same one everywhere in a pack; its name becomes `account-1`. Every text is searched, so ids inside ARNs, policies,
//! messages and names of resources are replaced, too. Names of tables, vaults, roles and tags stay, as far as no id is in
//! them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::criteria;
use crate::domain::Arn;
use crate::inventory::schema::Target;
use crate::inventory::{Inventory, scan_id};
use crate::problem::{Outcome, Problem};
use crate::report::build::Criteria;
use crate::report::{Report, Templates, Totals};

/// Digits of an account id.
const DIGITS: usize = 12;

/// Account ids and their pseudonyms.
#[derive(Debug, Default)]
pub struct Pseudonyms(BTreeMap<String, String>);

impl Pseudonyms {
    /// Numbers the accounts in scope in order of id, then all others that any text names.
    fn number(scope: BTreeSet<String>, others: BTreeSet<String>) -> Self {
        let others = others.difference(&scope).cloned().collect::<Vec<_>>();
        let all = scope.into_iter().chain(others).zip(1_u64..);
        Self(all.map(|(id, number)| (id, format!("{number:0DIGITS$}"))).collect())
    }

    /// A text without account ids.
    pub fn replace<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let bytes = text.as_bytes();
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        while at + DIGITS <= bytes.len() {
            let is_digits = bytes[at..at + DIGITS].iter().all(u8::is_ascii_digit);
            match is_digits.then(|| self.0.get(&text[at..at + DIGITS])).flatten() {
                Some(pseudonym) => {
                    out.push_str(&text[copied..at]);
                    out.push_str(pseudonym);
                    at += DIGITS;
                    copied = at;
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }

    fn owned(&self, text: &str) -> String {
        self.replace(text).into_owned()
    }

    fn name_of(&self, account_id: &str) -> String {
        let pseudonym = self.0.get(account_id).map_or(account_id, String::as_str);
        format!("account-{}", pseudonym.trim_start_matches('0'))
    }
}

/// Writes a copy of the inventory without account ids and names into the empty folder `to`, and gives the criteria without
/// them.
///
/// Errors: the inventory is damaged, or the disk refused; criteria that cannot be read any more.
pub fn redact(inventory: &Inventory, criteria: &Criteria, to: &Path) -> Outcome<(Inventory, Criteria, Pseudonyms)> {
    let targets: Vec<Target> = inventory.read()?;
    let files = criteria::files(criteria);
    let pseudonyms = pseudonyms(inventory, &targets, &files)?;
    let targets: Vec<Target> = targets
        .into_iter()
        .map(|target| Target {
            account_name: target.account_name.map(|_| pseudonyms.name_of(&target.account_id)),
            account_id: pseudonyms.owned(&target.account_id),
            ..target
        })
        .collect();
    let mut manifest = inventory.manifest.clone();
    manifest.caller_arn = pseudonyms.owned(&manifest.caller_arn);
    // The name of the scan is a digest that holds account ids: there are few enough of them to try them all.
    manifest.scan_id = scan_id(&manifest.caller_arn, &targets, manifest.started_at);
    let map = |text: &str| pseudonyms.owned(text);
    let inventory = inventory.rewritten(to, &map, targets, manifest)?;
    let files: Vec<(String, String)> = files.into_iter().map(|(path, text)| (path, map(&text))).collect();
    let criteria = criteria::read(&files, "criteria without account ids")?;
    Ok((inventory, criteria, pseudonyms))
}

/// Templates are not changed; they must not name an account either.
///
/// Errors: a file of them does.
pub fn check_templates(templates: &Templates, pseudonyms: &Pseudonyms) -> Result<(), Problem> {
    let names_one = |bytes: &[u8]| matches!(pseudonyms.replace(&String::from_utf8_lossy(bytes)), Cow::Owned(_));
    match templates.sources.iter().find(|(_, bytes)| names_one(bytes)) {
        None => Ok(()),
        Some((name, _)) => Err(Problem::new("could not leave out the account ids")
            .at(format!("`--template`, `{name}`"))
            .why("the template names an account")
            .so("no report was written")
            .hint("take the account id out of the template")),
    }
}

/// Judging under pseudonyms must give the same verdicts.
///
/// Errors: it does not.
pub fn check_same(before: &Report, after: &Report) -> Result<(), Problem> {
    let coverage = |report: &Report| {
        let coverage = &report.coverage;
        (
            coverage.tables_listed,
            coverage.tables_described,
            coverage.targets.len(),
            coverage.gaps.len(),
        )
    };
    let verdicts = |report: &Report| -> BTreeMap<(String, &'static str, bool), usize> {
        let mut counts = BTreeMap::new();
        for finding in &report.findings {
            let key = (finding.rule.to_string(), finding.verdict.as_str(), finding.waived);
            *counts.entry(key).or_default() += 1;
        }
        counts
    };
    let sums = |report: &Report| -> (Totals, _, _) { (report.totals.clone(), coverage(report), verdicts(report)) };
    if sums(before) == sums(after) {
        return Ok(());
    }
    Err(Problem::new("could not replace the account ids")
        .why("a condition or a pattern of the policy, the waivers or the rules gives other verdicts under pseudonyms")
        .so("no report was written")
        .hint("let no tier, waiver or rule ask for a part of an account id, or leave `--redact-accounts` out"))
}

fn pseudonyms(inventory: &Inventory, targets: &[Target], files: &[(String, String)]) -> Result<Pseudonyms, Problem> {
    let mut scope: BTreeSet<String> = targets.iter().map(|target| target.account_id.clone()).collect();
    let caller = &inventory.manifest.caller_arn;
    let mut others: BTreeSet<String> = Arn::parse(caller)
        .map(|arn| arn.account_id.to_owned())
        .into_iter()
        .collect();
    others.extend(ids_in(caller).map(str::to_owned));
    inventory.each_text(&mut |text| {
        for id in ids_in(text).filter(|id| !others.contains(*id)).collect::<Vec<_>>() {
            others.insert(id.to_owned());
        }
    })?;
    for (_, text) in files {
        others.extend(ids_in(text).map(str::to_owned));
    }
    let is_id = |id: &String| id.len() == DIGITS && id.bytes().all(|byte| byte.is_ascii_digit());
    scope.retain(is_id);
    others.retain(is_id);
    Ok(Pseudonyms::number(scope, others))
}

/// Every run of exactly twelve digits that may be an account id: all but the ends of UUIDs.
fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|character: char| !character.is_ascii_digit());
    let ids = runs.filter(|run| run.len() == DIGITS);
    ids.filter(|run| {
        let at = run.as_ptr() as usize - text.as_ptr() as usize;
        !is_end_of_uuid(&text.as_bytes()[..at])
    })
}

/// Do these bytes end with `8-4-4-4-` hexadecimal digits?
fn is_end_of_uuid(before: &[u8]) -> bool {
    let Some(start) = before.len().checked_sub(24) else {
        return false;
    };
    let shape = b"xxxxxxxx-xxxx-xxxx-xxxx-";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'-' => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    before[start..].iter().zip(shape).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_of_twelve_digits_is_an_account_unless_it_ends_a_uuid() {
        for (text, ids) in [
            (
                "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
                vec!["111122223333"],
            ),
            ("logs-111122223333-444455556666", vec!["111122223333", "444455556666"]),
            ("1700000000000", vec![]),
            ("0f8fad5b-d9cb-469f-a165-708867728950", vec![]),
            ("d9cb-469f-a165-708867728950", vec!["708867728950"]),
            ("é111122223333é", vec!["111122223333"]),
        ] {
            assert_eq!(ids_in(text).collect::<Vec<_>>(), ids, "{text}");
        }
    }

    #[test]
    fn known_accounts_are_replaced_wherever_they_stand() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let names = Pseudonyms::number(set(&["444455556666"]), set(&["000000000001", "444455556666"]));
        for (text, replaced) in [
            ("444455556666", "000000000001"),
            ("000000000001", "000000000002"),
            ("x4444555566667", "x0000000000017"),
            ("é-444455556666-444455556666", "é-000000000001-000000000001"),
            ("44445555666", "44445555666"),
        ] {
            assert_eq!(names.replace(text), replaced);
        }
        assert_eq!(names.name_of("444455556666"), "account-1");
    }
}
