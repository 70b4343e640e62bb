//! Lines: where text may break, and the order in which right-to-left letters are drawn.

use std::borrow::Cow;

use super::fonts::{Face, Fonts};

/// A line may end after these: the joints of ARNs, names, paths and lists.
const JOINTS: &[char] = &['/', ':', '-', '_', '.', ',', ';', '=', '@', '&', '|', ')', ']'];

/// Cuts text into lines of at most `width` points. Nothing is ever left out: a name that is wider than the line is broken
/// at its joints, and where it has none, anywhere. Spaces at a break go.
pub(crate) fn wrap(fonts: &Fonts, face: Face, size: f32, width: f32, text: &str) -> Vec<String> {
    let text = fonts.visible(face, text);
    let limit = (width.max(size * 2.0) * 1000.0 / size) as u32;
    let total: u32 = text.chars().map(|character| fonts.advance(face, character)).sum();
    if total <= limit {
        return vec![text.into_owned()];
    }
    let mut lines = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = line_end(fonts, face, limit, rest);
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}

/// The byte at which the first line of `text` ends: at the last space if that leaves a fair line, else between the parts
/// of an ARN or a path, else at the last joint, else where the line is full.
fn line_end(fonts: &Fonts, face: Face, limit: u32, text: &str) -> usize {
    let (mut space, mut part, mut joint) = (None, None, None);
    let mut width = 0;
    let mut before = None;
    for (at, character) in text.char_indices() {
        if let Some(before) = before {
            if before == ' ' {
                if !is_unit(&text[..at - 1], &text[at..]) {
                    space = Some((at, width));
                }
            } else if is_joint(before, &text[at..]) {
                joint = Some((at, width));
                if matches!(before, ':' | '/') {
                    part = joint;
                }
            }
        }
        width += fonts.advance(face, character);
        // A space may hang over the edge: it is not drawn.
        if width > limit && character != ' ' && at > 0 {
            let fair = |place: Option<(usize, u32)>, least: u32| place.filter(|(_, reached)| reached * least >= limit);
            let end = fair(space, 2).or(fair(part, 2)).or(fair(joint, 3)).or(space);
            return end.map_or(at, |(end, _)| end);
        }
        before = Some(character);
    }
    text.len()
}

/// Whether a line may end between these two: at a joint, before a spelled-out character, and at the humps of names such as
/// `ListTables`. Numbers such as `7.5` and `1,000` stay whole, and so do Regions and instants.
fn is_joint(before: char, rest: &str) -> bool {
    let Some(after) = rest.chars().next() else { return false };
    if after == '[' || (before.is_lowercase() && after.is_ascii_uppercase()) {
        return true;
    }
    let holds = match before {
        '.' | ',' => after.is_ascii_digit(),
        '-' | ':' => is_short_number(rest),
        _ => false,
    };
    JOINTS.contains(&before) && !holds && !JOINTS.contains(&after)
}

/// Is a number before a space, and its unit behind it? `36 h`, `4 d` and `12 min` stay whole.
fn is_unit(before: &str, after: &str) -> bool {
    const UNITS: [&str; 5] = ["h", "d", "min", "s", "y"];
    let word = after.trim_end_matches(|character: char| !character.is_alphanumeric());
    let word = word
        .split(|character: char| !character.is_alphanumeric())
        .next()
        .unwrap_or(word);
    before.ends_with(|character: char| character.is_ascii_digit()) && UNITS.contains(&word)
}

/// One or two digits and then no small letter: the end of a Region, the parts of an instant; not those of an id.
fn is_short_number(rest: &str) -> bool {
    let after = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    (1..=2).contains(&(rest.len() - after.len()))
        && !after.starts_with(|character: char| character.is_ascii_lowercase())
}

/// The order in which the characters of a line are drawn from left to right: runs of right-to-left letters backwards, so
/// that they read as they should and viewers copy them in the order of the original. Everything else stays in place, so
/// no text can reorder its surroundings.
pub(crate) fn drawing_order(line: &str) -> Cow<'_, str> {
    if line.is_ascii() || !line.chars().any(is_right_to_left) {
        return Cow::Borrowed(line);
    }
    let characters: Vec<char> = line.chars().collect();
    let mut drawn = String::with_capacity(line.len());
    let mut at = 0;
    while at < characters.len() {
        if !is_right_to_left(characters[at]) {
            drawn.push(characters[at]);
            at += 1;
            continue;
        }
        let mut end = at + 1;
        for (next, character) in characters.iter().enumerate().skip(at + 1) {
            if is_right_to_left(*character) {
                end = next + 1;
            } else if *character != ' ' {
                break;
            }
        }
        drawn.extend(characters[at..end].iter().rev());
        at = end;
    }
    Cow::Owned(drawn)
}

/// Hebrew, Arabic and their presentation forms; what else there is has no glyph here.
fn is_right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// `1 table`, `2 tables`, `10,000 tables`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// A count with commas: `10,000`.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_lose_nothing() {
        let fonts = Fonts::load().expect("fonts");
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/prod-ledger-entries_by-customer.v2";
        let long = "x".repeat(255);
        for text in [
            arn,
            &long,
            "words and words that must wrap somewhere",
            "日本語の表日本語の表",
        ] {
            let lines = wrap(&fonts, Face::Regular, 7.0, 60.0, text);
            for line in &lines {
                assert!(fonts.width(Face::Regular, 7.0, line) <= 60.0, "`{line}` is too wide");
            }
            let all = fonts.visible(Face::Regular, text).replace(' ', "");
            assert_eq!(lines.concat().replace(' ', ""), all);
        }
    }

    #[test]
    fn names_break_at_their_joints() {
        let fonts = Fonts::load().expect("fonts");
        let lines = wrap(&fonts, Face::Regular, 7.0, 62.0, "orders-by-customer-and-region");
        assert!(lines[0].ends_with('-'), "{lines:?}");
        let id = "recovery-point:cf95afb7-1684-45b2-8312-35f40e65f268";
        let lines = wrap(&fonts, Face::Regular, 7.0, 150.0, id);
        assert!(lines[0].ends_with('-') && lines.len() == 2, "{lines:?}");
        let instant = wrap(&fonts, Face::Regular, 7.0, 88.0, "due at 2026-11-15T16:39:36Z");
        assert_eq!(instant, ["due at", "2026-11-15T16:39:36Z"]);
        let age = wrap(&fonts, Face::Regular, 7.0, 74.0, "none meets everything; limit 36 h");
        assert!(age.iter().all(|line| !line.ends_with("36")), "{age:?}");
        let arn = "arn:aws:backup:us-east-1:444455556666:backup-vault:ledger";
        let lines = wrap(&fonts, Face::Regular, 7.0, 100.0, arn);
        assert_eq!(lines[0], "arn:aws:backup:us-east-1:", "at its parts");
        let lines = wrap(
            &fonts,
            Face::Regular,
            7.0,
            70.0,
            "the newest recovery point is 36.25 h old",
        );
        assert!(lines.iter().all(|line| !line.ends_with("36.")), "{lines:?}");
    }

    #[test]
    fn right_to_left_runs_are_drawn_backwards_and_stay_where_they_are() {
        assert_eq!(
            drawing_order("a-\u{5d0}\u{5d1} \u{5d2}-z"),
            "a-\u{5d2} \u{5d1}\u{5d0}-z"
        );
        assert_eq!(drawing_order("plain"), "plain");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(plural(1, "table"), "1 table");
        assert_eq!(plural(10_000, "table"), "10,000 tables");
        assert_eq!(grouped(999), "999");
    }
}
