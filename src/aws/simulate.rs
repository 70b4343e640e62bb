//! What a principal may do by its own policies, as IAM simulates it.

use std::collections::BTreeSet;

use aws_sdk_iam::operation::get_role::GetRoleOutput;
use aws_sdk_iam::operation::simulate_principal_policy::SimulatePrincipalPolicyOutput;
use aws_sdk_iam::types::EvaluationResult;

use super::call::Page;
use super::failure::Failure;
use super::target::Target;
use crate::domain::Arn;

/// IAM actions of all calls here.
pub(crate) const ACTIONS: [&str; 2] = [GET_ROLE, SIMULATE];

const GET_ROLE: &str = "iam:GetRole";
const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

/// Actions asked in one call.
const AT_ONCE: usize = 50;

/// The ARN of the user or role behind a caller, as IAM knows it: the ARN of an assumed role has lost the role's path.
///
/// API: iam:GetRole for an assumed role. Calls: 1. Errors: no such principal can be simulated, or it cannot be read; in words.
pub(crate) async fn principal(target: &Target, caller_arn: &str) -> Result<String, String> {
    let arn = Arn::parse(caller_arn).ok_or_else(|| format!("`{caller_arn}` is no ARN"))?;
    let mut parts = arn.resource.split('/');
    let name = match (arn.service, parts.next(), parts.next()) {
        ("sts", Some("assumed-role"), Some(name)) => name,
        ("iam", Some("role"), Some(_)) => arn.resource.rsplit('/').next().unwrap_or_default(),
        ("iam", Some("user"), Some(_)) => return Ok(caller_arn.to_owned()),
        _ => return Err("only users and roles can be simulated".to_owned()),
    };
    let send = || target.iam.get_role().role_name(name).send();
    let role = |answer: GetRoleOutput| Some(answer.role?.arn);
    let found = target.caller.part(GET_ROLE, name, send, "role", role).await;
    found.map_err(|failure| failure.of(GET_ROLE))
}

/// Those of some actions that a principal is allowed by its own policies.
///
/// API: iam:SimulatePrincipalPolicy, for 50 actions at once, paged. Errors: IAM refuses, or leaves an action out; in words.
pub(crate) async fn allowed(target: &Target, principal: &str, actions: &[&str]) -> Result<Vec<String>, String> {
    let mut allowed = Vec::new();
    for asked in actions.chunks(AT_ONCE) {
        let names: Vec<String> = asked.iter().map(|action| (*action).to_owned()).collect();
        let send = |marker| {
            let simulate = target.iam.simulate_principal_policy().policy_source_arn(principal);
            simulate.set_action_names(Some(names.clone())).set_marker(marker).send()
        };
        fn page(page: &SimulatePrincipalPolicyOutput) -> Page<'_, EvaluationResult> {
            let next = page.marker().filter(|_| page.is_truncated());
            (page.evaluation_results.as_ref(), next)
        }
        let mut told = BTreeSet::new();
        let take = |results: &[EvaluationResult]| {
            for result in results {
                told.insert(result.eval_action_name().to_owned());
                // Whatever is not a denial counts as allowed.
                if !result.eval_decision().as_str().ends_with("Deny") {
                    allowed.push(result.eval_action_name().to_owned());
                }
            }
            Ok::<_, Failure>(0)
        };
        let listed = target.caller.list(SIMULATE, principal, send, page, take).await;
        listed.map_err(|failure| failure.of(SIMULATE))?;
        if let Some(missing) = asked.iter().find(|action| !told.contains(**action)) {
            return Err(format!("the answer of {SIMULATE} leaves out {missing}"));
        }
    }
    Ok(allowed)
}
