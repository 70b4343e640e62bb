//! The whole file: its text, its pages, its bytes. Text is read back by printpdf and, where it is installed, by poppler.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chrono::Duration;
use printpdf::{PdfDocument, PdfParseOptions};

use super::Template;
use super::fonts::{Face, Fonts};
use crate::domain::{
    Answer, FactValue, Finding, GapKind, Level, LostCall, NullCause, Question, Subject, TargetId, Verdict,
};
use crate::report::{Report, Totals};

use crate::render::sample;
use crate::render::statement::Statement;
use crate::report::Conclusion;

/// Writes samples for a person to look at, into the folder that `BACKPROOF_PDF_SAMPLES` names.
#[test]
fn samples_for_the_eye() {
    let Some(folder) = std::env::var_os("BACKPROOF_PDF_SAMPLES").map(PathBuf::from) else {
        return;
    };
    std::fs::write(folder.join("excess.pdf"), render(&excess())).expect("a writable folder");
    for count in [0, 1, 60, 301, 10_000] {
        let bytes = render(&sample::report(count));
        std::fs::write(folder.join(format!("{count}.pdf")), bytes).expect("a writable folder");
    }
}

/// The file with the template that is part of the program.
pub(crate) fn render(report: &Report) -> Vec<u8> {
    render_with(report, "")
}

/// The file with the text of a template.
pub(crate) fn render_with(report: &Report, template: &str) -> Vec<u8> {
    let template = Template::parse("pdf.toml", template).expect("a template");
    let mut bytes = Vec::new();
    super::render(report, &template, &mut bytes).expect("a PDF");
    bytes
}

/// The text of each page as a second program reads it; `None` where it is not installed.
pub(crate) fn poppler(bytes: &[u8], options: &[&str]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.pdf");
    std::fs::write(&path, bytes).expect("a writable folder");
    let output = Command::new("pdftotext")
        .args(options)
        .arg(&path)
        .arg(Path::new("-"))
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "pdftotext: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "pdftotext: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Some(text.split('\u{c}').map(str::to_owned).collect())
}

/// The text of each page as printpdf reads it back.
fn pages(bytes: &[u8]) -> Vec<String> {
    let pdf = PdfDocument::parse(bytes, &PdfParseOptions::default(), &mut Vec::new()).expect("a readable PDF");
    pdf.extract_text().into_iter().map(|page| page.join("\n")).collect()
}

/// Lines of a cell joined again: layout breaks lines, and may break names.
pub(crate) fn squeezed(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let report = sample::report(60);
    let first = render(&report);
    assert_eq!(first, render(&report), "two renderings differ");
    let mut later = report;
    later.scan.as_of += Duration::seconds(1);
    assert_ne!(first, render(&later));
}

#[test]
fn every_page_tells_what_it_belongs_to() {
    for count in [0, 1, 60] {
        let bytes = render(&sample::report(count));
        let pages = pages(&bytes);
        for (index, page) in pages.iter().enumerate() {
            let number = format!("Page {} of {}", index + 1, pages.len());
            assert!(page.contains(&number), "`{number}` is missing from\n{page}");
            assert!(
                page.contains("scan 3fa9c1d2e4b57a60"),
                "no scan id on page {}",
                index + 1
            );
            assert!(page.contains("evidence as of 2026-11-23T05:00:00Z"));
            assert!(page.contains("evidence sha256 9b1f0c77d2e64a5a8f3b6cc04de19a7f"));
            assert!(page.contains("Proof of backup"), "no title on page {}", index + 1);
        }
    }
}

#[test]
fn nothing_is_lost_cut_off_or_hidden() {
    let report = sample::report(97);
    let bytes = render(&report);
    let all = squeezed(&pages(&bytes).concat());
    for part in [
        "[U+1F1E9]",
        "[U+000A]",
        "[U+001B]",
        "[U+202E]",
        "[U+8868]",
        "Gr\u{f6}\u{df}e-\u{3a9}-\u{416}",
        "WAIVED",
    ] {
        assert!(all.contains(part), "`{part}` is missing");
    }
    for gap in &report.coverage.gaps {
        for text in [&gap.action, &gap.resource, &gap.why, &gap.so, &gap.hint] {
            assert!(all.contains(&squeezed(text)), "`{text}` is missing");
        }
    }
    let is_open = |f: &&Finding| matches!(f.verdict, Verdict::NonCompliant | Verdict::Unknown) && !f.waived;
    for finding in report.findings.iter().filter(is_open).filter(|f| f.is_required()) {
        let name = squeezed(
            &crate::render::pdf::fonts::Fonts::load()
                .expect("fonts")
                .visible(Face::Bold, &finding.resource_name),
        );
        let is_told = all.matches(&name).count() >= 2 || name.len() > 60;
        assert!(is_told, "`{}` is in no block", finding.resource_name);
        if finding.is_open() && finding.subject == Subject::Table {
            assert!(
                all.contains(&finding.id[..finding.id.len().min(16)]),
                "finding {} is missing",
                finding.id
            );
        }
    }
    for rule in &report.rules {
        assert!(all.contains(&squeezed(&rule.id)), "`{}` is missing", rule.id);
    }
}

#[test]
fn ten_thousand_tables_are_all_there_in_their_order() {
    let report = sample::report(10_000);
    let bytes = render(&report);
    let Some(text) = poppler(&bytes, &["-raw"]) else { return };
    assert!(text.len() <= 401, "{} pages", text.len());
    let fonts = Fonts::load().expect("fonts");
    let all = squeezed(&text.concat());
    let mut from = all.find("10,000tables,byRegion,accountandname").expect("the appendix");
    for table in &report.tables {
        // Right-to-left names come back with marks of direction, which are not part of them.
        if table.table_name.contains('\u{202e}') {
            continue;
        }
        let name = squeezed(&fonts.visible(Face::Bold, &table.table_name));
        let found = all[from..]
            .find(&name)
            .unwrap_or_else(|| panic!("`{}` is missing", table.table_name));
        from += found + name.len();
    }
}

/// A report with everything longer, larger and more than is reasonable.
fn excess() -> Report {
    let mut report = sample::report(300);
    let long = "what-cannot-be-named-shortly-is-named-at-length/".repeat(6);
    report.rules[0].id = long.clone();
    report.rules[1].title.push_str(&long);
    report.policy.push((long.clone(), long.clone()));
    report.scan.caller_arn.push_str(&long);
    for finding in report
        .findings
        .iter_mut()
        .filter(|finding| &*finding.rule == "in-a-plan")
    {
        finding.rule = long.as_str().into();
        finding.remedy = format!("{long} {}", finding.id).into();
    }
    let mut evidence = report.findings[0].evidence.to_vec();
    evidence.push((long.clone().into(), FactValue::Text(long.repeat(20).into())));
    report.findings[0].evidence = evidence.into();
    for account in 0..300 {
        let mut row = report.coverage.accounts[0].clone();
        row.account_id = format!("{account:012}");
        row.name = long.chars().take(account).collect();
        report.coverage.accounts.push(row);
        for region in ["ap-southeast-1", "us-gov-west-1", "eusc-de-east-1"] {
            let mut row = report.coverage.targets[0].clone();
            row.target = TargetId {
                account_id: format!("{account:012}"),
                region: region.to_owned(),
            };
            row.tables_listed = None;
            report.coverage.targets.push(row);
        }
    }
    for table in &mut report.tables[..50] {
        table.target.region = "eusc-de-east-1".to_owned();
        let mut facts = table.facts.to_vec();
        facts.retain(|(name, _)| name != "plan_verdict");
        facts.push(("plan_verdict".into(), FactValue::Text(long.as_str().into())));
        facts.push(("usable_recovery_point_count".into(), FactValue::Int(i64::MAX)));
        table.facts = Arc::new(facts.into());
    }
    report
}

/// A word: page; left, top, right, bottom; width and height of the page; what poppler wrote.
pub(crate) type Word = (usize, [f32; 4], [f32; 2], String);

/// The words of a file as poppler sees them.
pub(crate) fn words(bytes: &[u8]) -> Option<Vec<Word>> {
    let value = |line: &str, name: &str| -> f32 {
        let rest = line.split(&format!("{name}=\"")).nth(1).expect("an attribute");
        rest.split('"').next().expect("a value").parse().expect("a number")
    };
    let (mut page, mut size, mut words) = (0, [0.0, 0.0], Vec::new());
    for line in poppler(bytes, &["-bbox"])?.concat().lines().map(str::trim) {
        if line.starts_with("<page") {
            page += 1;
            size = ["width", "height"].map(|name| value(line, name));
        } else if line.starts_with("<word") {
            words.push((
                page,
                ["xMin", "yMin", "xMax", "yMax"].map(|name| value(line, name)),
                size,
                line.to_owned(),
            ));
        }
    }
    Some(words)
}

#[test]
fn no_word_leaves_its_sheet_or_covers_another() {
    let template = format!(
        "title = '{0}'\nsubtitle = '{0}'\norganisation = '{0}'\nmarking = '{0}'",
        "Very long ".repeat(30)
    );
    for bytes in [render(&excess()), render_with(&excess(), &template)] {
        let Some(words) = words(&bytes) else {
            return;
        };
        for (_, [left, top, right, bottom], [width, height], line) in &words {
            assert!(*left >= 30.0 && *right <= width - 30.0, "{line} of {width}");
            assert!(*top >= 25.0 && *bottom <= height - 20.0, "{line} of {height}");
        }
        // Boxes hold room above and below the letters: their cores must not meet.
        let core = |[left, top, right, bottom]: [f32; 4]| {
            let inset = (bottom - top) * 0.25;
            [left + 0.4, top + inset, right - 0.4, bottom - inset]
        };
        for (index, (page, own, _, line)) in words.iter().enumerate() {
            let own = core(*own);
            for (_, other, _, other_line) in words[index + 1..].iter().take_while(|(other, ..)| other == page) {
                let other = core(*other);
                let meet = own[0] < other[2] && other[0] < own[2] && own[1] < other[3] && other[1] < own[3];
                assert!(!meet, "on page {page}:\n{line}\n{other_line}");
            }
        }
    }
}

#[test]
fn tables_repeat_their_heads() {
    let bytes = render(&sample::report(300));
    let Some(pages) = poppler(&bytes, &["-layout"]) else {
        return;
    };
    let appendix: Vec<_> = pages
        .iter()
        .skip_while(|page| !page.contains("300 tables, by Region, account and name"))
        .collect();
    let further: Vec<_> = appendix
        .iter()
        .filter(|page| page.contains("Every table, ? means left open (continued)"))
        .collect();
    assert!(further.len() > 3);
    assert!(
        further
            .iter()
            .all(|page| page.contains("Table") && page.contains("Backed up") && page.contains("Newest point"))
    );
}

#[test]
fn right_to_left_names_are_copied_in_their_own_order() {
    let bytes = render(&sample::report(97));
    let Some(text) = poppler(&bytes, &[]) else { return };
    assert!(
        text.concat().contains("\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
        "the name is turned around"
    );
}

#[test]
fn a_row_taller_than_a_sheet_goes_on_over_the_next() {
    let mut report = sample::report(60);
    let finding = report
        .findings
        .iter_mut()
        .find(|finding| finding.is_open() && finding.question == Question::InAPlan)
        .expect("one");
    finding.message = (0..4000)
        .map(|number| format!("word{number} "))
        .collect::<String>()
        .into();
    let all = pages(&render(&report)).concat();
    for number in [0, 1, 1999, 3998, 3999] {
        assert!(all.contains(&format!("word{number}")), "word{number} is missing");
    }
}

/// AWS's own answers leave cases open, too: an unknown verdict alone is no sign of a call that failed.
#[test]
fn an_unknown_verdict_is_not_told_as_a_gap() {
    let mut report = sample::report(60);
    report.coverage.gaps.clear();
    report.findings.retain(|finding| finding.verdict == Verdict::Unknown);
    recount(&mut report);
    let details = Statement::of(&report).details;
    let of_unknown = |detail: &&String| detail.contains("could not be decided; each says why");
    assert_eq!(details.iter().filter(of_unknown).count(), 1, "{details:?}");
    assert!(
        !details.iter().any(|detail| detail.contains("could not be read")),
        "{details:?}"
    );
    let text = squeezed(&pages(&render(&report)).join("\n"));
    for untrue in [
        "Unknown: evidence is missing",
        "for which the evidence could not be read",
    ] {
        assert!(!text.contains(&squeezed(untrue)), "{untrue}");
    }
    assert!(text.contains(&squeezed("or AWS's own answers leave them open. Each says why.")));
}

#[test]
fn good_news_needs_every_part_to_be_good() {
    let outcome = |report: &Report| Statement::of(report).conclusion;
    assert_eq!(outcome(&sample::report(60)), Conclusion::NonCompliant);
    assert_eq!(outcome(&sample::report(0)), Conclusion::NothingToProve);
    let mut report = sample::report(60);
    report
        .findings
        .retain(|finding| finding.verdict != Verdict::NonCompliant);
    recount(&mut report);
    assert_eq!(outcome(&report), Conclusion::EvidenceMissing);
    report.findings.retain(|finding| finding.verdict == Verdict::Compliant);
    recount(&mut report);
    only_asked(&mut report);
    assert_eq!(outcome(&report), Conclusion::GapsElsewhere);
    report.coverage.gaps.clear();
    report.coverage.targets[0].tables_listed = None;
    assert_eq!(outcome(&report), Conclusion::EvidenceMissing);
    report.coverage.targets[0].tables_listed = Some(10);
    assert_eq!(outcome(&report), Conclusion::GapsElsewhere, "a target is read in part");
    report
        .coverage
        .targets
        .iter_mut()
        .for_each(|target| target.status = "scanned");
    assert_eq!(outcome(&report), Conclusion::Compliant);
    let green = Statement::of(&report);
    assert!(green.headline.starts_with("Compliant: "), "{}", green.headline);
    // What is waived does not count for its table: then none is compliant, and the terminal says the same.
    for is_waived in [false, true] {
        let mut report = report.clone();
        report.findings[0].waived = is_waived;
        report
            .tables
            .iter_mut()
            .for_each(|table| table.verdict = Answer::NotApplicable);
        report.totals = Totals::of(&report.tables, &report.findings);
        assert_eq!(outcome(&report), Conclusion::NothingToProve);
        let text = Statement::of(&report).headline;
        assert!(!text.starts_with("Compliant"), "{text}");
    }
    report.findings.clear();
    recount(&mut report);
    assert_eq!(outcome(&report), Conclusion::NothingToProve);
}

/// Leaves out tables whose core findings are gone: those would not have been asked about.
fn only_asked(report: &mut Report) {
    report.tables.retain(|table| table.verdict != Answer::NotAsked);
    report.totals = Totals::of(&report.tables, &report.findings);
}

fn recount(report: &mut Report) {
    for table in &mut report.tables {
        let arn = table.table_arn.clone();
        sample::settle(
            table,
            report.findings.iter().filter(|finding| finding.resource_arn == arn),
        );
    }
    report.totals = Totals::of(&report.tables, &report.findings);
}

#[test]
fn a_list_that_could_not_be_read_is_not_an_empty_one() {
    let mut report = sample::report(0);
    let all = pages(&render(&report)).concat();
    assert!(all.contains("no table") && !all.contains("could not be listed in full"));
    report
        .coverage
        .targets
        .iter_mut()
        .for_each(|target| target.tables_listed = None);
    let all = pages(&render(&report)).concat();
    assert!(
        !all.contains("no table") && all.contains("could not be listed in full"),
        "{all}"
    );
    assert!(all.contains("not listed in full: 6 account-Region pairs"), "{all}");
}

#[test]
fn missing_facts_and_an_empty_report_say_so() {
    let mut report = sample::report(1);
    let lost = LostCall {
        kind: GapKind::Denied,
        action: "backup:ListBackupVaults",
    };
    let causes = [
        ("plan_names", NullCause::Lost([lost].into())),
        ("newest_recovery_point_at", NullCause::None),
        ("limit_hours", NullCause::LeftOpen),
        ("shortest_retention_days", NullCause::NotAsked),
    ];
    let null = |(name, cause): (&'static str, NullCause)| (name.into(), FactValue::Null(cause));
    report.tables[0].facts = Arc::new(causes.map(null).to_vec().into());
    if let Some(text) = poppler(&render(&report), &["-layout"]) {
        let text = text.concat();
        let told = |line: &&str| {
            ["denied", "none", " ?", "not asked"]
                .iter()
                .all(|word| line.contains(word))
        };
        assert!(text.lines().any(|line| told(&line)), "each null says why: {text}");
    }
    let all = pages(&render(&sample::report(0))).concat();
    assert!(
        squeezed(&all).contains(&squeezed(
            "no table was judged, so this document proves nothing about backups."
        )),
        "{all}"
    );
}

#[test]
fn a_template_may_leave_parts_out_but_not_in_silence() {
    let report = sample::report(3);
    let bytes = render_with(&report, "title = 'Q3'\npage-size = 'Letter'\nsections = ['tables']");
    let all = pages(&bytes).concat();
    assert!(
        squeezed(&all).contains(&squeezed(
            "Approval and response, What needs action, Summary, Day by day, Control matrix, Policy and waivers, Coverage and gaps, Method, by the template"
        )),
        "{all}"
    );
}

/// Without the core rules nothing is said of backups: neither in words nor in colours.
#[test]
fn a_report_that_did_not_ask_for_backups_claims_none() {
    let mut report = sample::report(60);
    report.rules.retain(|rule| rule.id == "pitr-on");
    report.rules[0].level = Level::Required;
    report
        .findings
        .retain(|finding| *finding.rule == *"pitr-on" && finding.verdict == Verdict::Compliant);
    for finding in &mut report.findings {
        finding.level = Level::Required;
    }
    recount(&mut report);
    assert_eq!(Statement::of(&report).conclusion, Conclusion::NotAsked);
    for template in ["", "title = 'Proof of backup 2026'"] {
        let pages = pages(&render_with(&report, template));
        let cover = pages[0].to_lowercase();
        assert!(
            !cover.contains("proof of backup") && !cover.contains("compliant"),
            "{cover}"
        );
        assert!(squeezed(&cover).contains(&squeezed("checks of 1 rule")), "{cover}");
        assert!(
            squeezed(&cover).contains(&squeezed("whether tables are backed up was not asked")),
            "{cover}"
        );
        assert!(!pages.concat().contains("Proof of backup"));
    }
}

/// A tier may switch the question off for its tables: the others' good news is not theirs.
#[test]
fn a_table_that_was_not_asked_about_makes_no_compliant_report() {
    let mut report = sample::report(60);
    report.findings.retain(|finding| finding.verdict == Verdict::Compliant);
    recount(&mut report);
    only_asked(&mut report);
    report.tables[0].verdict = Answer::NotAsked;
    report.totals = Totals::of(&report.tables, &report.findings);
    let statement = Statement::of(&report);
    assert_eq!(statement.conclusion, Conclusion::NotAsked);
    assert!(
        statement.headline.contains("and of 1 of 35 tables it was not asked"),
        "{}",
        statement.headline
    );
}

/// Somebody may call a cover "Compliant" and exchange red and green; it says then whose words and colours they are.
#[test]
fn a_cover_says_whose_templates_and_rules_it_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let swapped = "title = 'Compliant'\n[colours]\nnon-compliant = '#1d6b45'\ncompliant = '#96212b'\n";
    std::fs::write(folder.path().join("pdf.toml"), swapped).expect("written");
    let templates = crate::render::Templates::load(folder.path()).expect("templates");
    let mut report = sample::report(60);
    report.rules[0].origin = crate::report::Origin::Changed;
    report.rules[1].origin = crate::report::Origin::Own;
    let mut bytes = Vec::new();
    super::render(&report, &templates.pdf, &mut bytes).expect("a PDF");
    let cover = squeezed(&pages(&bytes)[0]);
    let digest = crate::digest::of_bytes(swapped.as_bytes());
    let digest = crate::digest::of_bytes(format!("{digest}  templates/pdf.toml\n").as_bytes());
    for sentence in [
        format!("come from templates that are not backproof's own (SHA-256 {digest})"),
        format!(
            "1 rule differs from that of backproof {} under the same id",
            env!("CARGO_PKG_VERSION")
        ),
        format!("1 rule is not of backproof {}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(cover.contains(&squeezed(&sentence)), "`{sentence}` is not on\n{cover}");
    }
    let plain = squeezed(&pages(&render(&sample::report(60)))[0]);
    assert!(!plain.contains("templates") && !plain.contains("differs"), "{plain}");
}

/// A document of record is read: so many pages and no more. The sample is nastier than any account, and that of one table has
/// six targets, tiers, waivers and gaps as well.
#[test]
fn a_document_stays_short() {
    for (count, most) in [(1, 5), (60, 12), (301, 40)] {
        let pages = pages(&render(&sample::report(count))).len();
        assert!(pages <= most, "{pages} pages for {count} tables, {most} at most");
    }
}

/// However many tables fail for one reason, each is named, and its row leads back.
#[test]
fn every_failing_table_stands_in_a_block() {
    let report = sample::report(301);
    let digest = crate::render::digest::Digest::of(&report);
    let groups = crate::render::blocks::groups(crate::render::blocks::blocks(&report, &digest), &report);
    let mut told: Vec<usize> = groups
        .iter()
        .flat_map(|group| &group.blocks)
        .map(|block| block.place)
        .collect();
    told.sort_unstable();
    let open: std::collections::BTreeSet<&str> = report
        .open_findings()
        .filter(|finding| finding.subject == Subject::Table)
        .map(|finding| finding.resource_arn.as_str())
        .collect();
    let failing: Vec<usize> = (0..report.tables.len())
        .filter(|place| open.contains(report.tables[*place].table_arn.as_str()))
        .collect();
    assert_eq!(told, failing);
    assert!(
        groups.len() * 2 < failing.len(),
        "{} blocks of {} tables",
        groups.len(),
        failing.len()
    );
}

/// Beyond what a document can list it holds answers, reasons and digest, and says where every table is.
#[test]
fn a_document_on_very_many_tables_says_where_they_are_listed() {
    let mut report = sample::report(300);
    let table = report.tables[0].clone();
    report.tables.resize(super::findings::MOST_LISTED + 1, table);
    report.tables.sort_by(|a, b| a.table_arn.cmp(&b.table_arn));
    report.totals = Totals::of(&report.tables, &report.findings);
    let pages = pages(&render(&report));
    assert!(pages.len() < 60, "{} pages", pages.len());
    let all = squeezed(&pages.concat());
    assert!(all.contains("12,001tablesaremorethanadocumentonpaperlists"), "{all}");
    assert!(all.contains(&report.scan.evidence_digest));
}

#[test]
fn the_second_audit_tells_the_first() {
    use std::collections::BTreeMap;
    let mut report = sample::report(60);
    let now = report.totals.tables_by_answer[&Question::BackedUp][&Answer::Compliant];
    report.baseline = Some(crate::report::Compared {
        scan_id: "77aa".repeat(16),
        as_of: report.scan.as_of - Duration::days(7),
        open_count: 40,
        answers_then: BTreeMap::from([(Question::BackedUp, BTreeMap::from([(Answer::Compliant, now + 7)]))]),
        counts: BTreeMap::new(),
        since: BTreeMap::new(),
        shifts: Vec::new(),
        lost: Vec::new(),
    });
    let cover = pages(&render(&report))[0].clone();
    assert!(
        squeezed(&cover).contains(&format!("{}\u{2192}{now}", now + 7)),
        "{cover}"
    );
    assert!(
        squeezed(&cover).contains("Before\u{2192}after:thescan77aa77aa77aa77aa"),
        "{cover}"
    );
}

#[test]
fn all_evidence_is_printed_where_it_is_asked_for() {
    let report = sample::report(30);
    let mut bytes = Vec::new();
    let mut template = Template::default();
    template.set_typed(&["backproof", "report", "--pdf-detail=full"].map(str::to_owned));
    super::render(&report, &template, &mut bytes).expect("a PDF");
    let all = squeezed(&pages(&bytes).concat());
    let is_told = |f: &&Finding| matches!(f.verdict, Verdict::NonCompliant | Verdict::Unknown);
    for finding in report.findings.iter().filter(is_told) {
        assert!(all.contains(&*finding.id), "finding {} is missing", finding.id);
        for (fact, _) in &finding.evidence {
            assert!(all.contains(&squeezed(fact)), "{fact} is missing");
        }
    }
}
