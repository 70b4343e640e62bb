//! Texts that jobs of more than one kind fail with.

pub(crate) const KEY_UNUSABLE: &str = "KMS key is either disabled or pending deletion or access to KMS key is denied";
pub(crate) const TABLE_GONE: &str = "Table not found.";
