//! The canonical form of DynamoDB's values: equal values give equal bytes, and others do not.
//!
//! One byte for the type, four for the length (big-endian), then the content. Defined for others in `docs/drills.md`, "The
//! digest", which the outside tests hold against this.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// The attributes of an item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The canonical form of an item, or of the key attributes of one: that of a map.
///
/// Errors: something in it is of no known type, or is not what its type says; in words.
pub(super) fn item(item: &Item) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(1024);
    map(item.iter(), &mut bytes)?;
    Ok(bytes)
}

/// The canonical form of an item's key.
///
/// Errors: it lacks an attribute of the key; those of [`item`].
pub(super) fn key(of: &Item, names: &[String]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(64);
    map(key_members(of, names)?.into_iter(), &mut bytes)?;
    Ok(bytes)
}

/// The attributes of an item's key.
///
/// Errors: one is missing.
pub(super) fn key_members<'i>(of: &'i Item, names: &[String]) -> Result<Vec<(&'i String, &'i AttributeValue)>, String> {
    let member = |name: &String| {
        of.get_key_value(name).ok_or_else(|| {
            format!(
                "the answer holds an item without its key `{}`",
                crate::text::one_line(name)
            )
        })
    };
    names.iter().map(member).collect()
}

fn map<'i>(members: impl Iterator<Item = (&'i String, &'i AttributeValue)>, bytes: &mut Vec<u8>) -> Result<(), String> {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
    framed(b'M', bytes, |bytes| {
        members.into_iter().try_for_each(|(name, member)| {
            text(b'K', name.as_bytes(), bytes);
            value(member, bytes)
        })
    })
}

fn value(of: &AttributeValue, bytes: &mut Vec<u8>) -> Result<(), String> {
    match of {
        AttributeValue::S(content) => text(b'S', content.as_bytes(), bytes),
        AttributeValue::N(content) => text(b'N', number(content)?.as_bytes(), bytes),
        AttributeValue::B(content) => text(b'B', content.as_ref(), bytes),
        AttributeValue::Bool(true) => text(b'T', &[], bytes),
        AttributeValue::Bool(false) => text(b'F', &[], bytes),
        AttributeValue::Null(true) => text(b'0', &[], bytes),
        AttributeValue::L(members) => {
            return framed(b'L', bytes, |bytes| {
                members.iter().try_for_each(|member| value(member, bytes))
            });
        }
        AttributeValue::M(members) => return map(members.iter(), bytes),
        AttributeValue::Ss(members) => set(b's', b'S', members.iter().map(|member| Ok(member.as_bytes())), bytes)?,
        AttributeValue::Ns(members) => set(b'n', b'N', members.iter().map(|member| number(member)), bytes)?,
        AttributeValue::Bs(members) => set(b'b', b'B', members.iter().map(|member| Ok(member.as_ref())), bytes)?,
        other => {
            let what = match other {
                AttributeValue::Null(_) => "a `NULL` that is false",
                _ => "a value of a type that is not known",
            };
            return Err(format!("the answer holds {what}"));
        }
    }
    Ok(())
}

/// Members in the order of their canonical bytes.
fn set<T: AsRef<[u8]>>(
    kind: u8,
    of: u8,
    members: impl Iterator<Item = Result<T, String>>,
    bytes: &mut Vec<u8>,
) -> Result<(), String> {
    let canonical = |member: Result<T, String>| {
        let mut bytes = Vec::new();
        text(of, member?.as_ref(), &mut bytes);
        Ok::<_, String>(bytes)
    };
    let mut members: Vec<Vec<u8>> = members.map(canonical).collect::<Result<_, _>>()?;
    members.sort_unstable();
    framed(kind, bytes, |bytes| {
        members.iter().for_each(|member| bytes.extend_from_slice(member));
        Ok(())
    })
}

fn text(kind: u8, content: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(kind);
    bytes.extend_from_slice(&length(content.len()));
    bytes.extend_from_slice(content);
}

/// Writes a value whose length is known once its content is written.
fn framed(
    kind: u8,
    bytes: &mut Vec<u8>,
    content: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    bytes.push(kind);
    let at = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    content(bytes)?;
    let written = length(bytes.len() - at - 4);
    bytes[at..at + 4].copy_from_slice(&written);
    Ok(())
}

/// An item has 400 KB at most, so that four bytes are enough.
fn length(of: usize) -> [u8; 4] {
    u32::try_from(of)
        .expect("an answer of DynamoDB is below 4 GiB")
        .to_be_bytes()
}

/// The normal form of a number: `-`, if it is below zero; its digits without zeros at either end; `E`; the power of ten that
/// they are multiplied by. Zero is `0`.
///
/// Errors: it is no number.
pub(super) fn number(text: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "the answer holds a number that cannot be read: `{}`",
            crate::text::one_line(text)
        )
    };
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let (mantissa, power) = match rest.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| wrong())?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let shortened = digits.trim_end_matches('0');
    let trailing = digits.len() - shortened.len();
    let shortened = shortened.trim_start_matches('0');
    if shortened.is_empty() {
        return Ok("0".to_owned());
    }
    // No text of an answer is so long that this overflows.
    let power = i64::from(power) + trailing as i64 - fraction.len() as i64;
    Ok(format!("{sign}{shortened}E{power}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(of: &AttributeValue) -> Vec<u8> {
        let mut bytes = Vec::new();
        value(of, &mut bytes).expect("a value");
        bytes
    }

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    #[test]
    fn every_type_has_the_form_that_is_documented() {
        let blob = |bytes: &[u8]| aws_smithy_types::Blob::new(bytes);
        for (of, expected) in [
            (AttributeValue::S(String::new()), "S\0\0\0\0".to_owned()),
            (AttributeValue::S("é".to_owned()), "S\0\0\0\u{2}é".to_owned()),
            (n("-12.50"), "N\0\0\0\u{7}-125E-1".to_owned()),
            (AttributeValue::B(blob(b"")), "B\0\0\0\0".to_owned()),
            (AttributeValue::Bool(true), "T\0\0\0\0".to_owned()),
            (AttributeValue::Bool(false), "F\0\0\0\0".to_owned()),
            (AttributeValue::Null(true), "0\0\0\0\0".to_owned()),
            (AttributeValue::L(Vec::new()), "L\0\0\0\0".to_owned()),
            (AttributeValue::M(HashMap::new()), "M\0\0\0\0".to_owned()),
            (
                AttributeValue::Ns(vec!["20".to_owned(), "3".to_owned()]),
                "n\0\0\0\u{10}N\0\0\0\u{3}2E1N\0\0\0\u{3}3E0".to_owned(),
            ),
            (
                AttributeValue::Ss(vec!["b".to_owned(), "a".to_owned()]),
                "s\0\0\0\u{c}S\0\0\0\u{1}aS\0\0\0\u{1}b".to_owned(),
            ),
            (
                AttributeValue::Bs(vec![blob(b"x")]),
                "b\0\0\0\u{6}B\0\0\0\u{1}x".to_owned(),
            ),
            (
                AttributeValue::M(HashMap::from([("b".to_owned(), n("1")), ("a".to_owned(), n("0"))])),
                "M\0\0\0\u{1a}K\0\0\0\u{1}aN\0\0\0\u{1}0K\0\0\0\u{1}bN\0\0\0\u{3}1E0".to_owned(),
            ),
        ] {
            assert_eq!(String::from_utf8(bytes(&of)).expect("text"), expected, "{of:?}");
        }
    }

    #[test]
    fn numbers_have_one_form_for_every_spelling() {
        let most = "9.9999999999999999999999999999999999999E+125";
        for (spellings, form) in [
            (&["0", "-0", "0.000", "0E10", "+0"][..], "0"),
            (&["1", "1.0", "+1", "01", "10E-1", "0.1e1", "1."], "1E0"),
            (&["100", "1E2", "1e+2", "100.00"], "1E2"),
            (&["-0.5", "-.5", "-5E-1", "-00.50"], "-5E-1"),
            (&[most], "99999999999999999999999999999999999999E88"),
            (
                &["12345678901234567890123456789012345678"],
                "12345678901234567890123456789012345678E0",
            ),
            (&["1E-130"], "1E-130"),
        ] {
            for spelling in spellings {
                assert_eq!(number(spelling).as_deref(), Ok(form), "{spelling}");
            }
        }
        // The last of 38 digits counts.
        assert_ne!(
            number("12345678901234567890123456789012345678"),
            number("12345678901234567890123456789012345679")
        );
        for wrong in [
            "",
            "-",
            "+",
            "1,5",
            "NaN",
            "Infinity",
            "0x1",
            "1e",
            "1.2.3",
            "1e99999999999",
            "--1",
            "１",
        ] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_form() {
        let mut bytes = Vec::new();
        for wrong in [AttributeValue::Null(false), n("x")] {
            assert!(value(&wrong, &mut bytes).is_err(), "{wrong:?}");
            let inside = AttributeValue::L(vec![AttributeValue::M(HashMap::from([("a".to_owned(), wrong)]))]);
            assert!(value(&inside, &mut bytes).is_err());
        }
        assert!(key(&Item::new(), &["id".to_owned()]).is_err());
    }
}
