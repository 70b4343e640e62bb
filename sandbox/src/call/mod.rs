//! One request and its answer, before any service looks at it.
//!
//! In: method, raw path, headers and body of an HTTP request. Out: the service that it is for and the caller it is from, taken
//! from the credential scope of its signature, and answers and errors in the service's own protocol.

mod error;
mod form;
mod reply;
mod request;
mod service;

pub(crate) use self::error::{ApiError, expired_token, in_words_of, unknown_operation, unknown_token, unsigned};
pub(crate) use self::form::Form;
pub(crate) use self::reply::{Reply, escape_xml, tag_list};
pub(crate) use self::request::{Allowance, Call, Caller, Operation, decode_pairs};
pub(crate) use self::service::{Scope, Service};
