//! What a principal may do, by its own policies: `SimulatePrincipalPolicy`.

use super::Done;
use crate::call::{ApiError, Form, escape_xml};
use crate::cloud::Cloud;

/// `SimulatePrincipalPolicy`, for one page of actions on `*`. Like IAM it knows nothing of faults, which stand for the policies
/// of an organisation and of resources.
pub(super) fn simulate(cloud: &Cloud, form: &Form) -> Result<Done, ApiError> {
    let principal = form.needed("PolicySourceArn")?;
    form.needed("ActionNames.member.1")?;
    for given in [
        "PolicyInputList.member.1",
        "ContextEntries.member.1.ContextKeyName",
        "ResourceArns.member.1",
        "ResourcePolicy",
    ] {
        if form.get(given).is_some() {
            let name = given.split('.').next().unwrap_or(given);
            return Err(Form::invalid(format!("The sandbox does not simulate {name}.")));
        }
    }
    if !cloud.knows_principal(principal) {
        return Err(ApiError::new(
            404,
            "NoSuchEntity",
            format!("The principal {principal} cannot be found."),
        ));
    }
    let actions = (1..).map_while(|n| form.get(&format!("ActionNames.member.{n}")));
    let members: String = actions
        .map(|action| {
            let decision = if cloud.allows(principal, action) { "allowed" } else { "implicitDeny" };
            format!(
                "<member><EvalActionName>{}</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>{decision}</EvalDecision>\
                 <MatchedStatements/><MissingContextValues/></member>",
                escape_xml(action)
            )
        })
        .collect();
    let results = format!("<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>");
    Ok(Done::With(results))
}
