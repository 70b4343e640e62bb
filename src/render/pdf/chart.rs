//! Charts as vector paths. Every part has a pattern and a number of its own, so that a grey copy says the same.

use super::doc::{BODY, Doc, MUTED, SMALL, TEXT, WHITE, word};
use super::fonts::Face;
use super::page::Style;
use super::text;
use crate::domain::{DayState, Verdict};

/// Counts in the order of [`Verdict::ALL`].
pub(crate) type Counts = [usize; 4];

/// Degrees between two points of an arc: smooth at any zoom that a person would use.
const STEP: f32 = 3.0;

/// Fills a shape as its verdict is drawn everywhere: non-compliant solid and dark, unknown hatched, compliant solid and
/// light, not applicable white with wide hatching.
fn fill(doc: &mut Doc<'_>, points: &[(f32, f32)], verdict: Verdict) {
    let colour = doc.colour_of(verdict);
    let page = doc.page();
    match verdict {
        Verdict::NonCompliant => page.fill_shape(points, colour),
        Verdict::Unknown => {
            page.fill_shape(points, colour.tint(0.80));
            page.hatch(points, 3.2, 1.1, colour);
        }
        Verdict::Compliant => page.fill_shape(points, colour.tint(0.55)),
        Verdict::NotApplicable => {
            page.fill_shape(points, WHITE);
            page.hatch(points, 6.0, 0.4, colour);
        }
    }
    doc.page().outline(points, 0.6, colour);
}

/// A bar that is filled as a verdict is.
pub(crate) fn bar(doc: &mut Doc<'_>, (x, y, width, height): (f32, f32, f32, f32), verdict: Verdict) {
    fill(doc, &rectangle(x, y, width, height), verdict);
}

/// A day or several alike: exposed solid and dark, not observed hatched, covered solid and light, and a dash where there
/// was no table.
pub(crate) fn day(doc: &mut Doc<'_>, (x, y, width, height): (f32, f32, f32, f32), state: DayState) {
    let colours = &doc.template.colours;
    let (bad, unknown, good, none) = (
        colours.non_compliant,
        colours.unknown,
        colours.compliant,
        colours.not_applicable,
    );
    let page = doc.page();
    match state {
        DayState::Exposed => page.fill_rect(x, y, width, height, bad),
        DayState::NotObserved => {
            page.fill_rect(x, y, width, height, unknown.tint(0.85));
            page.hatch(&rectangle(x, y, width, height), 2.4, 0.8, unknown);
        }
        DayState::Covered => page.fill_rect(x, y, width, height, good.tint(0.62)),
        DayState::NotAlive => page.rule(x, y + height / 2.0, width, 0.5, none),
    }
}

fn rectangle(x: f32, y: f32, width: f32, height: f32) -> [(f32, f32); 4] {
    [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
}

/// A ring whose parts are the counts, the total in its middle.
pub(crate) fn donut(doc: &mut Doc<'_>, (x, y): (f32, f32), radius: f32, counts: &Counts, noun: &str) {
    let total: usize = counts.iter().sum();
    let hole = radius * 0.60;
    let mut from = 0.0_f32;
    for (verdict, &count) in Verdict::ALL.into_iter().zip(counts) {
        if count == 0 {
            continue;
        }
        // A part too thin to see would be a part left out: at least two degrees each.
        let sweep = (360.0 * count as f32 / total as f32).max(2.0).min(360.0 - from);
        fill(doc, &ring_part((x, y), radius, hole, from, from + sweep), verdict);
        from += sweep;
    }
    if total == 0 {
        let muted = MUTED.tint(0.5);
        doc.page().outline(&circle((x, y), radius), 0.8, muted);
        doc.page().outline(&circle((x, y), hole), 0.8, muted);
    }
    let mut big = Style {
        face: Face::Bold,
        size: radius * 0.36,
        colour: TEXT,
    };
    let small = SMALL;
    let number = text::grouped(total);
    // Long numbers shrink until they stand clear of the ring.
    big.size *= (hole * 1.6 / doc.measure(big, &number)).min(1.0);
    let half = doc.measure(big, &number) / 2.0;
    doc.text(x - half, y + radius * 0.08, big, &number);
    let half = doc.measure(small, noun) / 2.0;
    doc.text(x - half, y + radius * 0.08 + 11.0, small, noun);
}

fn ring_part(centre: (f32, f32), outer: f32, inner: f32, from: f32, to: f32) -> Vec<(f32, f32)> {
    let steps = (((to - from) / STEP).ceil() as usize).max(1);
    let angle = |step: usize| from + (to - from) * step as f32 / steps as f32;
    let mut points: Vec<_> = (0..=steps).map(|step| on_circle(centre, outer, angle(step))).collect();
    points.extend((0..=steps).rev().map(|step| on_circle(centre, inner, angle(step))));
    points
}

fn circle(centre: (f32, f32), radius: f32) -> Vec<(f32, f32)> {
    (0..120)
        .map(|step| on_circle(centre, radius, STEP * step as f32))
        .collect()
}

/// Clockwise from the top.
fn on_circle((x, y): (f32, f32), radius: f32, degrees: f32) -> (f32, f32) {
    let angle = degrees.to_radians();
    (x + radius * angle.sin(), y - radius * angle.cos())
}

/// Pattern, word, number and share of each verdict, one below the other.
pub(crate) fn legend(doc: &mut Doc<'_>, (x, y): (f32, f32), width: f32, counts: &Counts) {
    let total: usize = counts.iter().sum();
    let strong = BODY.bold();
    for (index, (verdict, &count)) in Verdict::ALL.into_iter().zip(counts).enumerate() {
        let top = y + index as f32 * 19.0;
        fill(doc, &rectangle(x, top, 15.0, 10.0), verdict);
        doc.text(x + 22.0, top + 8.4, BODY, word(verdict));
        doc.text_to(x + width - 44.0, top + 8.4, strong, &text::grouped(count));
        doc.text_to(x + width, top + 8.4, BODY.colour(MUTED), &share(count, total));
    }
}

/// A share in whole percent that never turns something into nothing, nor nearly all into all.
fn share(count: usize, total: usize) -> String {
    if total == 0 {
        return "\u{2013}".to_owned();
    }
    let percent = count as f32 * 100.0 / total as f32;
    match count {
        0 => "0 %".to_owned(),
        _ if percent < 1.0 => "< 1 %".to_owned(),
        _ if count < total && percent > 99.0 => "> 99 %".to_owned(),
        _ => format!("{percent:.0} %"),
    }
}

/// One bar whose parts are the counts; `scale` points per table.
pub(crate) fn stacked_bar(doc: &mut Doc<'_>, (x, y): (f32, f32), height: f32, scale: f32, counts: &Counts) {
    let mut left = x;
    for (verdict, &count) in Verdict::ALL.into_iter().zip(counts) {
        if count > 0 {
            let width = (count as f32 * scale).max(1.2);
            fill(doc, &rectangle(left, y, width, height), verdict);
            left += width;
        }
    }
}

/// A labelled bar with its number at the end.
pub(crate) fn labelled_bar(
    doc: &mut Doc<'_>,
    (x, y): (f32, f32),
    width: f32,
    count: usize,
    most: usize,
    label: &str,
    darkness: f32,
) {
    let colour = doc.template.colours.non_compliant.tint(1.0 - darkness);
    let room = width - 90.0;
    doc.text(x, y + 8.2, BODY, label);
    let long = if most == 0 {
        0.0
    } else {
        room * count as f32 / most as f32
    };
    if count > 0 {
        let points = rectangle(x + 50.0, y, long.max(1.2), 10.0);
        doc.page().fill_shape(&points, colour);
        let edge = doc.template.colours.non_compliant;
        doc.page().outline(&points, 0.5, edge);
    }
    doc.text(x + 55.0 + long, y + 8.2, BODY.bold(), &text::grouped(count));
}
