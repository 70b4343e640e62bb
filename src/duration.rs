//! Durations as people write them in settings: `90m`, `6h`, `35d`, `8w`, `7y`.

use chrono::TimeDelta;

/// Reads a duration. A month is 31 days. A year is 365.25 days, rounded up to whole days, so that a minimum is never shortened by leap days.
///
/// Errors: what is wrong, as the end of a sentence.
pub fn parse(text: &str) -> Result<TimeDelta, String> {
    let text = text.trim();
    if text.contains(['.', ',']) && text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(format!(
            "`{text}` has a fraction; write whole numbers of a smaller unit, such as `36h` for a day and a half"
        ));
    }
    let split = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: i64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is not a whole number with a unit (s, m, h, d, w, mo or y)"))?;
    let delta = match unit.trim() {
        "s" => TimeDelta::try_seconds(number),
        "m" | "min" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        "w" => TimeDelta::try_weeks(number),
        "mo" => number.checked_mul(31).and_then(TimeDelta::try_days),
        "y" => number
            .checked_mul(1461)
            .map(|quarters| quarters.div_euclid(4) + i64::from(quarters % 4 != 0))
            .and_then(TimeDelta::try_days),
        "" => return Err(format!("`{text}` has no unit (s, m, h, d, w, mo or y)")),
        other => return Err(format!("`{other}` is not a unit (s, m, h, d, w, mo or y)")),
    };
    delta
        .filter(|delta| *delta <= TimeDelta::days(40_000))
        .ok_or_else(|| format!("`{text}` is longer than 40,000 days"))
}

/// Reads a duration of whole days, as AWS Backup counts lifecycles.
///
/// Errors: as [`parse`], and for anything that is not whole days.
pub(crate) fn parse_days(text: &str) -> Result<i64, String> {
    let delta = parse(text)?;
    if delta.num_seconds() % 86_400 == 0 {
        Ok(delta.num_days())
    } else {
        Err(format!(
            "`{}` is not a whole number of days, which is what AWS Backup counts",
            text.trim()
        ))
    }
}

/// A duration for people: the largest unit that divides it, `36h`, `35d`.
pub(crate) fn human(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds != 0 && seconds % size == 0 && (unit != "d" || seconds >= 2 * size) {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

/// An age for people, in its two largest units, rounded down: `25 d 9 h`, `31 h 20 min`, `12 min`. Days from the second on,
/// so that what is a day and a half old stands beside a limit of `36 h`.
pub(crate) fn age(age: TimeDelta) -> String {
    let minutes = age.num_minutes().max(0);
    let (large, small, words) = if minutes < 2 * 24 * 60 {
        (minutes / 60, minutes % 60, ("h", "min"))
    } else {
        let hours = minutes / 60;
        (hours / 24, hours % 24, ("d", "h"))
    };
    match (large, small) {
        (0, small) => format!("{small} {}", words.1),
        (large, 0) => format!("{large} {}", words.0),
        (large, small) => format!("{large} {} {small} {}", words.0, words.1),
    }
}

/// The same of a number of hours, as facts hold it.
pub(crate) fn age_of_hours(hours: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an age in minutes, or as good as for ever"
    )]
    let minutes = (hours.max(0.0) * 60.0 + 1e-6).floor() as i64;
    age(TimeDelta::try_minutes(minutes).unwrap_or(TimeDelta::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse("24h"), Ok(TimeDelta::hours(24)));
        assert_eq!(parse("35d"), Ok(TimeDelta::days(35)));
        assert_eq!(parse("7y"), Ok(TimeDelta::days(2557)));
        assert_eq!(parse("1y"), Ok(TimeDelta::days(366)));
        assert_eq!(parse("90m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(parse_days("97d"), Ok(97));
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        for text in [
            "",
            "d",
            "7",
            "7x",
            "-3d",
            "1.5h",
            "99999999999999999999d",
            "9000000000000000000y",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_days("36h").is_err());
    }

    #[test]
    fn ages_are_told_in_two_units() {
        for (hours, text) in [
            (0.0, "0 min"),
            (-1.0, "0 min"),
            (0.5, "30 min"),
            (40.0 / 60.0, "40 min"),
            (5.0 + 1.0 / 3.0, "5 h 20 min"),
            (24.0, "24 h"),
            (24.011_111, "24 h"),
            (36.0, "36 h"),
            (36.5, "36 h 30 min"),
            (48.0, "2 d"),
            (48.5, "2 d"),
            (609.9, "25 d 9 h"),
            (876_000.0, "36500 d"),
        ] {
            assert_eq!(age_of_hours(hours), text, "{hours}");
        }
    }

    #[test]
    fn prints_the_largest_unit_that_divides() {
        assert_eq!(human(TimeDelta::hours(24)), "24h");
        assert_eq!(human(TimeDelta::days(35)), "35d");
        assert_eq!(human(TimeDelta::seconds(61)), "61s");
    }

    #[test]
    fn ages_have_two_units_at_most() {
        for (minutes, words) in [
            (0, "0 min"),
            (12, "12 min"),
            (300, "5 h"),
            (31 * 60 + 20, "31 h 20 min"),
            (47 * 60 + 59, "47 h 59 min"),
            (48 * 60 + 59, "2 d"),
            (25 * 24 * 60 + 9 * 60 + 1, "25 d 9 h"),
        ] {
            assert_eq!(age(TimeDelta::minutes(minutes)), words);
        }
        assert_eq!(age(TimeDelta::seconds(-1)), "0 min");
    }
}
