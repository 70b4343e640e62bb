//! Numbers of any spelling, as DynamoDB reads, measures and orders them.

use crate::call::ApiError;
use crate::dynamodb::errors;

/// Numbers have so many digits at most.
const MAX_DIGITS: usize = 38;

/// A decimal number: 0.digits × 10^exponent, without zeros at either end of the digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    negative: bool,
    exponent: i32,
    digits: Vec<u8>,
}

impl Number {
    /// Reads what DynamoDB takes as a number.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        let wrong = || errors::invalid(format!("The parameter cannot be converted to a numeric value: {text}"));
        let trimmed = text.trim();
        let (negative, rest) = match trimmed.as_bytes().first() {
            Some(b'-') => (true, &trimmed[1..]),
            Some(b'+') => (false, &trimmed[1..]),
            _ => (false, trimmed),
        };
        let (mantissa, power) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| wrong())?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if !all_digits || whole.len() + fraction.len() == 0 {
            return Err(wrong());
        }
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let trailing = digits[leading..].iter().rev().take_while(|digit| **digit == 0).count();
        let digits = digits[leading..digits.len() - trailing].to_vec();
        if digits.is_empty() {
            return Ok(Self {
                negative: false,
                exponent: 0,
                digits,
            });
        }
        if digits.len() > MAX_DIGITS {
            return Err(errors::invalid(
                "Attempting to store more than 38 significant digits in a Number",
            ));
        }
        let exponent = power.saturating_add(whole.len() as i32 - leading as i32);
        match exponent {
            127.. => Err(errors::invalid(
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            )),
            ..=-130 => Err(errors::invalid(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            )),
            _ => Ok(Self {
                negative,
                exponent,
                digits,
            }),
        }
    }

    /// Its significant digits.
    pub(crate) fn digits(&self) -> &[u8] {
        &self.digits
    }

    /// Bytes in the order of the numbers: negative ones first, the greater their magnitude the earlier.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        if self.digits.is_empty() {
            return vec![1];
        }
        let mut bytes = vec![if self.negative { 0 } else { 2 }];
        let exponent = (self.exponent + 0x4000) as u16;
        bytes.extend(exponent.to_be_bytes());
        bytes.extend(self.digits.iter().map(|digit| digit + 1));
        bytes.push(0);
        if self.negative {
            for byte in &mut bytes[1..] {
                *byte = !*byte;
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Vec<u8> {
        Number::read(text).unwrap().to_bytes()
    }

    #[test]
    fn numbers_compare_by_value() {
        let order = [
            "-1E20", "-100", "-99.5", "-1", "-0.001", "0", "1e-100", "0.5", "0.51", "1", "1.01", "9", "10", "123",
            "1e125",
        ];
        for pair in order.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        for (a, b) in [
            ("1", "1.0"),
            ("0", "-0.00"),
            ("100", "1e2"),
            ("+1", "01"),
            (".5", "0.50"),
            ("1200", "12E+2"),
        ] {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            "1,5",
            "0x1",
            "1e",
            "NaN",
            "1.2.3",
            "1e126",
            "1e-131",
            "123456789012345678901234567890123456789",
        ] {
            assert!(Number::read(text).is_err(), "{text}");
        }
        assert!(Number::read("12345678901234567890123456789012345678000").is_ok());
    }
}
