//! Answers of IAM, in XML.

use chrono::SecondsFormat;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::call::{Reply, escape_xml};
use crate::iam::state::Role;

/// An answer; operations that only do something have no result.
pub(super) fn answer(name: &str, result: Option<&str>, request_id: &str) -> Reply {
    let result = result.map_or_else(String::new, |result| format!("<{name}Result>{result}</{name}Result>"));
    Reply::xml(
        200,
        format!(
            "<{name}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{result}\
             <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        ),
    )
}

/// `Role`. The trust policy is percent-encoded, as IAM sends it.
pub(super) fn role(role: &Role, arn: &str) -> String {
    let mut members = format!(
        "<Path>{}</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn><CreateDate>{}</CreateDate>\
         <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>{}</MaxSessionDuration>",
        escape_xml(&role.path),
        escape_xml(&role.name),
        role.id,
        escape_xml(arn),
        role.created.to_rfc3339_opts(SecondsFormat::Secs, true),
        utf8_percent_encode(&role.trust, NON_ALPHANUMERIC),
        role.max_session_seconds,
    );
    if let Some(description) = &role.description {
        members.push_str(&format!("<Description>{}</Description>", escape_xml(description)));
    }
    if !role.tags.is_empty() {
        let tags: String = role
            .tags
            .iter()
            .map(|(key, value)| {
                format!(
                    "<member><Key>{}</Key><Value>{}</Value></member>",
                    escape_xml(key),
                    escape_xml(value)
                )
            })
            .collect();
        members.push_str(&format!("<Tags>{tags}</Tags>"));
    }
    format!("<Role>{members}</Role>")
}
