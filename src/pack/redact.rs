//! PackContents for strangers: account ids and names replaced by pseudonyms, in the inventory and in the criteria, before
//! anything is judged. So every report, every finding and every digest speaks of pseudonyms only, and the pack still holds
//! when it is verified.
//!
//! A pseudonym has twelve digits, as an account id has, and begins with zeros: `000000000001`. The same account has the
//! same one everywhere in a pack, in the console's spelling (`1111-2222-3333`) too; its name becomes `account-1`. Every text
//! is searched, so ids and names inside ARNs, policies, messages and names of resources are replaced, too. Names of tables,
//! vaults, roles and tags stay, as far as neither is in them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::criteria::files;
use crate::criteria::{Criteria, Origin};
use crate::domain::Arn;
use crate::inventory::schema::Target;
use crate::inventory::{Inventory, scan_id};
use crate::problem::{Outcome, Problem};
use crate::render::Templates;
use crate::report::{Report, Totals};

/// Digits of an account id.
const DIGITS: usize = 12;

/// Bytes of an account id as the console spells it: `1111-2222-3333`.
const SPELT: usize = 14;

/// Names of accounts that are also words of every inventory and of every policy: they stand there anyway, tell nothing, and
/// could not be replaced without breaking what they are words of.
const WORDS: [&str; 34] = [
    "account",
    "any",
    "approver",
    "arn",
    "aws",
    "aws-cn",
    "aws-managed",
    "aws-us-gov",
    "backup",
    "compliance",
    "customer",
    "customer-managed",
    "default",
    "dynamodb",
    "exempt",
    "expires",
    "governance",
    "iam",
    "key",
    "kms",
    "name",
    "none",
    "organizations",
    "plan",
    "policy",
    "reason",
    "role",
    "sts",
    "table",
    "tag",
    "tier",
    "vault",
    "when",
    "window",
];

/// Names that are shorter are found in too many words.
const SHORTEST: usize = 3;

/// Accounts and their pseudonyms.
#[derive(Debug, Default)]
pub(crate) struct Pseudonyms {
    ids: BTreeMap<String, String>,
    /// Names of accounts and what stands for them, the longest first.
    names: Vec<(String, String)>,
    /// First bytes of names.
    begins: BTreeSet<u8>,
}

impl Pseudonyms {
    /// Numbers the accounts in scope in order of id, then all others that any text names.
    fn number(scope: BTreeSet<String>, others: BTreeSet<String>) -> Self {
        let others = others.difference(&scope).cloned().collect::<Vec<_>>();
        let all = scope.into_iter().chain(others).zip(1_u64..);
        Self {
            ids: all.map(|(id, number)| (id, format!("{number:0DIGITS$}"))).collect(),
            ..Self::default()
        }
    }

    /// Learns the names of accounts.
    fn with_names<'n>(mut self, names: impl Iterator<Item = (&'n str, &'n str)>) -> Self {
        for (id, name) in names {
            let is_known = self.names.iter().any(|(known, _)| known == name);
            if name.len() >= SHORTEST && !is_known && !WORDS.contains(&name.to_ascii_lowercase().as_str()) {
                self.names.push((name.to_owned(), self.name_of(id)));
                self.begins.extend(name.bytes().next());
            }
        }
        self.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        self
    }

    /// A text without ids and names of accounts.
    pub(crate) fn replace<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.replaced(text, true)
    }

    /// A text without account ids.
    fn replaced<'t>(&self, text: &'t str, names: bool) -> Cow<'t, str> {
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        while at < text.len() {
            let found = self.id_at(text, at).or_else(|| self.spelt_at(text, at));
            let found = found.or_else(|| if names { self.name_at(text, at) } else { None });
            match found {
                Some((length, pseudonym)) => {
                    out.push_str(&text[copied..at]);
                    out.push_str(&pseudonym);
                    at += length;
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

    /// A known id that begins there: how long it is, and what stands for it.
    fn id_at(&self, text: &str, at: usize) -> Option<(usize, Cow<'_, str>)> {
        let digits = text.as_bytes().get(at..at + DIGITS)?;
        let is_id = digits.iter().all(u8::is_ascii_digit);
        let pseudonym = is_id.then(|| self.ids.get(&text[at..at + DIGITS])).flatten()?;
        Some((DIGITS, Cow::Borrowed(pseudonym)))
    }

    /// The same in the console's spelling, which stays.
    fn spelt_at(&self, text: &str, at: usize) -> Option<(usize, Cow<'_, str>)> {
        let (id, [one, other]) = spelt(text.as_bytes().get(at..at + SPELT)?)?;
        let pseudonym = self.ids.get(&id)?;
        let groups = [&pseudonym[..4], &pseudonym[4..8], &pseudonym[8..]];
        let spelt = format!("{}{one}{}{other}{}", groups[0], groups[1], groups[2]);
        Some((SPELT, Cow::Owned(spelt)))
    }

    /// The name of an account that stands there as a word of its own.
    fn name_at(&self, text: &str, at: usize) -> Option<(usize, Cow<'_, str>)> {
        if !self.begins.contains(&text.as_bytes()[at]) || !text.is_char_boundary(at) {
            return None;
        }
        let is_of_word = |character: Option<char>| character.is_some_and(|one| one.is_alphanumeric() || one == '_');
        let (before, rest) = text.split_at(at);
        if is_of_word(before.chars().next_back()) {
            return None;
        }
        let ends = |name: &str| !is_of_word(rest[name.len()..].chars().next());
        let found = self
            .names
            .iter()
            .find(|(name, _)| rest.starts_with(name.as_str()) && ends(name));
        found.map(|(name, pseudonym)| (name.len(), Cow::Borrowed(pseudonym.as_str())))
    }

    fn owned(&self, text: &str) -> String {
        self.replace(text).into_owned()
    }

    fn name_of(&self, account_id: &str) -> String {
        let pseudonym = self.ids.get(account_id).map_or(account_id, String::as_str);
        format!("account-{}", pseudonym.trim_start_matches('0'))
    }
}

/// The id that fourteen bytes spell in groups of four, and what stands between the groups.
fn spelt(bytes: &[u8]) -> Option<(String, [char; 2])> {
    let mut id = String::with_capacity(DIGITS);
    let mut between = Vec::with_capacity(2);
    for (place, byte) in bytes.iter().enumerate() {
        match (place % 5, byte) {
            (4, b'-' | b' ') => between.push(char::from(*byte)),
            (0..4, b'0'..=b'9') => id.push(char::from(*byte)),
            _ => return None,
        }
    }
    Some((id, between.try_into().ok()?))
}

/// Every id in the console's spelling: three groups of four digits, and no fourth.
fn spelt_in(text: &str) -> impl Iterator<Item = String> {
    let bytes = text.as_bytes();
    let is_of_more = |byte: Option<&u8>, beyond: Option<&u8>| match byte {
        Some(b'-') => beyond.is_some_and(u8::is_ascii_hexdigit),
        Some(b' ') => beyond.is_some_and(u8::is_ascii_digit),
        other => other.is_some_and(u8::is_ascii_alphanumeric),
    };
    let before = |at: usize, back: usize| at.checked_sub(back).and_then(|at| bytes.get(at));
    (0..bytes.len().saturating_sub(SPELT - 1)).filter_map(move |at| {
        let (id, _) = spelt(&bytes[at..at + SPELT])?;
        let is_alone =
            !is_of_more(before(at, 1), before(at, 2)) && !is_of_more(bytes.get(at + SPELT), bytes.get(at + SPELT + 1));
        is_alone.then_some(id)
    })
}

/// Writes a copy of the inventory without account ids and names into the empty folder `to`, and gives the criteria without
/// them.
///
/// Errors: the inventory is damaged, or the disk refused; criteria that cannot be read any more.
pub(crate) fn redact(
    inventory: &Inventory,
    criteria: &Criteria,
    to: &Path,
) -> Outcome<(Inventory, Criteria, Pseudonyms)> {
    let targets: Vec<Target> = inventory.read()?;
    let files = files::files(criteria);
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
    // Rules and frameworks of the program's own name nobody: a word of theirs may be the name of an account by chance.
    let rules = criteria.rules.0.iter();
    let own = rules.filter(|rule| rule.whose == Origin::Program);
    let own: BTreeSet<String> = own.map(|rule| rule.text.to_string()).collect();
    let map_file = |(path, text): (String, String)| {
        let names = !path.starts_with(files::FRAMEWORKS_DIR) && !own.contains(&text);
        let text = pseudonyms.replaced(&text, names).into_owned();
        (path, text)
    };
    let files: Vec<(String, String)> = files.into_iter().map(map_file).collect();
    let criteria = files::read(&files, "criteria without account ids")?;
    Ok((inventory, criteria, pseudonyms))
}

/// Templates are not changed; they must not name an account either.
///
/// Errors: a file of them does.
pub(crate) fn check_templates(templates: &Templates, pseudonyms: &Pseudonyms) -> Result<(), Problem> {
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
pub(crate) fn check_same(before: &Report, after: &Report) -> Result<(), Problem> {
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
        .hint("let no tier, waiver or rule ask for a part of an account id or name, or leave `--redact-accounts` out"))
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
        others.extend(spelt_in(text));
    })?;
    for (_, text) in files {
        others.extend(ids_in(text).map(str::to_owned));
        others.extend(spelt_in(text));
    }
    let is_id = |id: &String| id.len() == DIGITS && id.bytes().all(|byte| byte.is_ascii_digit());
    scope.retain(is_id);
    others.retain(is_id);
    let names = targets.iter().filter_map(|target| {
        let name = target.account_name.as_deref()?;
        Some((target.account_id.as_str(), name))
    });
    Ok(Pseudonyms::number(scope, others).with_names(names))
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
    fn three_groups_of_four_digits_are_an_account_and_four_are_not() {
        for (text, ids) in [
            ("see 1111-2222-3333", vec!["111122223333"]),
            ("(1111 2222 3333)", vec!["111122223333"]),
            ("1111-2222-3333-4444", vec![]),
            ("4444 1111 2222 3333", vec![]),
            ("0f8fad5b-1111-2222-3333-708867728950", vec![]),
            ("x1111-2222-3333", vec![]),
            ("1111-2222-333", vec![]),
        ] {
            assert_eq!(spelt_in(text).collect::<Vec<_>>(), ids, "{text}");
        }
    }

    #[test]
    fn names_of_accounts_are_replaced_where_they_are_words() {
        let ids = ["444455556666", "777788889999"];
        let scope = ids.iter().map(|id| (*id).to_owned()).collect();
        let names = [
            (ids[0], "payments"),
            (ids[1], "payments-prod"),
            (ids[0], "backup"),
            (ids[1], "eu"),
        ];
        let names = Pseudonyms::number(scope, BTreeSet::new()).with_names(names.into_iter());
        for (text, replaced) in [
            ("the lead of payments", "the lead of account-1"),
            ("payments-prod, “payments”", "account-2, “account-1”"),
            (
                "payments-production repayments payments_x",
                "account-1-production repayments payments_x",
            ),
            (
                "arn:aws:backup:eu-west-1:444455556666:x",
                "arn:aws:backup:eu-west-1:000000000001:x",
            ),
            ("4444-5555-6666 or 7777 8888 9999", "0000-0000-0001 or 0000 0000 0002"),
            ("épayments", "épayments"),
        ] {
            assert_eq!(names.replace(text), replaced);
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
