//! Charts as vector paths. Every part has a pattern and a number of its own, so that a grey copy says the same.

use super::doc::{Doc, WHITE};
use crate::domain::{DayState, Verdict};

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

/// How a day looks in a heat map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayLook {
    /// Solid and light.
    Covered,
    /// Light and hatched.
    Promised,
    /// Solid and dark.
    Exposed,
    /// Hatched.
    NotObserved,
    /// A dash.
    Nothing,
}

impl DayLook {
    /// Of several days in one column the worst shows.
    pub(crate) const fn badness(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Covered => 1,
            Self::Promised => 2,
            Self::NotObserved => 3,
            Self::Exposed => 4,
        }
    }
}

impl From<DayState> for DayLook {
    fn from(state: DayState) -> Self {
        match state {
            DayState::Covered => Self::Covered,
            DayState::Exposed => Self::Exposed,
            DayState::NotObserved => Self::NotObserved,
            DayState::NotAlive => Self::Nothing,
        }
    }
}

/// A day or several alike.
pub(crate) fn day(doc: &mut Doc<'_>, (x, y, width, height): (f32, f32, f32, f32), look: impl Into<DayLook>) {
    let colours = &doc.template.colours;
    let (bad, unknown, good, none) = (
        colours.non_compliant,
        colours.unknown,
        colours.compliant,
        colours.not_applicable,
    );
    let page = doc.page();
    match look.into() {
        DayLook::Exposed => page.fill_rect(x, y, width, height, bad),
        DayLook::NotObserved => {
            page.fill_rect(x, y, width, height, unknown.tint(0.85));
            page.hatch(&rectangle(x, y, width, height), 2.4, 0.8, unknown);
        }
        DayLook::Promised => {
            page.fill_rect(x, y, width, height, good.tint(0.88));
            page.hatch(&rectangle(x, y, width, height), 2.4, 0.8, good);
        }
        DayLook::Covered => page.fill_rect(x, y, width, height, good.tint(0.62)),
        DayLook::Nothing => page.rule(x, y + height / 2.0, width, 0.5, none),
    }
}

fn rectangle(x: f32, y: f32, width: f32, height: f32) -> [(f32, f32); 4] {
    [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
}
