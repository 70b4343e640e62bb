//! Expressions: conditions on keys, and whether an attribute exists.
//!
//! In: an expression with its names and values. Out: what it means for bytes of keys, or for the item that is there. Other
//! conditions are refused.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Bound;

use serde_json::{Map, Value};

use super::input::Input;
use crate::call::ApiError;
use crate::dynamodb::errors;
use crate::dynamodb::state::{Item, KeyAttribute, KeyKind, Keys, key};

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// An attribute or a function; `#` and `:` still in front.
    Word(String),
    Sign(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let in_word = |c: char| c.is_ascii_alphanumeric() || "_-.#:".contains(c);
        let length = if in_word(first) {
            rest.find(|c| !in_word(c)).unwrap_or(rest.len())
        } else if ["<=", ">=", "<>"].iter().any(|sign| rest.starts_with(sign)) {
            2
        } else if "=<>(),".contains(first) {
            1
        } else {
            return Err(syntax(first, text));
        };
        let (token, after) = rest.split_at(length);
        tokens.push(if in_word(first) {
            Token::Word(token.to_owned())
        } else {
            Token::Sign(token.to_owned())
        });
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn syntax(token: impl std::fmt::Display, near: &str) -> ApiError {
    errors::invalid(format!(
        "Invalid expression: Syntax error; token: \"{token}\", near: \"{near}\""
    ))
}

/// Expression attribute names and values, and which of them were used.
struct Names<'a> {
    names: Option<&'a Map<String, Value>>,
    values: Option<&'a Map<String, Value>>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Names<'a> {
    fn of(input: &'a Input) -> Result<Self, ApiError> {
        Ok(Self {
            names: input.object("ExpressionAttributeNames")?,
            values: input.object("ExpressionAttributeValues")?,
            used: RefCell::default(),
        })
    }

    fn name<'n>(&'n self, word: &'n str) -> Result<&'n str, ApiError> {
        if !word.starts_with('#') {
            return Ok(word);
        }
        self.used.borrow_mut().insert(word.to_owned());
        self.names.and_then(|names| names.get(word)?.as_str()).ok_or_else(|| {
            errors::invalid(format!(
                "Invalid expression: An expression attribute name used in the document path is not defined; attribute name: {word}"
            ))
        })
    }

    fn value(&self, token: Option<&Token>) -> Result<&'a Value, ApiError> {
        let Some(Token::Word(word)) = token.filter(|token| matches!(token, Token::Word(word) if word.starts_with(':')))
        else {
            return Err(errors::invalid(
                "Invalid expression: a value has to be given in ExpressionAttributeValues",
            ));
        };
        self.used.borrow_mut().insert(word.clone());
        self.values.and_then(|values| values.get(word)).ok_or_else(|| {
            errors::invalid(format!(
                "Invalid expression: An expression attribute value used in expression is not defined; attribute value: {word}"
            ))
        })
    }

    /// DynamoDB refuses what no expression uses.
    fn all_used(&self) -> Result<(), ApiError> {
        let used = self.used.borrow();
        for (given, member) in [
            (self.names, "ExpressionAttributeNames"),
            (self.values, "ExpressionAttributeValues"),
        ] {
            if let Some(unused) = given.into_iter().flat_map(Map::keys).find(|key| !used.contains(*key)) {
                return Err(errors::invalid(format!(
                    "Value provided in {member} unused in expressions: keys: {{{unused}}}"
                )));
            }
        }
        Ok(())
    }
}

/// Which keys a query asks for.
#[derive(Debug)]
pub(super) struct KeyCondition {
    /// The bytes that all of its keys begin with.
    pub(super) partition: Vec<u8>,
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
    prefix: Vec<u8>,
}

impl KeyCondition {
    /// True if the range key, in bytes, is asked for.
    pub(super) fn takes(&self, range: &[u8]) -> bool {
        let low = match &self.from {
            Bound::Included(from) => range >= from.as_slice(),
            Bound::Excluded(from) => range > from.as_slice(),
            Bound::Unbounded => true,
        };
        let high = match &self.to {
            Bound::Included(to) => range <= to.as_slice(),
            Bound::Excluded(to) => range < to.as_slice(),
            Bound::Unbounded => true,
        };
        low && high && range.starts_with(&self.prefix)
    }
}

/// Reads `KeyConditionExpression`: equality of the hash key, and at most one condition on the range key.
pub(super) fn key_condition(keys: &Keys, input: &Input) -> Result<KeyCondition, ApiError> {
    let text = input.text("KeyConditionExpression")?.ok_or_else(|| {
        errors::invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        )
    })?;
    let names = Names::of(input)?;
    let mut condition = KeyCondition {
        partition: Vec::new(),
        from: Bound::Unbounded,
        to: Bound::Unbounded,
        prefix: Vec::new(),
    };
    let mut ranges = 0;
    for part in parts(tokens(text)?) {
        let (attribute, test) = read_test(&part, keys, &names, text)?;
        match (attribute.name == keys.hash.name, test) {
            (true, Test::Compare(sign, value)) if sign == "=" && condition.partition.is_empty() => {
                condition.partition = key::partition(&value);
            }
            (true, _) => return Err(errors::invalid("Query key condition not supported")),
            (false, test) => {
                ranges += 1;
                condition.narrow(test)?;
            }
        }
    }
    if condition.partition.is_empty() {
        return Err(errors::invalid(format!(
            "Query condition missed key schema element: {}",
            keys.hash.name
        )));
    }
    if ranges > 1 {
        return Err(errors::invalid(
            "KeyConditionExpressions must only contain one condition per key",
        ));
    }
    names.all_used()?;
    Ok(condition)
}

/// One condition on one key attribute.
enum Test {
    Compare(String, Vec<u8>),
    Between(Vec<u8>, Vec<u8>),
    BeginsWith(Vec<u8>),
}

impl KeyCondition {
    fn narrow(&mut self, test: Test) -> Result<(), ApiError> {
        match test {
            Test::BeginsWith(prefix) => self.prefix = prefix,
            Test::Between(from, to) if from > to => {
                return Err(errors::invalid(
                    "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound",
                ));
            }
            Test::Between(from, to) => (self.from, self.to) = (Bound::Included(from), Bound::Included(to)),
            Test::Compare(sign, value) => match sign.as_str() {
                "=" => (self.from, self.to) = (Bound::Included(value.clone()), Bound::Included(value)),
                "<" => self.to = Bound::Excluded(value),
                "<=" => self.to = Bound::Included(value),
                ">" => self.from = Bound::Excluded(value),
                ">=" => self.from = Bound::Included(value),
                _ => return Err(errors::invalid("Invalid operator used in KeyConditionExpression: <>")),
            },
        }
        Ok(())
    }
}

fn read_test<'k>(
    part: &[Token],
    keys: &'k Keys,
    names: &Names<'_>,
    text: &str,
) -> Result<(&'k KeyAttribute, Test), ApiError> {
    let attribute = |token: Option<&Token>| match token {
        Some(Token::Word(word)) => {
            let name = names.name(word)?;
            let found = keys.attributes().find(|attribute| attribute.name == name);
            found.ok_or_else(|| {
                errors::invalid("Query condition missed key schema element: ".to_owned() + &keys.hash.name)
            })
        }
        other => Err(syntax(other.map_or("<EOF>", Token::text), text)),
    };
    let words: Vec<&str> = part.iter().map(Token::text).collect();
    match words.as_slice() {
        ["begins_with", "(", _, ",", _, ")"] => {
            let key = attribute(part.get(2))?;
            if key.kind == KeyKind::N {
                return Err(errors::invalid(
                    "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
                ));
            }
            Ok((key, Test::BeginsWith(key::content(key, names.value(part.get(4))?)?)))
        }
        [_, between, _, and, _] if is(between, "between") && is(and, "and") => {
            let key = attribute(part.first())?;
            let bytes = |at: usize| key::content(key, names.value(part.get(at))?);
            Ok((key, Test::Between(bytes(2)?, bytes(4)?)))
        }
        [_, sign @ ("=" | "<" | "<=" | ">" | ">=" | "<>"), _] => {
            let key = attribute(part.first())?;
            Ok((
                key,
                Test::Compare((*sign).to_owned(), key::content(key, names.value(part.get(2))?)?),
            ))
        }
        _ => Err(syntax(words.first().unwrap_or(&"<EOF>"), text)),
    }
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
        }
    }
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

/// Splits at every AND that belongs to no BETWEEN, and takes parentheses around parts away.
fn parts(tokens: Vec<Token>) -> Vec<Vec<Token>> {
    let mut parts = vec![Vec::new()];
    let mut between = false;
    for token in tokens {
        let word = token.text();
        if is(word, "and") && !between {
            parts.push(Vec::new());
            continue;
        }
        between = (between || is(word, "between")) && !is(word, "and");
        if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    for part in &mut parts {
        while part.first().is_some_and(|token| token.text() == "(") {
            part.remove(0);
        }
        while part.iter().filter(|token| token.text() == ")").count()
            > part.iter().filter(|token| token.text() == "(").count()
        {
            match part.iter().rposition(|token| token.text() == ")") {
                Some(at) => part.remove(at),
                None => break,
            };
        }
    }
    parts
}

/// Checks `ConditionExpression` against the item that is there.
pub(super) fn check_write(input: &Input, existing: Option<&Item>) -> Result<(), ApiError> {
    let Some(text) = input.text("ConditionExpression")? else {
        return Ok(());
    };
    let names = Names::of(input)?;
    let mut holds = true;
    for part in parts(tokens(text)?) {
        let words: Vec<&str> = part.iter().map(Token::text).collect();
        let [function @ ("attribute_exists" | "attribute_not_exists"), "(", name, ")"] = words.as_slice() else {
            return Err(errors::not_simulated(
                "conditions other than attribute_exists and attribute_not_exists",
            ));
        };
        let exists = existing.is_some_and(|item| names.name(name).is_ok_and(|name| item.members().contains_key(name)));
        names.name(name)?;
        holds &= exists == (*function == "attribute_exists");
    }
    names.all_used()?;
    if holds { Ok(()) } else { Err(errors::condition_failed()) }
}
