//! What repeats over findings, kept once: texts by number, messages as words with the facts they name, and findings that
//! differ in their table only as one kind.
//!
//! Nothing here interprets a message. A part of it becomes a reference to a fact where, and only where, the fact's value
//! as the page shows it stands there letter by letter, so that putting the values back gives the same message.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Number, Value};

use crate::domain::{FactValue, rfc3339, short_number};

/// Every text once. What refers to one holds its number.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, usize>,
    list: Vec<Arc<str>>,
}

impl Texts {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.list.push(Arc::clone(&text));
        self.numbers.insert(text, self.list.len() - 1);
        self.list.len() - 1
    }
}

impl Serialize for Texts {
    /// All of them, in order of number.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.list.iter().map(|text| &**text))
    }
}

/// Things that repeat, each once.
pub(super) struct Pool<T> {
    numbers: HashMap<T, usize>,
    pub(super) list: Vec<T>,
}

impl<T: Clone + Eq + std::hash::Hash> Pool<T> {
    pub(super) fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            list: Vec::new(),
        }
    }

    /// The number of a thing.
    pub(super) fn number(&mut self, one: T) -> usize {
        if let Some(number) = self.numbers.get(&one) {
            return *number;
        }
        self.list.push(one.clone());
        self.numbers.insert(one, self.list.len() - 1);
        self.list.len() - 1
    }
}

/// A text with facts in it: text, fact, text, fact, …, text; texts and facts by number. Facts below zero are what the
/// subject is: -1 its name, -2 its ARN, -3 its account, -4 its Region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Phrase {
    pub(super) first: usize,
    pub(super) rest: Vec<(i64, usize)>,
}

impl Serialize for Phrase {
    /// A number alone where there is no fact in it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.rest.is_empty() {
            return serializer.serialize_u64(self.first as u64);
        }
        let mut list = serializer.serialize_seq(Some(1 + 2 * self.rest.len()))?;
        list.serialize_element(&self.first)?;
        for (fact, text) in &self.rest {
            list.serialize_element(fact)?;
            list.serialize_element(text)?;
        }
        list.end()
    }
}

impl Phrase {
    /// Finds the values of facts in a text. Where several facts have the same value, the one that follows the last one
    /// found is taken: messages name facts in the order of `facts`.
    pub(super) fn of(text: &str, facts: &[(i64, Cow<'_, str>)], texts: &mut Texts) -> Self {
        let is_inside = |before: Option<char>, after: Option<char>| {
            before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
        };
        let fits = |at: usize, value: &str| {
            let rest = &text[at..];
            rest.starts_with(value)
                && !is_inside(text[..at].chars().next_back(), value.chars().next())
                && !is_inside(value.chars().next_back(), rest[value.len()..].chars().next())
        };
        // Most places cannot begin a value: the first byte tells. It is never one from the middle of a character.
        let mut begins = [false; 256];
        for (_, value) in facts {
            if let Some(first) = value.bytes().next() {
                begins[usize::from(first)] = true;
            }
        }
        let (mut words, mut found) = (Vec::new(), Vec::new());
        let (mut start, mut at, mut next) = (0, 0, 0);
        while let Some(byte) = text.as_bytes().get(at) {
            let order = (next..facts.len()).chain(0..next.min(facts.len()));
            let fact = if begins[usize::from(*byte)] {
                let mut order = order.filter(|number| !facts[*number].1.is_empty());
                order.find(|number| fits(at, &facts[*number].1))
            } else {
                None
            };
            match fact {
                Some(number) => {
                    words.push(&text[start..at]);
                    found.push(facts[number].0);
                    at += facts[number].1.len();
                    start = at;
                    next = number + 1;
                }
                None => at += 1,
            }
        }
        words.push(&text[start..]);
        let mut words = words.into_iter().map(|word| texts.number(word));
        let first = words.next().unwrap_or_default();
        Self {
            first,
            rest: found.into_iter().zip(words).collect(),
        }
    }
}

/// All that findings may have in common but their table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) rule: Option<usize>,
    pub(super) verdict: usize,
    pub(super) severity: usize,
    /// It decides.
    pub(super) is_required: bool,
    /// The place of its question.
    pub(super) question: usize,
    pub(super) waived: bool,
    /// Text: the waiver's id.
    pub(super) waiver: Option<usize>,
    pub(super) message: Phrase,
    /// The facts that the rule read.
    pub(super) reads: Vec<usize>,
    /// Lines for the AWS CLI that ask again.
    pub(super) commands: Vec<Phrase>,
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (
            self.rule,
            self.verdict,
            self.severity,
            u8::from(self.waived),
            self.waiver,
            &self.message,
            &self.reads,
            &self.commands,
            u8::from(self.is_required),
            self.question,
        )
            .serialize(serializer)
    }
}

/// A value as the page's script shows it, if that is letter by letter what every other format shows; none for numbers
/// beyond what a script can count.
pub(super) fn shown(value: &FactValue) -> Option<Cow<'_, str>> {
    match value {
        FactValue::Int(number) if number.unsigned_abs() >= 1 << 53 => None,
        FactValue::Float(number) if number.abs() >= 1e15 || short_number(*number) == "-0" => None,
        FactValue::Time(at) if !(0..=253_402_300_799).contains(&at.timestamp()) => None,
        FactValue::Text(text) => Some(Cow::Borrowed(text)),
        value => Some(Cow::Owned(value.to_string())),
    }
}

/// A value for the script, as it is: a number with at most two decimals, a truth, a text; of a null its cause in a list.
pub(super) fn plain(value: &FactValue) -> Value {
    match value {
        FactValue::Null(cause) => Value::from(vec![cause.to_string()]),
        FactValue::Bool(flag) => Value::Bool(*flag),
        FactValue::Int(_) | FactValue::Float(_) if shown(value).is_none() => Value::String(value.to_string()),
        FactValue::Int(number) => Value::from(*number),
        FactValue::Float(number) => short(*number),
        FactValue::Text(text) => Value::String(text.to_string()),
        FactValue::Time(at) => Value::String(rfc3339(*at)),
    }
}

/// A number as [`short_number`] writes it.
pub(super) fn short(number: f64) -> Value {
    let text = short_number(number);
    let whole = text.parse::<i64>().ok().map(Value::from);
    let broken = || text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number);
    whole.or_else(broken).unwrap_or(Value::String(text.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(phrase: &Phrase, facts: &[(i64, Cow<'_, str>)], texts: &Texts) -> String {
        let mut text = texts.list[phrase.first].to_string();
        for (fact, word) in &phrase.rest {
            text.push_str(&facts.iter().find(|(number, _)| number == fact).expect("a fact").1);
            text.push_str(&texts.list[*word]);
        }
        text
    }

    #[test]
    fn messages_that_differ_in_their_values_become_one_phrase() {
        let mut texts = Texts::default();
        let facts = |failed: &str, all: &str| {
            vec![
                (3, Cow::Owned(failed.to_owned())),
                (4, all.to_owned().into()),
                (5, "0".into()),
                (6, "none".into()),
            ]
        };
        let zero = "0 of 30 finished jobs failed (0 aborted); last failure: none";
        let some = "17 of 60 finished jobs failed (0 aborted); last failure: none";
        let of_zero = Phrase::of(zero, &facts("0", "30"), &mut texts);
        let of_some = Phrase::of(some, &facts("17", "60"), &mut texts);
        assert_eq!(of_zero, of_some);
        assert_eq!(
            of_some.rest.iter().map(|(fact, _)| *fact).collect::<Vec<_>>(),
            [3, 4, 5, 6]
        );
        assert_eq!(back(&of_some, &facts("17", "60"), &texts), some);
    }

    #[test]
    fn a_value_inside_a_word_or_a_number_is_left_alone() {
        let mut texts = Texts::default();
        let facts = [(0, Cow::Borrowed("6"))];
        assert_eq!(Phrase::of("36 h, v6a, 16", &facts, &mut texts).rest, []);
        assert_eq!(Phrase::of("6 h old", &facts, &mut texts).rest.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn putting_the_values_back_gives_the_message(text in ".{0,40}", values in proptest::collection::vec(".{0,3}", 0..5)) {
            let facts: Vec<(i64, Cow<'_, str>)> = values.iter().zip(0..).map(|(value, fact)| (fact, value.into())).collect();
            let mut texts = Texts::default();
            let phrase = Phrase::of(&text, &facts, &mut texts);
            proptest::prop_assert_eq!(back(&phrase, &facts, &texts), text);
        }
    }

    #[test]
    fn numbers_are_shown_as_everywhere_else() {
        for number in [0.0, 36.0, 7.5, 0.251, -3.1, 1234.5678] {
            assert_eq!(short(number).to_string(), short_number(number));
        }
        assert_eq!(shown(&FactValue::Int(1 << 60)), None);
        assert_eq!(
            plain(&FactValue::Int(1 << 60)),
            Value::String("1152921504606846976".to_owned())
        );
    }
}
