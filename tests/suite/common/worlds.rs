//! The worlds of the sandbox that tests begin with, and what is added to them.

/// Where nearly everything is.
pub const HERE: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";

/// A small world: one account, one Region, a vault, a daily plan, and the tables given.
pub fn world(more: &str) -> String {
    format!(
        r#"
now = "2026-11-01T12:00:00Z"
frozen = true
history-days = 60

[[account]]
id = "111122223333"
name = "payments"
regions = ["eu-west-1"]

[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "Default"

[[plan]]
account = "111122223333"
region = "eu-west-1"
name = "daily"
[[plan.rule]]
name = "daily"
vault = "Default"
schedule = "cron(0 5 ? * * *)"
start-window-minutes = 60
delete-after-days = 35
[[plan.selection]]
name = "tagged"
tags = [{{ key = "backup", value = "daily" }}]

[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders"
tags = {{ backup = "daily" }}
created-days-ago = 300
pitr = true
deletion-protection = true

[[table]]
account = "111122223333"
region = "eu-west-1"
name = "forgotten"
created-days-ago = 300
{more}
"#
    )
}

/// An access policy that denies deletion and forgets the rest, as the sample of AWS's guide does.
pub const GUARD: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}"#;

/// The small world without its frozen clock.
pub fn thawed(more: &str) -> String {
    with(&world(more), "frozen = true\n", "")
}

/// The small world with a vault `dr` in another Region.
pub fn two_regions(more: &str) -> String {
    let dr = "[[vault]]\naccount = \"111122223333\"\nregion = \"eu-central-1\"\nname = \"dr\"\n";
    elsewhere_too(&world(&format!("{more}{dr}")))
}

/// A world of one Region, with a second.
pub fn elsewhere_too(world: &str) -> String {
    with(
        world,
        "regions = [\"eu-west-1\"]",
        "regions = [\"eu-west-1\", \"eu-central-1\"]",
    )
}

/// What a rule of a plan says so that its recovery points are copied into `dr`.
pub const COPY: &str =
    "copy-to = [{ vault-arn = \"arn:aws:backup:eu-central-1:111122223333:backup-vault:dr\", delete-after-days = 35 }]";

/// The same with copies of what the daily plan makes.
pub fn with_copies(world: &str) -> String {
    with(
        world,
        "delete-after-days = 35\n",
        &format!("delete-after-days = 35\n{COPY}\n"),
    )
}

/// A world in which a text stands, with another in its place.
pub fn with(world: &str, from: &str, to: &str) -> String {
    assert!(world.contains(from), "`{from}` is not in the world");
    world.replace(from, to)
}

/// A table of 100 days.
pub fn table(name: &str, more: &str) -> String {
    format!("[[table]]\n{HERE}name = \"{name}\"\ncreated-days-ago = 100\n{more}\n")
}

/// Something that happened so long ago.
pub fn event(at: &str, what: &str) -> String {
    format!("[[event]]\n{HERE}at = \"{at}\"\n{what}\n")
}

/// A table whose daily recovery points, in a vault of their own, are kept for three days.
pub fn brief() -> String {
    format!(
        r#"
[[vault]]
{HERE}name = "brief"
[[plan]]
{HERE}name = "brief"
[[plan.rule]]
name = "brief"
vault = "brief"
schedule = "cron(0 5 ? * * *)"
start-window-minutes = 60
delete-after-days = 3
[[plan.selection]]
name = "brief"
tags = [{{ key = "backup", value = "brief" }}]
"#
    ) + &table("brief", "tags = { backup = \"brief\" }")
}

/// A call that is denied from the beginning.
pub fn deny(action: &str) -> String {
    format!("[[fault]]\ndeny = \"{action}\"\n")
}

/// A guarded vault and a plain one, a copy to another Region, two restore tests of `orders`, one by hand of nobody.
pub fn tested(more: &str) -> String {
    let tests = format!(
        r#"
[[vault]]
{HERE}name = "guarded"
policy = '{GUARD}'

[[restore-testing-plan]]
{HERE}name = "weekly"
schedule = "cron(0 6 ? * MON *)"
timezone = "Europe/Berlin"
include-vaults = ["arn:aws:backup:eu-west-1:111122223333:backup-vault:Default"]
window-days = 7
[[restore-testing-plan.selection]]
name = "orders"
resources = ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"]
validation-hours = 4
[[restore-testing-plan.selection]]
name = "gold"
conditions = {{ string-equals = [{{ key = "aws:ResourceTag/tier", value = "gold" }}], string-not-equals = [{{ key = "aws:ResourceTag/env", value = "test" }}] }}
[[restore-testing-plan.selection]]
name = "volumes"
type = "EBS"

[[restore-testing-plan]]
{HERE}name = "empty"

[[event]]
{HERE}at = "6d"
do = "restore-test"
table = "orders"
plan = "weekly"
minutes = 25
validation = "SUCCESSFUL"

[[event]]
{HERE}at = "5d"
do = "restore-test"
table = "orders"
failure = "Access Denied"
{more}
"#
    );
    with_copies(&two_regions(&tests))
}
