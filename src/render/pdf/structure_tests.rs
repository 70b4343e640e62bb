//! What leads where, what is claimed, and what a grey copy still says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use lopdf::{Document, Object, ObjectId};

use super::fonts::{Face, Fonts};
use super::template::Template;
use super::tests::{poppler, render, render_with, squeezed, words};
use crate::domain::Verdict;
use crate::render::sample;

/// The number of each page, from 0.
fn page_numbers(file: &Document) -> BTreeMap<ObjectId, usize> {
    file.page_iter().zip(0..).collect()
}

/// Page and height of an explicit destination.
fn destination(dest: &Object, pages: &BTreeMap<ObjectId, usize>) -> (usize, i64) {
    let dest = dest.as_array().expect("an explicit destination");
    let page = dest[0].as_reference().expect("a page");
    assert_eq!(dest[1].as_name().expect("a kind"), b"XYZ");
    (pages[&page], dest[3].as_i64().expect("a height"))
}

/// Every link: the page it is on, its rectangle, and where it leads.
fn links(file: &Document) -> Vec<(usize, Vec<f32>, (usize, i64))> {
    let pages = page_numbers(file);
    let mut links = Vec::new();
    for (id, number) in &pages {
        let page = file.get_dictionary(*id).expect("a page");
        let Ok(annotations) = page.get(b"Annots").and_then(Object::as_array) else {
            continue;
        };
        for link in annotations {
            let link = link.as_dict().expect("an annotation");
            let rect = link.get(b"Rect").and_then(Object::as_array).expect("a rectangle");
            let rect = rect.iter().map(|side| side.as_float().expect("a number")).collect();
            links.push((*number, rect, destination(link.get(b"Dest").expect("a goal"), &pages)));
        }
    }
    links
}

fn load(bytes: &[u8]) -> Document {
    Document::load_mem(bytes).expect("a readable PDF")
}

#[test]
fn every_finding_leads_to_the_row_of_its_table() {
    let report = sample::report(97);
    let bytes = render(&report);
    let file = load(&bytes);
    let Some(pages) = poppler(&bytes, &["-raw"]) else {
        return;
    };
    let is_across = |page: usize| pages[page].contains("Restorable") && pages[page].contains("Limit");
    let to_rows: Vec<_> = links(&file)
        .into_iter()
        .filter(|(_, _, (page, _))| is_across(*page))
        .collect();
    let is_told = |finding: &&crate::domain::Finding| {
        matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown) && finding.is_required() && !finding.waived
    };
    let shown: std::collections::BTreeSet<&str> = report
        .findings
        .iter()
        .filter(is_told)
        .map(|finding| finding.resource_arn.as_str())
        .collect();
    let shown = shown.len();
    // One for each table with such a finding and each row of the heat map at least; long names take several lines.
    assert!(to_rows.len() >= shown + 20, "{} of {shown}", to_rows.len());
    let words = words(&bytes).expect("poppler read it before");
    let fonts = Fonts::load().expect("fonts");
    let mut checked = 0;
    for (from, rect, (page, top)) in to_rows {
        // The first word in the link is the beginning of the name that stands at its goal.
        let height = words.iter().find(|word| word.0 == from + 1).expect("a word").2[1];
        let inside = |word: &&super::tests::Word| {
            let middle = height - (word.1[1] + word.1[3]) / 2.0;
            word.0 == from + 1
                && word.1[0] >= rect[0] - 1.0
                && word.1[0] < rect[2]
                && middle > rect[1]
                && middle < rect[3]
        };
        let text = |line: &str| {
            line.split('>')
                .nth(1)
                .and_then(|rest| rest.split('<').next())
                .unwrap_or("")
                .to_owned()
        };
        let Some(name) = words
            .iter()
            .filter(inside)
            .map(|word| text(&word.3))
            .find(|word| word.len() > 6)
        else {
            continue;
        };
        if !name.is_ascii() || name.contains('&') {
            continue;
        }
        let goal_height = words.iter().find(|word| word.0 == page + 1).expect("a word").2[1];
        let row = words.iter().filter(|word| {
            word.0 == page + 1 && (goal_height - word.1[1] - top as f32).abs() < 14.0 && word.1[0] < 260.0
        });
        let row: String = row.map(|word| text(&word.3)).collect();
        let beginning: String = name.chars().take(6).collect();
        let is_there =
            row.contains(&beginning) || squeezed(&pages[page]).contains(&squeezed(&fonts.visible(Face::Bold, &name)));
        assert!(is_there, "`{name}` on page {} leads to `{row}`", from + 1);
        checked += 1;
    }
    assert!(checked > shown / 2, "{checked} of {shown}");
}

#[test]
fn rows_and_the_cover_lead_to_what_needs_action() {
    let report = sample::report(60);
    let bytes = render(&report);
    let file = load(&bytes);
    let Some(pages) = poppler(&bytes, &["-raw"]) else {
        return;
    };
    let needing = report
        .tables
        .iter()
        .filter(|table| table.verdict == crate::domain::Answer::NonCompliant);
    let to_blocks = |is_from: &dyn Fn(usize) -> bool| {
        let links = links(&file).into_iter();
        links
            .filter(|(from, _, (to, _))| is_from(*from) && pages[*to].contains("What to do"))
            .count()
    };
    assert!(to_blocks(&|from| from == 0) >= 3, "the worst tables on the cover");
    assert!(to_blocks(&|from| pages[from].contains("Restorable")) >= needing.count());
}

#[test]
fn contents_and_bookmarks_lead_to_the_parts() {
    let bytes = render(&sample::report(60));
    let file = load(&bytes);
    let pages = page_numbers(&file);
    let catalog = file.catalog().expect("a catalog");
    let outline = catalog
        .get(b"Outlines")
        .and_then(Object::as_reference)
        .expect("bookmarks");
    let mut next = file
        .get_dictionary(outline)
        .and_then(|root| root.get(b"First"))
        .and_then(Object::as_reference)
        .ok();
    let mut parts = Vec::new();
    while let Some(id) = next {
        let item = file.get_dictionary(id).expect("a bookmark");
        let title = item.get(b"Title").and_then(Object::as_str).expect("a title");
        let units: Vec<u16> = title[2..]
            .chunks(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        parts.push((
            String::from_utf16(&units).expect("a title"),
            destination(item.get(b"Dest").expect("a goal"), &pages).0,
        ));
        next = item.get(b"Next").and_then(Object::as_reference).ok();
    }
    let titles: Vec<&str> = parts.iter().map(|(title, _)| title.as_str()).collect();
    let sections = Template::default().sections;
    let expected: Vec<&str> = ["Cover", "About this document"]
        .into_iter()
        .chain(sections.iter().map(|section| section.title()))
        .collect();
    assert_eq!(titles, expected);
    // The table of contents leads to the same pages, in the same order.
    let contents: Vec<usize> = links(&file)
        .into_iter()
        .filter(|(page, ..)| *page == 1)
        .map(|(_, _, (page, _))| page)
        .collect();
    // They are known last.
    let contents = contents[contents.len() + 2 - parts.len()..].to_vec();
    let marked: Vec<usize> = parts.iter().skip(2).map(|(_, page)| *page).collect();
    assert_eq!(contents, marked);
    let Some(text) = poppler(&bytes, &["-raw"]) else { return };
    for (title, page) in parts.iter().skip(2) {
        assert!(
            text[*page].contains(title.as_str()),
            "`{title}` is not on page {}",
            page + 1
        );
    }
}

#[test]
fn links_to_a_part_that_is_left_out_are_left_out_too() {
    let bytes = render_with(&sample::report(60), "sections = ['method']");
    let file = load(&bytes);
    assert_eq!(links(&file).len(), 1, "only that of the contents is left");
}

#[test]
fn the_firms_words_and_picture_are_on_the_sheets() {
    let mut template = Template::parse(
        "pdf.toml",
        "organisation = 'Firm & Sons'\nstatement = 'Prepared for the board.'\nfooter = 'Engagement 4711'\nmarking = 'Secret'",
    )
    .expect("a template");
    let jpeg = [
        &[0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 40, 0, 120, 1, 1, 0x11, 0][..],
        &[0xff, 0xd9],
    ]
    .concat();
    template.set_logo(super::Logo::read(&jpeg).expect("a picture"));
    let mut bytes = Vec::new();
    super::render(&sample::report(3), &template, &mut bytes).expect("a PDF");
    let file = load(&bytes);
    let pictures = file
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok())
        .filter(|stream| stream.content == jpeg)
        .count();
    assert_eq!(pictures, 1);
    let metadata = file.objects.values().filter_map(|object| object.as_stream().ok());
    let metadata = metadata.map(|stream| String::from_utf8_lossy(&stream.content).into_owned());
    let metadata = metadata
        .into_iter()
        .find(|text| text.contains("xmpmeta"))
        .expect("metadata");
    assert!(metadata.contains("<rdf:li>Firm &amp; Sons</rdf:li>"), "{metadata}");
    let Some(pages) = poppler(&bytes, &["-layout"]) else {
        return;
    };
    assert!(pages[0].contains("Prepared for the board.") && pages[0].contains("not drawn from the evidence"));
    for page in pages.iter().filter(|page| !page.trim().is_empty()) {
        assert!(
            page.contains("Firm & Sons \u{b7} Secret \u{b7} Engagement 4711"),
            "{page}"
        );
    }
}

#[test]
fn every_part_says_so_when_there_is_nothing_to_show() {
    let mut report = sample::report(3);
    report.window.days = 0;
    report.tables.iter_mut().for_each(|table| table.days.clear());
    report.frameworks.clear();
    report.tiers.clear();
    report.waivers.clear();
    let Some(pages) = poppler(&render(&report), &["-layout"]) else {
        return;
    };
    let all = pages.concat().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "No day was looked at",
        "No framework was chosen",
        "no table is exempt",
        "Waivers None.",
    ] {
        assert!(all.contains(words), "`{words}` is missing");
    }
}

/// A page in shades of grey, `dots` to the inch.
fn grey(bytes: &[u8], page: usize, dots: usize) -> Option<(usize, Vec<u8>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("report.pdf"), folder.path().join("page"));
    std::fs::write(&from, bytes).expect("a writable folder");
    let (page, dots) = (page.to_string(), dots.to_string());
    let options = ["-gray", "-singlefile", "-f", &page, "-l", &page, "-r", &dots];
    let status = Command::new("pdftoppm")
        .args(options)
        .arg(&from)
        .arg(&to)
        .status()
        .ok()?;
    assert!(status.success());
    let picture = std::fs::read(Path::new(&to).with_extension("pgm")).expect("a picture");
    let mut parts = picture.splitn(4, |byte| byte.is_ascii_whitespace());
    let mut number = || String::from_utf8_lossy(parts.nth(1).unwrap_or(b"")).into_owned();
    let width = number().parse().expect("a width");
    let pixels = picture[picture.len() - picture.len() / width * width..].to_vec();
    Some((width, pixels))
}

#[test]
fn the_states_of_a_day_can_be_told_apart_in_grey() {
    const DOTS: usize = 144;
    let bytes = render(&sample::report(60));
    let Some(words) = words(&bytes) else { return };
    let place = |text: &str| {
        let legend = words.iter().filter(|word| word.3.contains(&format!(">{text}<")));
        legend.map(|word| (word.0, word.1)).collect::<Vec<_>>()
    };
    // The legend is the one line that names covered before exposed, and not observed beside them.
    let beside = |text: &str, page: usize, word: [f32; 4], before: bool| {
        place(text)
            .iter()
            .any(|(on, other)| *on == page && (other[1] - word[1]).abs() < 0.5 && (other[0] < word[0]) == before)
    };
    let line = place("exposed")
        .into_iter()
        .find(|(page, word)| beside("covered", *page, *word, true) && beside("observed", *page, *word, false));
    let (page, line) = line.expect("a legend");
    let Some((width, pixels)) = grey(&bytes, page, DOTS) else {
        return;
    };
    let scale = DOTS as f32 / 72.0;
    // Mean and spread of the swatch to the left of a word.
    let swatch = |word: [f32; 4]| {
        let (left, right) = (((word[0] - 18.0) * scale) as usize, ((word[0] - 7.0) * scale) as usize);
        let middle = ((word[1] + word[3]) / 2.0 * scale) as usize;
        let inside: Vec<f32> = (middle - 5..middle + 5)
            .flat_map(|y| {
                pixels[y * width + left..y * width + right]
                    .iter()
                    .map(|pixel| f32::from(*pixel))
            })
            .collect();
        let mean = inside.iter().sum::<f32>() / inside.len() as f32;
        let spread = inside.iter().map(|pixel| (pixel - mean).abs()).sum::<f32>() / inside.len() as f32;
        (mean, spread)
    };
    let on_line = |text: &str| {
        let found = place(text)
            .into_iter()
            .find(|(on, word)| *on == page && (word[1] - line[1]).abs() < 0.5);
        swatch(found.expect("a word of the legend").1)
    };
    let (covered, exposed, unseen) = (on_line("covered"), on_line("exposed"), on_line("not"));
    assert!(covered.0 - exposed.0 > 80.0, "light and dark: {covered:?}, {exposed:?}");
    assert!(
        covered.1 < 4.0 && exposed.1 < 4.0,
        "both are even: {covered:?}, {exposed:?}"
    );
    assert!(unseen.1 > 10.0, "what was not observed is hatched: {unseen:?}");
}
