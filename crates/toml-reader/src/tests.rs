//! Every kind of value, right and wrong, and the lines of mistakes.

use std::collections::BTreeSet;

use super::*;

/// The mistakes of a file of which `read` makes nothing, each on one line.
fn mistakes(text: &str, read: impl FnOnce(&Section<'_>)) -> Vec<String> {
    let (_, mistakes) = super::read("f.toml", text, read);
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#"
        word = "a"
        whole = 0x10
        fraction = 1.5
        flag = true
        day = 2027-06-30
        quoted-day = "2027-06-30"
        instant = 2026-11-01T01:00:00+01:00
        quoted-instant = "2026-11-01T00:00:00Z"
        words = ["a", "b"]
        tags = { team = "pay" }
        [one]
        name = "x"
        [[many]]
        name = "y"
        [named."a/b"]
        name = "z"
    "#;
    let found = mistakes(text, |root| {
        let name = |section: &Section<'_>| {
            let name = section.needed("name");
            section.finish();
            name.unwrap()
        };
        assert_eq!(root.text("word").as_deref(), Some("a"));
        assert_eq!(root.integer("whole").map(|number| number.value), Some(16));
        assert_eq!((root.number("whole"), root.number("fraction")), (Some(16.0), Some(1.5)));
        assert_eq!(root.boolean("flag"), Some(true));
        let days = [root.date("day"), root.date("quoted-day")];
        assert_eq!(days.map(|day| day.unwrap().value.to_string()), ["2027-06-30"; 2]);
        let instants = [root.instant("instant"), root.instant("quoted-instant")];
        assert_eq!(
            instants.map(|at| at.unwrap().to_rfc3339()),
            ["2026-11-01T00:00:00+00:00"; 2]
        );
        let words: Vec<String> = root
            .strings("words")
            .unwrap()
            .into_iter()
            .map(|word| word.value)
            .collect();
        assert_eq!(words, ["a", "b"]);
        assert_eq!(root.string_map("tags").unwrap()["team"], "pay");
        assert_eq!(name(&root.section("one").unwrap()), "x");
        assert_eq!(root.sections("many").iter().map(name).collect::<Vec<_>>(), ["y"]);
        let named = root.named_sections("named");
        assert_eq!((named[0].0.as_str(), name(&named[0].1).as_str()), ("a/b", "z"));
        assert!(root.text("nothing").is_none() && root.sections("none").is_empty());
    });
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn what_is_of_another_kind_is_said_where_it_stands() {
    let text = "word = 1\nwhole = 'a'\nfraction = inf\nflag = 1.5\nday = 'soon'\nat = 2026-11-01\nwords = [\n'a',\n2]\n\
                tags = { a = 1 }\none = []\nmany = [1]\nnamed = { a = 1 }\nhuge = 99999999999999999999\n";
    let found = mistakes(text, |root| {
        root.text("word");
        root.integer("whole");
        root.number("fraction");
        root.boolean("flag");
        root.date("day");
        root.instant("at");
        root.strings("words");
        root.string_map("tags");
        root.section("one");
        root.sections("many");
        root.named_sections("named");
        root.integer("huge");
    });
    assert_eq!(
        found,
        [
            "f.toml:1: `word` must be a string; it is a whole number; write it in quotes: `word = \"1\"`",
            "f.toml:2: `whole` must be a whole number; it is a string; write it like `whole = 5`",
            "f.toml:3: `fraction` must be a number; it is a number with fraction; write it like `fraction = 5`",
            "f.toml:4: `flag` must be true or false; it is a number with fraction; write `flag = true` or `flag = false`, without quotes",
            "f.toml:5: `day` is not a date; it is `soon`; write year, month and day of a day that exists, like `2027-06-30`",
            "f.toml:6: `at` is not an instant; it is `2026-11-01`; write day, time and offset, like `2026-11-01T00:00:00Z`",
            "f.toml:9: `words` must be a list of strings; it is a whole number; write it as a list: `words = [\"2\"]`",
            "f.toml:10: `tags.a` must be a string; it is a whole number; write it in quotes: `a = \"1\"`",
            "f.toml:11: `one` must be a table; it is a list; write `[one]` on a line of its own, and its keys below it",
            "f.toml:12: `many` must be a list of tables; it is a whole number; write `[[many]]` on a line of its own, and its keys below it",
            "f.toml:13: `named.a` must be a table; it is a whole number; write `[named.a]` on a line of its own, and its keys below it",
            "f.toml:14: `huge` must be a whole number of at most 64 bits; it is a whole number",
        ]
    );
}

#[test]
fn unknown_and_missing_keys_are_said() {
    let text = "colour = 'red'\nquite-other = 1\n[[table]]\nnmae = 'x'\n";
    let found = mistakes(text, |root| {
        root.text("color");
        for section in root.sections("table") {
            section.needed("name");
            section.finish();
        }
    });
    assert_eq!(
        found,
        [
            "f.toml:1: `colour` is not a setting; did you mean `color`?",
            "f.toml:2: `quite-other` is not a setting; the keys here are `color` and `table`",
            "f.toml:3: `table.name` is missing; add `name = …` here",
            "f.toml:4: `table.nmae` is not a setting; did you mean `name`?",
        ]
    );
}

#[test]
fn text_that_is_no_toml_is_not_read_further() {
    let (value, mistakes) = super::read("f.toml", "a = \n[b\n", |_| ());
    assert_eq!(value, None);
    let lines: BTreeSet<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(
        lines,
        BTreeSet::from([2]),
        "one mistake at a time, since it may be what makes the others"
    );
    assert!(
        mistakes
            .iter()
            .all(|mistake| mistake.what == "could not parse `f.toml`" && !mistake.why.is_empty())
    );
}

#[test]
fn near_names_are_found_and_far_ones_are_not() {
    let known = ["latency-ms", "throttle-rate", "quota"];
    for (typed, near) in [
        ("latncy-ms", "did you mean `latency-ms`?"),
        ("throtlte-rate", "did you mean `throttle-rate`?"),
        ("qouta", "did you mean `quota`?"),
        ("speed", ""),
    ] {
        assert_eq!(did_you_mean(typed, known.into_iter()), near);
    }
    assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
}

#[test]
fn what_is_no_toml_is_said_with_what_may_be_meant() {
    for (text, hint) in [
        ("when = table_name\n", "text stands in quotes: `when = \"table_name\"`"),
        ("a = 1\nrpo = 24h # a day\n", "text stands in quotes: `rpo = \"24h\"`"),
        ("approved = 2026-13-01\n", "like `approved = 2027-06-30`"),
        ("expires = 30.06.2027\n", "like `expires = 2027-06-30`"),
    ] {
        let found = mistakes(text, |_| {});
        assert!(found.len() == 1 && found[0].contains(hint), "{found:?}");
    }
    assert!(!mistakes("a = [1\n", |_| {})[0].contains("quotes"));
}

#[test]
fn a_string_of_another_kind_is_shown_as_it_is_written() {
    let read = |root: &Section<'_>| {
        root.string_like("rpo", "24h");
        root.text("name");
        root.strings("regions");
        root.integer("max");
    };
    let found = mistakes("rpo = 24\nname = ['a']\nregions = 'eu-west-1'\nmax = '5'\n", read);
    let hints: Vec<&str> = found
        .iter()
        .filter_map(|line| line.rsplit_once("; ").map(|(_, hint)| hint))
        .collect();
    assert_eq!(
        hints,
        [
            "write it like `rpo = \"24h\"`",
            "write one text, without brackets: `name = \"a\"`",
            "write it as a list: `regions = [\"eu-west-1\"]`",
            "write it without quotes: `max = 5`",
        ]
    );
}
