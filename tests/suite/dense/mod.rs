//! Proof over a period held against dense truth: random worlds whose every hour is known, seen through random packs.
//!
//! What has to hold of every attestation over any of the packs: it never says covered of an hour that was exposed, nor exposed of
//! one that was covered, by whatever the packs leave open of what was asked; more packs only answer what was open; their order
//! does not matter.

mod lived;
mod script;
mod truth;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use self::lived::{HOUR, Lived, Look, Moment, moment};
use self::script::{Denied, ELSEWHERE, RICHER, Random, START, Script};
use self::truth::{Readings, Said, Truth, View, Why, is_tie, why};
use crate::common::{csv_rows, json_file};

/// An attestation, as far as it is compared.
struct Attested {
    /// By table id: from, to, state.
    stretches: BTreeMap<String, Vec<(Moment, Moment, Said)>>,
    bytes: Vec<Vec<u8>>,
}

impl Attested {
    /// Over the whole days of the world but the first.
    fn of(lived: &Lived, looks: &[&Look], out: &str) -> Self {
        let days = i64::try_from(lived.samples.len() / 24).expect("few days");
        let day = |number: i64| moment(START) + 24 * HOUR * number;
        Self::over(lived, looks, out, (day(1), day(days - 1)))
    }

    /// From the day of one moment to that of another.
    fn over(lived: &Lived, looks: &[&Look], out: &str, (from, to): (Moment, Moment)) -> Self {
        let day = |at: Moment| {
            let at = chrono::DateTime::from_timestamp_millis(at).expect("an instant");
            at.date_naive().to_string()
        };
        let (from, to) = (day(from), day(to));
        let mut args = vec![
            "attest", "--from", &from, "--to", &to, "--format", "csv", "--out", out, "--pack",
        ];
        args.extend(looks.iter().map(|look| look.pack.as_str()));
        let ran = lived.bench.run(&args);
        let mut attested = Self {
            stretches: BTreeMap::new(),
            bytes: Vec::new(),
        };
        if ran.code == 1 && ran.stderr.contains("no table lived in this period") {
            return attested;
        }
        assert!(matches!(ran.code, 0 | 10 | 11), "{}", ran.stderr);
        for file in [
            "attestation-intervals.csv",
            "attestation-tables.csv",
            "attestation-jobs.csv",
        ] {
            attested
                .bytes
                .push(std::fs::read(lived.bench.path(out).join(file)).expect(file));
        }
        for row in csv_rows(&String::from_utf8_lossy(&attested.bytes[0])) {
            let stretch = (moment(&row[6]), moment(&row[7]), Said::of(&row[5]));
            attested.stretches.entry(row[4].to_owned()).or_default().push(stretch);
        }
        attested
    }

    fn said(&self, id: &str, at: Moment) -> Said {
        let stretches = self.stretches.get(id).map_or(&[][..], Vec::as_slice);
        let here = stretches.iter().find(|(from, to, _)| *from <= at && at < *to);
        here.map_or(Said::Nothing, |(.., said)| *said)
    }
}

/// Table-hours.
#[derive(Default)]
struct Agreement {
    hours: BTreeMap<(Said, Truth), u64>,
    not_observed: BTreeMap<Why, u64>,
    /// True by everything that the packs show, and not by what came and went where no pack shows it.
    assumed: u64,
    attestations: u64,
    /// Answers of scans that were held against the attestation over their pack.
    compared: u64,
    /// What no attestation may do: where, and for how many hours.
    wrong: BTreeMap<String, u64>,
}

impl Agreement {
    fn add(&mut self, other: Self) {
        for (key, hours) in other.hours {
            *self.hours.entry(key).or_default() += hours;
        }
        for (key, hours) in other.not_observed {
            *self.not_observed.entry(key).or_default() += hours;
        }
        for (key, hours) in other.wrong {
            *self.wrong.entry(key).or_default() += hours;
        }
        self.assumed += other.assumed;
        self.attestations += other.attestations;
        self.compared += other.compared;
    }

    /// Holds an attestation over some packs against every hour.
    fn hold(&mut self, lived: &Lived, looks: &[&Look], attested: &Attested) {
        self.attestations += 1;
        let packs: Vec<&str> = looks.iter().map(|look| look.pack.as_str()).collect();
        let view = View::of(lived, looks);
        let really_is = View::of(lived, &[]);
        for sample in in_period(lived) {
            for table in &sample.tables {
                let said = attested.said(&table.id, sample.at);
                let readings = Readings::of(looks, table, sample.at);
                let really = sample.policy.ask(table.tier);
                let against = readings.asks().find(|ask| !said.allows(&view, table, sample.at, *ask));
                let is_open = readings.holds(sample.policy, table.tier);
                let ask = against.unwrap_or_else(|| readings.asks().next().filter(|_| !is_open).unwrap_or(really));
                *self
                    .hours
                    .entry((said, Truth::of(&view, table, sample.at, ask)))
                    .or_default() += 1;
                if against.is_some() {
                    let mut is = String::new();
                    for ask in readings.asks() {
                        let _ = write!(is, " {:?} ({ask:?})", Truth::of(&view, table, sample.at, ask));
                    }
                    let place = format!(
                        "{} {}: {said:?}, is{is}; {}",
                        table.name,
                        &table.id[..4],
                        packs.join(" ")
                    );
                    *self.wrong.entry(place).or_default() += 1;
                } else if !said.allows(&really_is, table, sample.at, really) {
                    self.assumed += 1;
                }
                if said == Said::NotObserved {
                    *self.not_observed.entry(why(&view, sample, table)).or_default() += 1;
                }
            }
            for (id, stretches) in &attested.stretches {
                let is_there = sample.tables.iter().any(|table| table.id == *id);
                let said = stretches
                    .iter()
                    .find(|(from, to, _)| *from <= sample.at && sample.at < *to);
                if let (false, Some((.., said))) = (is_there, said) {
                    *self.hours.entry((*said, Truth::Gone)).or_default() += 1;
                    if *said == Said::Exposed {
                        *self
                            .wrong
                            .entry(format!("{id}: exposed, and gone; {}", packs.join(" ")))
                            .or_default() += 1;
                    }
                }
            }
        }
    }

    /// What fewer packs say, more packs must not take back.
    fn hold_more(
        &mut self,
        lived: &Lived,
        (few, of_few): (&[&Look], &Attested),
        (more, of_more): (&[&Look], &Attested),
    ) {
        let (view_of_few, view_of_more) = (View::of(lived, few), View::of(lived, more));
        for sample in in_period(lived) {
            for table in &sample.tables {
                let at = sample.at;
                let (before, after) = (of_few.said(&table.id, at), of_more.said(&table.id, at));
                let stands = match before {
                    Said::Covered => matches!(after, Said::Covered | Said::Exempt),
                    Said::Young => matches!(after, Said::Young | Said::Covered | Said::Promised | Said::Exempt),
                    Said::Exposed | Said::Exempt => after == before,
                    Said::Promised | Said::NotObserved | Said::Nothing => true,
                };
                // A policy that only the other packs show is new to the few.
                let readings = Readings::of(few, table, at);
                if !stands
                    && Readings::of(more, table, at).are_among(&readings)
                    && !view_of_few.differs(&view_of_more, (table, at), &readings)
                {
                    let packs: Vec<&str> = few.iter().map(|look| look.pack.as_str()).collect();
                    let place = format!(
                        "{} {}: {before:?} by {}, {after:?} by all",
                        table.name,
                        &table.id[..4],
                        packs.join(" ")
                    );
                    *self.wrong.entry(place).or_default() += 1;
                }
            }
        }
    }

    /// A scan and the attestation over its pack alone never contradict each other: at its moment what one calls backed up is
    /// covered for the other, and what one denies the other does not say.
    fn hold_scan(&mut self, seed: u64, lived: &Lived, look: &Look) {
        let report = json_file(&lived.bench.path(&look.pack).join("report.json"));
        let at = moment(report["scan"]["as_of"].as_str().expect("an instant"));
        let attested = Attested::over(lived, &[look], &format!("alone-{}", look.pack), (at, at));
        // Beside the age of the newest good point the answer tells of points that were deleted early.
        let strictest = HOUR * Moment::from(look.policy.plain.min(look.policy.gold));
        let is_within_all = |id: &str| {
            let mut its = look.tables.iter().filter(|alive| alive.id == id);
            its.any(|alive| {
                let mut complete = alive.points.iter().filter(|point| point.is_complete);
                complete.any(|point| {
                    let is_copy = point.vault == ELSEWHERE;
                    (!is_copy || look.policy.copies)
                        && look.at - point.created < if is_copy { 2 * strictest } else { strictest }
                })
            })
        };
        // What may have changed before the scan is not said a second before it.
        let is_age_alone = seed < RICHER;
        let is_it = |finding: &&Value| finding["rule"] == "backed-up" && finding["verdict"] != "not-applicable";
        for finding in report["findings"].as_array().expect("findings").iter().filter(is_it) {
            let name = finding["resource_name"].as_str().expect("a name");
            let Some(id) = look
                .tables
                .iter()
                .find(|alive| alive.name == name)
                .map(|alive| &*alive.id)
            else {
                continue;
            };
            let said = attested.said(id, at - 1000);
            let answer = finding["verdict"].as_str().expect("a verdict");
            let stands = match answer {
                // Before its first pack the tier of a table is not known: then what all tiers agree on is said.
                "compliant" => said == Said::Covered || (said != Said::Exposed && !(is_age_alone && is_within_all(id))),
                "non-compliant" => matches!(said, Said::Exposed | Said::NotObserved | Said::Young | Said::Promised),
                // Without its tags a table may be exempt, which a scan leaves open, whatever points there are.
                _ if look.denied == Some(Denied::Tags) => match said {
                    Said::Covered => is_within_all(id),
                    said => said != Said::Exposed,
                },
                _ => !matches!(said, Said::Covered | Said::Exposed),
            };
            // A second before the scan a point may have been within its limit that is not any more.
            let is_tie = look.tables.iter().filter(|alive| alive.id == id).any(|alive| {
                look.policy
                    .ask(alive.tier)
                    .is_some_and(|ask| is_tie(alive, look.at, ask))
            });
            self.compared += 1;
            if !stands && !is_tie {
                let place = format!(
                    "{name} in {}: the scan says {answer}, the attestation {said:?}",
                    look.pack
                );
                *self.wrong.entry(place).or_default() += 1;
            }
        }
    }

    /// As people read it.
    fn table(&self) -> String {
        let truths = [
            Truth::Covered,
            Truth::Young,
            Truth::BeingMade,
            Truth::Exposed,
            Truth::Exempt,
            Truth::Gone,
        ];
        let mut text = format!(
            "{} attestations, {} answers of scans; table-hours\n| said |",
            self.attestations, self.compared
        );
        for truth in truths {
            let _ = write!(text, " {truth:?} |");
        }
        for said in [
            Said::Covered,
            Said::Promised,
            Said::Young,
            Said::Exposed,
            Said::NotObserved,
            Said::Exempt,
            Said::Nothing,
        ] {
            let _ = write!(text, "\n| {said:?} |");
            for truth in truths {
                let _ = write!(text, " {} |", self.hours.get(&(said, truth)).copied().unwrap_or(0));
            }
        }
        let _ = write!(
            text,
            "\nnot so by something that came and went where no pack shows it: {}\nnot observed: {:?}\nwrong: {}\n",
            self.assumed,
            self.not_observed,
            self.wrong.values().sum::<u64>()
        );
        for (place, hours) in &self.wrong {
            let _ = writeln!(text, "  {hours} h {place}");
        }
        text
    }
}

/// Hours of the whole days of a world but the first.
fn in_period(lived: &Lived) -> impl Iterator<Item = &lived::Sample> {
    let day = 24 * HOUR;
    let from = (moment(START) / day + 1) * day;
    let to = from + day * (Moment::try_from(lived.samples.len() / 24).expect("few days") - 1);
    lived
        .samples
        .iter()
        .filter(move |sample| (from..to).contains(&sample.at))
}

/// A script, and so many attestations over some of its packs beside the one over all.
fn agreement(script: &Script, subsets: usize) -> Agreement {
    let lived = Lived::through(script);
    let mut agreement = Agreement::default();
    let all: Vec<&Look> = lived.looks.iter().collect();
    let of_all = Attested::of(&lived, &all, "all");
    agreement.hold(&lived, &all, &of_all);
    let backwards: Vec<&Look> = all.iter().rev().copied().collect();
    if Attested::of(&lived, &backwards, "backwards").bytes != of_all.bytes {
        agreement
            .wrong
            .insert("packs in another order say something else".to_owned(), 1);
    }
    let r = &mut Random::new(!script.seed);
    for number in 0..subsets {
        // Some packs, some of the others with them, and all.
        let some: Vec<usize> = (0..all.len()).filter(|_| r.chance(45)).collect();
        let more: Vec<usize> = (0..all.len())
            .filter(|place| some.contains(place) || r.chance(50))
            .collect();
        let mut few: Option<(Vec<&Look>, Attested)> = None;
        for places in [&some, &more] {
            let is_new = few.as_ref().is_none_or(|(packs, _)| packs.len() < places.len());
            if places.is_empty() || places.len() == all.len() || !is_new {
                continue;
            }
            let packs: Vec<&Look> = places.iter().map(|place| all[*place]).collect();
            let mut shuffled = packs.clone();
            shuffled.sort_by_cached_key(|_| r.below(1000));
            let attested = Attested::of(&lived, &shuffled, &format!("some-{number}-{}", places.len()));
            agreement.hold(&lived, &packs, &attested);
            if let Some((fewer, of_fewer)) = &few {
                agreement.hold_more(&lived, (fewer, of_fewer), (&packs, &attested));
            }
            agreement.hold_more(&lived, (&packs, &attested), (&all, &of_all));
            few = Some((packs, attested));
        }
    }
    for look in &all {
        agreement.hold_scan(script.seed, &lived, look);
    }
    agreement
}

/// Seeds that run with every build; `two_hundred_worlds…` measures others.
const SEEDS: [u64; 5] = [4, 10, 13, 27, 3001];

#[test]
fn worlds_agree_with_what_is_attested_of_them() {
    let (some, others) = SEEDS.split_at(SEEDS.len() / 2);
    let hold = |seeds: &[u64]| seeds.iter().for_each(|seed| holds(*seed));
    std::thread::scope(|scope| {
        scope.spawn(|| hold(some));
        hold(others);
    });
}

fn holds(seed: u64) {
    let agreement = agreement(&Script::of(seed), 2);
    assert!(agreement.wrong.is_empty(), "seed {seed}: {}", agreement.table());
    assert!(agreement.hours.len() > 2, "seed {seed}: {}", agreement.table());
}

/// Seeds to measure: `from..to`, or a list.
fn seeds() -> Vec<u64> {
    let asked = std::env::var("BACKPROOF_SEEDS").unwrap_or_else(|_| "1..201".to_owned());
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .expect("BACKPROOF_SEEDS: from..to, or numbers")
    };
    match asked.split_once("..") {
        Some((from, to)) => (number(from)..number(to)).collect(),
        None => asked.split(',').map(number).collect(),
    }
}

/// A measurement: `cargo test --test suite -- --ignored --nocapture two_hundred`. Other worlds: `BACKPROOF_SEEDS=201..301`.
#[test]
#[ignore = "takes the better part of an hour"]
#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn two_hundred_worlds_agree_with_what_is_attested_of_them() {
    let seeds = std::sync::Mutex::new(seeds().into_iter());
    let work = || {
        let mut sum = Agreement::default();
        let next = || seeds.lock().expect("no other thread panics").next();
        while let Some(seed) = next() {
            let mut one = agreement(&Script::of(seed), 4);
            if !one.wrong.is_empty() {
                println!("seed {seed}: {}", one.table());
            }
            one.wrong = std::mem::take(&mut one.wrong)
                .into_iter()
                .map(|(place, hours)| (format!("seed {seed}: {place}"), hours))
                .collect();
            sum.add(one);
        }
        sum
    };
    let sum = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut sum = work();
        sum.add(other.join().expect("it went well"));
        sum
    });
    println!("{}", sum.table());
    assert!(sum.wrong.is_empty(), "{} contradictions", sum.wrong.len());
}
