//! Digests of items, and their sum, which is the digest of a table.

use ring::digest::{SHA256, digest};

use crate::text::hex;

/// SHA-256 of the canonical form of an item or of a key.
pub(super) type Hash = [u8; 32];

/// SHA-256 of some bytes.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Number and sum of digests of items, modulo 2^256: whatever their order, the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Items.
    pub(super) items: u64,
    /// Least significant part first.
    sum: [u64; 4],
}

impl Tally {
    /// Takes one more item.
    pub(super) fn add(&mut self, hash: &Hash) {
        let mut parts = [0; 4];
        // Digests are read as big-endian numbers.
        for (part, bytes) in parts.iter_mut().zip(hash.rchunks_exact(8)) {
            *part = bytes.iter().fold(0, |part, byte| part << 8 | u64::from(*byte));
        }
        self.merge(&Self { items: 1, sum: parts });
    }

    /// Takes the items of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.items += other.items;
        let mut carry = false;
        for (part, more) in self.sum.iter_mut().zip(other.sum) {
            let (sum, over) = part.overflowing_add(more);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*part, carry) = (sum, over || over_again);
        }
    }

    /// The sum as 64 hexadecimal digits, the most significant first.
    pub(super) fn digest(&self) -> String {
        let bytes: Vec<u8> = self.sum.iter().rev().flat_map(|part| part.to_be_bytes()).collect();
        hex(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_smithy_types::Blob;
    use proptest::prelude::*;

    use super::super::canonical::{Item, item};
    use super::*;

    fn tally(items: &[Item]) -> Tally {
        let mut tally = Tally::default();
        for one in items {
            tally.add(&hash(&item(one).expect("an item")));
        }
        tally
    }

    #[test]
    fn a_sum_is_what_the_documentation_says() {
        assert_eq!(tally(&[]).digest(), "0".repeat(64));
        // Alone it is the digest itself; twice the highest bit is carried away.
        let mut one = Tally::default();
        one.add(&[0xff; 32]);
        assert_eq!(one.digest(), "f".repeat(64));
        one.add(&[0xff; 32]);
        assert_eq!(one.digest(), "f".repeat(63) + "e");
        assert_eq!(one.items, 2);
        let mut carried = Tally::default();
        carried.add(&[0xff; 32]);
        let mut unit = [0; 32];
        unit[31] = 1;
        carried.add(&unit);
        assert_eq!(carried.digest(), "0".repeat(64));
    }

    /// A value, and the same in another spelling: members of maps and sets in another order, numbers with zeros at their ends.
    fn spelled() -> impl Strategy<Value = (AttributeValue, AttributeValue)> {
        fn same(value: AttributeValue) -> (AttributeValue, AttributeValue) {
            (value.clone(), value)
        }
        let number = (any::<i64>(), 0_usize..4, any::<bool>());
        let number = number.prop_map(|(whole, zeros, by_power)| {
            let other = match by_power {
                true => format!("{whole}{}E-{zeros}", "0".repeat(zeros)),
                false => format!("{whole}.{}", "0".repeat(zeros + 1)),
            };
            (whole.to_string(), other)
        });
        let leaf = prop_oneof![
            "[a-z]{0,6}".prop_map(AttributeValue::S).prop_map(same),
            number
                .clone()
                .prop_map(|(one, other)| (AttributeValue::N(one), AttributeValue::N(other))),
            proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| same(AttributeValue::B(Blob::new(bytes)))),
            any::<bool>().prop_map(AttributeValue::Bool).prop_map(same),
            Just(same(AttributeValue::Null(true))),
            proptest::collection::btree_set("[a-z]{0,3}", 1..5).prop_map(|members| {
                let members: Vec<String> = members.into_iter().collect();
                let turned = members.iter().rev().cloned().collect();
                (AttributeValue::Ss(members), AttributeValue::Ss(turned))
            }),
            proptest::collection::btree_map(any::<i32>(), 0_usize..3, 1..5).prop_map(|members| {
                let one = members.keys().map(ToString::to_string).collect();
                let other = members
                    .iter()
                    .rev()
                    .map(|(number, zeros)| format!("{number}.{}0", "0".repeat(*zeros)));
                (AttributeValue::Ns(one), AttributeValue::Ns(other.collect()))
            }),
            proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 0..3), 1..4).prop_map(|members| {
                let members: Vec<Blob> = members.into_iter().map(Blob::new).collect();
                let turned = members.iter().rev().cloned().collect();
                (AttributeValue::Bs(members), AttributeValue::Bs(turned))
            }),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|members| {
                    let (one, other) = members.into_iter().unzip();
                    (AttributeValue::L(one), AttributeValue::L(other))
                }),
                proptest::collection::btree_map("[a-z]{1,3}", inner, 0..4).prop_map(|members| {
                    let one = members
                        .iter()
                        .map(|(name, (one, _))| (name.clone(), one.clone()))
                        .collect();
                    let other = members
                        .into_iter()
                        .rev()
                        .map(|(name, (_, other))| (name, other))
                        .collect();
                    (AttributeValue::M(one), AttributeValue::M(other))
                }),
            ]
        })
    }

    /// Items with keys of their own, each in two spellings.
    fn items() -> impl Strategy<Value = Vec<(Item, Item)>> {
        let attributes = proptest::collection::btree_map("[b-z]{1,4}", spelled(), 0..5);
        proptest::collection::vec(attributes, 1..12).prop_map(|items| {
            let with_key = |(number, attributes): (usize, std::collections::BTreeMap<String, _>)| {
                let key = |text: String| ("a".to_owned(), AttributeValue::N(text));
                let (mut one, mut other) = (HashMap::new(), HashMap::new());
                one.extend([key(number.to_string())]);
                other.extend([key(format!("{number}.0"))]);
                for (name, (value, spelled)) in attributes {
                    one.insert(name.clone(), value);
                    other.insert(name, spelled);
                }
                (one, other)
            };
            items.into_iter().enumerate().map(with_key).collect()
        })
    }

    /// The same text as another type.
    fn swapped(value: &AttributeValue) -> AttributeValue {
        match value {
            AttributeValue::S(text) => AttributeValue::B(Blob::new(text.as_bytes())),
            AttributeValue::N(text) => AttributeValue::S(text.clone()),
            AttributeValue::B(bytes) => AttributeValue::S(String::from_utf8_lossy(bytes.as_ref()).into_owned()),
            AttributeValue::Bool(_) => AttributeValue::Null(true),
            AttributeValue::Null(_) => AttributeValue::Bool(true),
            AttributeValue::Ss(members) => AttributeValue::L(members.iter().cloned().map(AttributeValue::S).collect()),
            AttributeValue::Ns(members) => AttributeValue::Ss(members.clone()),
            AttributeValue::Bs(members) => AttributeValue::L(members.iter().cloned().map(AttributeValue::B).collect()),
            AttributeValue::L(members) => AttributeValue::M(
                members
                    .iter()
                    .enumerate()
                    .map(|(place, member)| (place.to_string(), member.clone()))
                    .collect(),
            ),
            AttributeValue::M(members) => AttributeValue::L(members.values().cloned().collect()),
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn order_segments_and_spelling_do_not_matter(items in items(), cut in any::<prop::sample::Index>()) {
            let (ones, others): (Vec<Item>, Vec<Item>) = items.into_iter().unzip();
            let whole = tally(&ones);
            let turned: Vec<Item> = others.into_iter().rev().collect();
            prop_assert_eq!(whole, tally(&turned));
            let (first, second) = ones.split_at(cut.index(ones.len()));
            let mut in_parts = tally(second);
            in_parts.merge(&tally(first));
            prop_assert_eq!(whole.digest(), in_parts.digest());
            prop_assert_eq!(whole.items, in_parts.items);
        }

        #[test]
        fn what_is_lost_doubled_changed_or_of_another_type_shows(items in items(), place in any::<prop::sample::Index>()) {
            let items: Vec<Item> = items.into_iter().map(|(one, _)| one).collect();
            let (whole, place) = (tally(&items), place.index(items.len()));
            let mut lost = items.clone();
            lost.remove(place);
            let mut doubled = items.clone();
            doubled.push(items[place].clone());
            let mut replaced = lost.clone();
            replaced.push(items[(place + 1) % items.len()].clone());
            for name in items[place].keys().cloned().collect::<Vec<_>>() {
                let mut other = items.clone();
                let value = swapped(&items[place][&name]);
                other[place].insert(name.clone(), value);
                prop_assert_ne!(whole.digest(), tally(&other).digest(), "{}", name);
                other[place].remove(&name);
                prop_assert_ne!(whole.digest(), tally(&other).digest(), "{}", name);
            }
            prop_assert_ne!(whole.digest(), tally(&lost).digest());
            prop_assert_ne!(whole.digest(), tally(&doubled).digest());
            if items.len() > 1 {
                prop_assert_ne!(whole.digest(), tally(&replaced).digest());
            }
        }
    }
}
