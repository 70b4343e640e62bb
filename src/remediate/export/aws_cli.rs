//! A POSIX shell script that does what `apply` does, with the AWS CLI, version 2.

use crate::problem::one_line;
use crate::remediate::Plan;

/// The script. It ends at the first call that AWS refuses. It does not check, as `apply` does, that what each action rests on is
/// still so.
pub(super) fn script(plan: &Plan) -> String {
    let mut text = format!(
        "#!/bin/sh\n# Plan {} of scan {}.\n# It checks nothing before it changes something: run it soon after the review, with the credentials of each account.\nset -eu\n",
        plan.sha256, plan.scan_id
    );
    let mut account = String::new();
    for action in &plan.actions {
        let at = action.target();
        if at.account_id != account {
            text.push_str(&format!(
                "\n# Account {0}\ntest \"$(aws sts get-caller-identity --query Account --output text)\" = {0} || {{ echo 'the credentials are not those of account {0}' >&2; exit 1; }}\n",
                at.account_id
            ));
            account.clone_from(&at.account_id);
        }
        let resource = action.deed.resource(&at);
        text.push_str(&format!(
            "\n# {}, {} {}: {}\n# {}\n",
            one_line(&at.region),
            resource.noun,
            one_line(&resource.name),
            one_line(&action.deed.describe()),
            one_line(&action.reason)
        ));
        for line in action.deed.cli(&at) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}
