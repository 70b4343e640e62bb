//! A plan for people: at a terminal, and in a pull request.

use crate::domain::TargetId;
use crate::problem::{count, one_line};
use crate::remediate::actions::{Sign, Undone};
use crate::remediate::verify::Judged;
use crate::remediate::{Action, Plan, Remaining};
use crate::text::markdown as escaped;

/// What an action is about and where: `table `orders` in account 111122223333, eu-west-1`.
pub(crate) fn place(action: &Action) -> String {
    let at = action.target();
    let resource = action.deed.resource(&at);
    format!(
        "{} `{}` in account {}, {}",
        resource.noun,
        one_line(&resource.name),
        at.account_id,
        at.region
    )
}

/// The plan at a terminal: what is to be done in each account and Region, what still fails after it, and one line over all.
pub(crate) fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for at in targets(plan) {
        text.push_str(&format!(
            "account {}, {}\n",
            one_line(&at.account_id),
            one_line(&at.region)
        ));
        for action in plan.actions.iter().filter(|action| action.target() == at) {
            text.push_str(&format!(
                "  {} {}\n",
                action.deed.kind().sign.as_str(),
                line(action, &at)
            ));
            for more in notes(action) {
                text.push_str(&format!("      {more}\n"));
            }
        }
    }
    for (heading, lines) in lists(plan) {
        text.push_str(&format!("{heading}\n"));
        for (line, more) in lines {
            text.push_str(&format!("  {line}\n"));
            for more in more {
                text.push_str(&format!("      {more}\n"));
            }
        }
    }
    text + &total(plan)
}

/// The same for a pull request.
pub(crate) fn markdown(plan: &Plan) -> String {
    let mut text = format!("# Remediation plan\n\n{}\n", escaped(total(plan).trim_end()));
    text.push_str(&format!("Scan {}, plan SHA-256 `{}`.\n", plan.scan_id, plan.sha256));
    for at in targets(plan) {
        text.push_str(&format!("\n## Account {}, {}\n\n", at.account_id, at.region));
        text.push_str("| | What | Why | Costs |\n|---|---|---|---|\n");
        for action in plan.actions.iter().filter(|action| action.target() == at) {
            text.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                action.deed.kind().sign.as_str(),
                escaped(&line(action, &at)),
                escaped(&one_line(&action.reason)),
                action.cost.of_action()
            ));
        }
    }
    for (heading, lines) in lists(plan) {
        text.push_str(&format!("\n## {heading}\n\n"));
        for (line, more) in lines {
            text.push_str(&format!("- {}\n", escaped(&line)));
            for more in more {
                text.push_str(&format!("  - {}\n", escaped(&more)));
            }
        }
    }
    text
}

/// `2 to create, 1 to change; 5 findings fixed, 0 worse, 1 not good yet, 3 without an action; up to 1.20 USD`.
pub(crate) fn total(plan: &Plan) -> String {
    let with = |sign: Sign| {
        let actions = plan.actions.iter().filter(|action| action.deed.kind().sign == sign);
        actions.count()
    };
    let cost = match plan.cost().words() {
        words if words.is_empty() => String::new(),
        words => format!("; costs {words}"),
    };
    format!(
        "{} to create, {} to change; {} fixed, {} worse, {} not good yet, {} without an action{cost}\n",
        with(Sign::Create),
        with(Sign::Change),
        count(plan.fixes.len(), "finding"),
        plan.worse.len(),
        plan.remaining.len(),
        plan.blocked.len()
    )
}

/// A line on a finding, after a word.
pub(crate) fn finding(word: &str, finding: &Remaining) -> String {
    format!(
        "{word:<14} {} ({}): {}\n",
        one_line(&finding.resource),
        one_line(&finding.rule),
        one_line(&finding.message)
    )
}

/// What became of the findings; `has_before`: the evidence from before was given.
pub(crate) fn judged(judged: &Judged, has_before: bool) -> String {
    let mut text = String::new();
    for (word, findings) in [
        ("not fixed", &judged.not_fixed),
        ("not known", &judged.unknown),
        ("worse", &judged.worse),
        ("was good, now not known", &judged.doubtful),
    ] {
        findings.iter().for_each(|one| text.push_str(&finding(word, one)));
    }
    for arn in &judged.gone {
        text.push_str(&format!(
            "{:<14} {}: the evidence from before holds this table, and that of today does not\n",
            "gone",
            one_line(arn)
        ));
    }
    let mut worse = match has_before {
        true => format!("{} worse", judged.worse.len()),
        false => "what is worse was not asked: name the evidence from before with `--from`".to_owned(),
    };
    if !judged.doubtful.is_empty() {
        worse.push_str(&format!(", {} no longer known", judged.doubtful.len()));
    }
    if !judged.gone.is_empty() {
        worse.push_str(&format!(", {} gone", count(judged.gone.len(), "table")));
    }
    text + &format!(
        "{} fixed, {} not fixed, {} not known; {worse}\n",
        count(judged.fixed, "finding"),
        judged.not_fixed.len(),
        judged.unknown.len()
    )
}

fn targets(plan: &Plan) -> Vec<TargetId> {
    let mut targets: Vec<TargetId> = plan.actions.iter().map(Action::target).collect();
    targets.sort();
    targets.dedup();
    targets
}

fn line(action: &Action, at: &TargetId) -> String {
    let resource = action.deed.resource(at);
    format!(
        "{} {}: {}",
        resource.noun,
        one_line(&resource.name),
        one_line(&action.deed.describe())
    )
}

fn notes(action: &Action) -> Vec<String> {
    let mut notes = vec![one_line(&action.reason)];
    match action.cost.of_action() {
        words if words.is_empty() => {}
        words => notes.push(format!("costs {words}")),
    }
    notes.extend(action.deed.open_question().map(str::to_owned));
    if let Undone::Left(why) = action.deed.inverse() {
        notes.push(format!("cannot be taken back: {}", one_line(&why)));
    }
    notes
}

/// A line, and more below it.
type Line = (String, Vec<String>);

/// A heading, and its lines.
type List = (String, Vec<Line>);

/// What the plan makes worse, does not make good, and cannot help.
fn lists(plan: &Plan) -> Vec<List> {
    let of = |finding: &Remaining| {
        let line = format!(
            "{} ({}): {}",
            one_line(&finding.resource),
            one_line(&finding.rule),
            one_line(&finding.message)
        );
        (line, Vec::new())
    };
    let blocked = plan.blocked.iter().map(|blocked| {
        let line = format!(
            "{} ({}): {}",
            one_line(&blocked.resource),
            one_line(&blocked.rule),
            one_line(&blocked.reason)
        );
        let by_hand = (!blocked.remedy.is_empty()).then(|| format!("by hand: {}", one_line(&blocked.remedy)));
        (line, by_hand.into_iter().collect())
    });
    let lists: [(&str, Vec<Line>); 3] = [
        ("worse after it", plan.worse.iter().map(of).collect()),
        ("not good yet after it", plan.remaining.iter().map(of).collect()),
        ("without an action", blocked.collect()),
    ];
    let lists = lists.into_iter().filter(|(_, lines)| !lines.is_empty());
    lists
        .map(|(words, lines)| (format!("{} {words}", count(lines.len(), "finding")), lines))
        .collect()
}
