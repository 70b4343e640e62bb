//! What AWS may do with an answer that is right all the same: leave optional members out, and name a row twice.
//!
//! In: an answer in JSON. Out: the same without the members of those names, wherever they stand; and with the first row of each
//! list again at its end, as lists do whose rows move from page to page while they are read.

use serde_json::Value;

use crate::call::Reply;

/// What the world file says of answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    /// Names of members that are never given.
    pub(crate) omit: Vec<String>,
    pub(crate) repeats_rows: bool,
}

impl Answers {
    /// An answer as the world wants it. What is no JSON stays as it is.
    pub(crate) fn worsen(&self, reply: Reply) -> Reply {
        if self.omit.is_empty() && !self.repeats_rows {
            return reply;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
            return reply;
        };
        self.leave_out(&mut body);
        if self.repeats_rows
            && let Value::Object(members) = &mut body
        {
            for member in members.values_mut() {
                if let Value::Array(rows) = member {
                    rows.extend(rows.first().cloned());
                }
            }
        }
        Reply {
            body: body.to_string().into(),
            ..reply
        }
    }

    fn leave_out(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, _| !self.omit.contains(name));
                members.values_mut().for_each(|value| self.leave_out(value));
            }
            Value::Array(rows) => rows.iter_mut().for_each(|value| self.leave_out(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_left_out_and_rows_repeated() {
        let answers = Answers {
            omit: vec!["LastExecutionDate".to_owned()],
            repeats_rows: true,
        };
        let body =
            json!({ "Plans": [{ "Id": "a", "LastExecutionDate": 1, "Rules": [1, 2] }, { "Id": "b" }], "Next": null });
        let reply = answers.worsen(Reply::json(200, &body));
        let expected = json!({ "Plans": [{ "Id": "a", "Rules": [1, 2] }, { "Id": "b" }, { "Id": "a", "Rules": [1, 2] }], "Next": null });
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), expected);
        assert_eq!(Answers::default().worsen(Reply::empty(204)), Reply::empty(204));
    }
}
