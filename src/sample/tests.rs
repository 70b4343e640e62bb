use std::collections::BTreeSet;

use proptest::prelude::*;

use super::allocate::allocate;
use super::*;
use crate::domain::{Answer, FactName, TargetId};

fn table(account_id: &str, name: &str, tier: &str, verdict: Answer) -> TableRow {
    let target = TargetId::new(account_id, "eu-west-1");
    TableRow {
        table_arn: crate::domain::table_arn("aws", &target, name),
        table_name: name.to_owned(),
        target,
        verdict,
        answers: [verdict; 4],
        answers_by_framework: Vec::new(),
        facts: std::sync::Arc::new(vec![(FactName::from("policy_tier"), FactValue::Text(tier.into()))].into()),
        days: Vec::new(),
    }
}

fn draw_from(tables: &[TableRow], request: Request) -> Result<Sample, Problem> {
    let provenance = Provenance {
        scan_id: "scan".to_owned(),
        as_of: "2026-11-01T12:00:00Z".to_owned(),
        manifest_sha256: None,
        is_whole: true,
    };
    draw(tables, provenance, request)
}

/// 40 tables in two accounts, three tiers, two verdicts.
fn forty() -> Vec<TableRow> {
    let one = |number: usize| {
        let account = if number < 30 { "111122223333" } else { "444455556666" };
        let tier = ["gold", "none", "none", "silver"][number % 4];
        let verdict = if number.is_multiple_of(5) {
            Answer::NonCompliant
        } else {
            Answer::Compliant
        };
        table(account, &format!("table-{number:02}"), tier, verdict)
    };
    (0..40).map(one).collect()
}

fn request(seed: &str, size: usize, by: &[By]) -> Request {
    Request {
        seed: seed.to_owned(),
        size,
        by: by.to_vec(),
    }
}

fn arns(sample: &Sample) -> Vec<&str> {
    sample.items.iter().map(|item| item.table_arn.as_str()).collect()
}

/// Written down once: any other draw for this seed is another algorithm and needs another name.
#[test]
fn the_draw_of_this_seed_never_changes() {
    let sample = draw_from(&forty(), request("2026-017/A. Uditor", 5, &[])).expect("a draw");
    let names: Vec<&str> = sample.items.iter().map(|item| item.table_name.as_str()).collect();
    assert_eq!(names, GOLDEN);
    assert_eq!(sample.population_digest, GOLDEN_POPULATION);
    assert_eq!(
        sample.items[0].key,
        key_of("2026-017/A. Uditor", &sample.items[0].table_arn)
    );
}

const GOLDEN: [&str; 5] = ["table-00", "table-14", "table-38", "table-35", "table-37"];
const GOLDEN_POPULATION: &str = "b0ffbb6babe19bf390d4949e44d69657c014c6a9b1555e886178514de4e47f79";

#[test]
fn strata_share_by_size_and_each_gives_one() {
    for (size, populations, shares) in [
        (10, vec![50, 30, 20], Some(vec![5, 3, 2])),
        (10, vec![1, 1, 98], Some(vec![1, 1, 8])),
        (3, vec![1000, 1, 1], Some(vec![1, 1, 1])),
        (2, vec![5, 5, 5], None),
        // 7 × 3/10 = 2.1, 2.1, 2.8: the third has the largest remainder.
        (7, vec![3, 3, 4], Some(vec![2, 2, 3])),
        // Equal remainders: the first stratum named.
        (4, vec![2, 2, 2], Some(vec![2, 1, 1])),
        (6, vec![1, 2, 3], Some(vec![1, 2, 3])),
        (1, vec![7], Some(vec![1])),
    ] {
        assert_eq!(allocate(size, &populations), shares, "{size} of {populations:?}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    for (tables, request, what) in [
        (Vec::new(), request("s", 5, &[]), "there is no table to draw from"),
        (forty(), request("", 5, &[]), "the seed is empty"),
        (forty(), request("s", 0, &[]), "a sample of no table shows nothing"),
        (
            forty(),
            request("s", 2, &[By::Tier]),
            "2 tables cannot be drawn from 3 strata",
        ),
    ] {
        let problem = draw_from(&tables, request).expect_err(what);
        assert_eq!(problem.what, what);
    }
    let all = draw_from(&forty(), request("s", 59, &[])).expect("a draw");
    assert_eq!(all.items.len(), 40);
    assert!(render::text(&all).contains("every table is drawn"));
}

#[test]
fn the_usual_sizes_mean_what_is_said_of_them() {
    for (size, confidence, rate) in SIZES {
        let missed = |size: usize| (1.0 - f64::from(rate) / 100.0).powi(i32::try_from(size).expect("small"));
        let wanted = 1.0 - f64::from(confidence) / 100.0;
        assert!(missed(size) <= wanted, "{size}");
        assert!(missed(size - 1) > wanted, "{size} is the smallest that does");
    }
}

proptest! {
    #[test]
    fn shares_add_up_and_ask_no_stratum_for_more_than_it_has(
        populations in prop::collection::vec(1_usize..5000, 1..12),
        part in 0.0_f64..=1.0,
    ) {
        let total: usize = populations.iter().sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a test")]
        let size = ((total as f64 * part) as usize).max(1);
        match allocate(size, &populations) {
            None => prop_assert!(size < populations.len()),
            Some(shares) => {
                prop_assert_eq!(shares.iter().sum::<usize>(), size);
                for (share, population) in shares.iter().zip(&populations) {
                    prop_assert!(*share >= 1 && share <= population);
                }
                // Proportional, but for rounding and for the ones that small strata give.
                for (a, b) in (0..shares.len()).flat_map(|a| (0..shares.len()).map(move |b| (a, b))) {
                    prop_assert!(populations[a] < populations[b] || shares[a] + 1 >= shares[b]);
                }
            }
        }
    }

    /// A subset without repeats, whatever the order of rows.
    #[test]
    fn a_draw_does_not_depend_on_the_order_of_rows(
        mut tables in Just(forty()).prop_shuffle(),
        seed in "\\PC{1,12}",
        size in 12_usize..50,
        by in prop::sample::subsequence(vec![By::Account, By::Tier, By::Verdict], 0..=3),
    ) {
        let drawn = draw_from(&tables.clone(), request(&seed, size, &by)).expect("a draw");
        let distinct: BTreeSet<&str> = arns(&drawn).into_iter().collect();
        prop_assert_eq!(distinct.len(), size.min(40));
        prop_assert!(distinct.iter().all(|arn| tables.iter().any(|table| table.table_arn == *arn)));
        for (place, stratum) in drawn.strata.iter().enumerate() {
            prop_assert_eq!(drawn.items.iter().filter(|item| item.stratum == place).count(), stratum.drawn);
        }
        tables.sort_by(|a, b| a.table_arn.cmp(&b.table_arn));
        let again = draw_from(&tables, request(&seed, size, &by)).expect("a draw");
        prop_assert_eq!(drawn, again);
    }

    /// One more table changes the draw by that table at most: it comes in, and one goes out.
    #[test]
    fn one_more_table_changes_one_place(seed in "[a-z]{1,8}", size in 1_usize..39, left_out in 0_usize..40) {
        let mut tables = forty();
        let one = tables.remove(left_out);
        let before = draw_from(&tables.clone(), request(&seed, size, &[])).expect("a draw");
        tables.push(one.clone());
        let after = draw_from(&tables, request(&seed, size, &[])).expect("a draw");
        let before: BTreeSet<&str> = arns(&before).into_iter().collect();
        let after: BTreeSet<&str> = arns(&after).into_iter().collect();
        let came: Vec<&&str> = after.difference(&before).collect();
        prop_assert!(came.is_empty() || came == [&one.table_arn.as_str()]);
        prop_assert!(before.difference(&after).count() <= 1);
    }
}
