//! IAM: the roles of each account, and what AWS Backup may do with them.

pub(crate) mod api;
pub(crate) mod state;
