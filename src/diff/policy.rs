//! Criteria then and now: policy values, tiers, exemptions, waivers, rules, frameworks.

use chrono::{DateTime, TimeDelta, Utc};

use super::{ABSENT, Change, Found, Kind, ThenAndNow};
use crate::criteria::Criteria;
use crate::criteria::asked::{Asked, ShiftKind, level_words};
use crate::criteria::demands::core_over;
use crate::criteria::policy::{Policy, Tier};
use crate::criteria::rules::Rule;
use crate::criteria::values::{PointValues, PolicyValues};
use crate::criteria::waivers::Waiver;
use crate::domain::{Demands, Level, TargetId, rfc3339};

pub(super) fn compare(criteria: &ThenAndNow<'_>, found: &mut Found) {
    let ((then, asked_then), (now, asked_now)) = (&criteria.then, &criteria.now);
    let mut told = Told(Vec::new());
    policy(&then.policy, &now.policy, &mut told);
    waivers(&then.waivers.0, &now.waivers.0, &mut told);
    rules(&then.rules.0, &now.rules.0, asked_then, &mut told);
    levels((&then.rules.0, asked_then), (&now.rules.0, asked_now), &mut told);
    frameworks(then, now, &mut told);
    found.changes.extend(told.0);
}

struct Told(Vec<Change>);

impl Told {
    /// Of `name` (the policy, a tier, a waiver, a rule), `what` was and is.
    fn tell(&mut self, kind: Kind, name: &str, what: &str, values: (String, String)) {
        let message = match (values.0.as_str(), values.1.as_str()) {
            (ABSENT, after) => format!("{what} is new: {after}"),
            (before, ABSENT) => format!("{what} is gone; it was {before}"),
            (before, after) => format!("{what} was {before}, and is {after} now"),
        };
        self.0.push(Change {
            kind,
            target: TargetId::new(String::new(), String::new()),
            subject: None,
            arn: String::new(),
            name: name.to_owned(),
            what: what.to_owned(),
            finding_id: None,
            severity: None,
            level: None,
            before: values.0,
            after: values.1,
            message,
        });
    }
}

fn policy(then: &Policy, now: &Policy, told: &mut Told) {
    values("policy", &then.values, &now.values, told);
    let days = (then.window_days, now.window_days);
    if days.0 != days.1 {
        let kind = kind(days.1 < days.0);
        told.tell(
            kind,
            "policy",
            "window",
            (format!("{}d", days.0), format!("{}d", days.1)),
        );
    }
    for was in &then.tiers {
        match now.tiers.iter().find(|is| is.name == was.name) {
            Some(is) => tier(was, is, told),
            None => told.tell(
                // Without an exemption more is asked, not less.
                kind(was.exemption.is_none()),
                &tier_name(was),
                if was.exemption.is_some() { "exemption" } else { "tier" },
                (format!("when {}", was.when), ABSENT.to_owned()),
            ),
        }
    }
    for is in now
        .tiers
        .iter()
        .filter(|is| !then.tiers.iter().any(|was| was.name == is.name))
    {
        let what = if is.exemption.is_some() { "exemption" } else { "tier" };
        let values_now = (ABSENT.to_owned(), format!("when {}", is.when));
        told.tell(kind(is.exemption.is_some()), &tier_name(is), what, values_now);
        if is.exemption.is_none() {
            // Its tables were judged by the values for every table before.
            values(&tier_name(is), &then.values, &is.values, told);
        }
    }
    let order = |policy: &Policy, other: &Policy| -> Vec<String> {
        let in_both = policy
            .tiers
            .iter()
            .filter(|tier| other.tiers.iter().any(|one| one.name == tier.name));
        in_both.map(|tier| tier.name.clone()).collect()
    };
    let orders = (order(then, now), order(now, then));
    if orders.0 != orders.1 {
        let values = (orders.0.join(", "), orders.1.join(", "));
        told.tell(Kind::PolicyChanged, "policy", "order of tiers", values);
    }
}

fn tier_name(tier: &Tier) -> String {
    format!("tier {}", tier.name)
}

const fn kind(is_weaker: bool) -> Kind {
    if is_weaker {
        Kind::PolicyWeaker
    } else {
        Kind::PolicyChanged
    }
}

fn tier(was: &Tier, is: &Tier, told: &mut Told) {
    let name = tier_name(is);
    if was.when != is.when {
        told.tell(Kind::PolicyChanged, &name, "when", (was.when.clone(), is.when.clone()));
    }
    match (&was.exemption, &is.exemption) {
        (None, None) => values(&name, &was.values, &is.values, told),
        (None, Some(_)) => told.tell(Kind::PolicyWeaker, &name, "exempt", ("no".to_owned(), "yes".to_owned())),
        (Some(_), None) => told.tell(
            Kind::PolicyChanged,
            &name,
            "exempt",
            ("yes".to_owned(), "no".to_owned()),
        ),
        (Some(then), Some(now)) => {
            term(&name, (then.expires_at, now.expires_at), told);
            if then.max_tables != now.max_tables {
                // Without a number an exemption is not in force.
                let text = |most: Option<usize>| most.map_or_else(|| "not said".to_owned(), |most| most.to_string());
                let is_wider = now.max_tables > then.max_tables;
                told.tell(
                    kind(is_wider),
                    &name,
                    "max-tables",
                    (text(then.max_tables), text(now.max_tables)),
                );
            }
            let texts = [
                ("reason", &then.reason, &now.reason),
                ("approver", &then.approver, &now.approver),
            ];
            for (what, before, after) in texts {
                if before != after {
                    let or_absent = |text: &Option<String>| text.clone().unwrap_or_else(|| ABSENT.to_owned());
                    told.tell(Kind::PolicyChanged, &name, what, (or_absent(before), or_absent(after)));
                }
            }
        }
    }
}

/// When something accepted ends: later is weaker; without an end an exemption is not in force.
fn term(name: &str, (then, now): (Option<DateTime<Utc>>, Option<DateTime<Utc>>), told: &mut Told) {
    if then == now {
        return;
    }
    let text = |end: Option<DateTime<Utc>>| end.map_or_else(|| "no end".to_owned(), rfc3339);
    let is_longer = now.is_some_and(|now| then.is_none_or(|then| now > then));
    told.tell(kind(is_longer), name, "expires", (text(then), text(now)));
}

/// Values that tables must meet. Whatever is not weaker is a change of another kind.
fn values(name: &str, then: &PolicyValues, now: &PolicyValues, told: &mut Told) {
    let never = TimeDelta::MAX;
    let limit = |limit: Option<TimeDelta>| limit.unwrap_or(never);
    let lost = |then: &[String], now: &[String]| then.iter().any(|item| !now.contains(item));
    // Of copies that are wanted, and of those that stand for the point at home, which ask for more where nothing is set.
    let asks_less = |of: fn(PointValues) -> i64| {
        let accepted = |values: &PolicyValues| values.of_accepted_copy().map(of);
        let stand_ins = accepted(then).zip(accepted(now));
        of(now.of_copy()) < of(then.of_copy()) || stand_ins.is_some_and(|(then, now)| now < then)
    };
    let is_weaker = |key: &str| match key {
        // Of `rpo`, `frequency` and `tolerance` none alone says what they ask for together.
        "rpo" | "frequency" | "tolerance" => {
            now.limit() > then.limit() || now.wanted_interval() > then.wanted_interval()
        }
        "retention-min" => now.retention_min_days < then.retention_min_days,
        "retention-max" => now.retention_max_days > then.retention_max_days,
        "key-owner" => now.key_owner < then.key_owner,
        "vault-lock" => now.vault_lock < then.vault_lock,
        "copy.regions" => lost(&then.copy.regions, &now.copy.regions),
        "copy.accounts" => lost(&then.copy.accounts, &now.copy.accounts),
        "copy.rpo" => now.copy_rpo() > then.copy_rpo(),
        "copy.retention-min" => asks_less(|values| values.retention_min_days),
        "copy.key-owner" => asks_less(|values| values.key_owner.rank()),
        "copy.vault-lock" => asks_less(|values| values.vault_lock.rank()),
        "accept-copies" => now.accept_copies,
        "air-gapped-within" => limit(now.air_gapped_within) > limit(then.air_gapped_within),
        "restore-tested-within" => limit(now.restore_tested_within) > limit(then.restore_tested_within),
        "rto" => now.rto > then.rto,
        _ => false,
    };
    // What only follows another value is not told twice.
    let follows = |key: &str| match key {
        "copy.rpo" => then.copy.rpo.is_none() && now.copy.rpo.is_none(),
        "frequency" => then.frequency.is_none() && now.frequency.is_none(),
        "tolerance" => then.tolerance.is_none() && now.tolerance.is_none(),
        _ => false,
    };
    for ((key, before), (_, after)) in then.lines().into_iter().zip(now.lines()) {
        if before != after && !follows(key) {
            told.tell(kind(is_weaker(key)), name, key, (before, after));
        }
    }
}

fn waivers(then: &[Waiver], now: &[Waiver], told: &mut Told) {
    let same = |a: &Waiver, b: &Waiver| a.rule == b.rule && a.tables == b.tables && a.ticket == b.ticket;
    let text = |waiver: &Waiver| format!("{} on {}", waiver.rule, waiver.tables);
    for is in now {
        let name = waiver_name(is);
        let Some(was) = then.iter().find(|was| same(was, is)) else {
            let values = (
                ABSENT.to_owned(),
                format!("{}, until {}", text(is), rfc3339(is.expires_at)),
            );
            told.tell(Kind::PolicyWeaker, &name, "waiver", values);
            continue;
        };
        term(&name, (Some(was.expires_at), Some(is.expires_at)), told);
        if was.max_tables != is.max_tables {
            let values = (was.max_tables.to_string(), is.max_tables.to_string());
            told.tell(kind(is.max_tables > was.max_tables), &name, "max-tables", values);
        }
        if was.demands != is.demands {
            let text = |demands: Demands| match demands.is_empty() {
                true => "none".to_owned(),
                false => demands.words().join(", "),
            };
            let is_wider = !is.demands.are_among(was.demands);
            told.tell(kind(is_wider), &name, "demands", (text(was.demands), text(is.demands)));
        }
        for (what, before, after) in [
            ("approver", &was.approver, &is.approver),
            ("requester", &was.requester, &is.requester),
            ("reason", &was.reason, &is.reason),
        ] {
            if before != after {
                told.tell(Kind::PolicyChanged, &name, what, (before.clone(), after.clone()));
            }
        }
    }
    for was in then.iter().filter(|was| !now.iter().any(|is| same(was, is))) {
        let values = (text(was), ABSENT.to_owned());
        told.tell(Kind::PolicyChanged, &waiver_name(was), "waiver", values);
    }
}

/// A waiver without a ticket is called `waiver N` already.
fn waiver_name(waiver: &Waiver) -> String {
    match &waiver.ticket {
        Some(ticket) => format!("waiver {ticket}"),
        None => waiver.id.clone(),
    }
}

/// What rules that both hold count for.
fn levels((then, asked_then): (&[Rule], &Asked), (now, asked_now): (&[Rule], &Asked), told: &mut Told) {
    let holds = |rules: &[Rule], id: &str| rules.iter().any(|rule| *rule.id == *id);
    for shift in asked_then.shifts(asked_now) {
        if !holds(then, &shift.rule) || !holds(now, &shift.rule) {
            continue;
        }
        let name = match &shift.tier {
            Some(tier) => format!("rule {}, tier {tier}", shift.rule),
            None => format!("rule {}", shift.rule),
        };
        let values = (
            level_words(shift.before).to_owned(),
            level_words(shift.after).to_owned(),
        );
        told.tell(kind(shift.kind() == ShiftKind::Weakened), &name, "level", values);
        // The demand itself may be asked still.
        let core = core_over(&shift.rule).filter(|core| {
            shift.kind() == ShiftKind::Weakened && asked_now.level(core, shift.tier.as_deref()) == Level::Required
        });
        if let (Some(core), Some(last)) = (core, told.0.last_mut()) {
            last.message
                .push_str(&format!("; `{core}` asks the demand together with others"));
        }
    }
}

fn rules(then: &[Rule], now: &[Rule], asked: &Asked, told: &mut Told) {
    for was in then {
        let name = format!("rule {}", was.id);
        let Some(is) = now.iter().find(|is| is.id == was.id) else {
            let values = (was.title.clone(), ABSENT.to_owned());
            told.tell(kind(asked.is_required_of_any(&was.id)), &name, "rule", values);
            continue;
        };
        if was.severity != is.severity {
            let values = (was.severity.to_string(), is.severity.to_string());
            told.tell(kind(is.severity < was.severity), &name, "severity", values);
        }
        let or_always = |text: &Option<String>| text.clone().unwrap_or_else(|| "always".to_owned());
        for (what, before, after) in [
            ("compliant", was.compliant_text.clone(), is.compliant_text.clone()),
            ("applies", or_always(&was.applies_text), or_always(&is.applies_text)),
        ] {
            if before != after {
                told.tell(Kind::PolicyChanged, &name, what, (before, after));
            }
        }
    }
    for is in now.iter().filter(|is| !then.iter().any(|was| was.id == is.id)) {
        let values = (ABSENT.to_owned(), is.title.clone());
        told.tell(Kind::PolicyChanged, &format!("rule {}", is.id), "rule", values);
    }
}

fn frameworks(then: &Criteria, now: &Criteria, told: &mut Told) {
    let has = |criteria: &Criteria, id: &str| criteria.frameworks.iter().any(|framework| framework.id == id);
    for was in then.frameworks.iter().filter(|was| !has(now, &was.id)) {
        let values = (was.title.clone(), ABSENT.to_owned());
        told.tell(
            Kind::PolicyWeaker,
            &format!("framework {}", was.id),
            "framework",
            values,
        );
    }
    for is in now.frameworks.iter().filter(|is| !has(then, &is.id)) {
        let values = (ABSENT.to_owned(), is.title.clone());
        told.tell(
            Kind::PolicyChanged,
            &format!("framework {}", is.id),
            "framework",
            values,
        );
    }
}
