//! The worlds of the sandbox that tests begin with: files of `tests/worlds`, and what is added to them.

/// A file of `tests/worlds`: a world, or what is added to another one.
pub fn file(name: &str) -> String {
    let path = format!("{}/tests/worlds/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}: {path}"))
}

/// The small world, and more in it.
pub fn world(more: &str) -> String {
    file("small") + more
}

/// The small world without its frozen clock.
pub fn thawed(more: &str) -> String {
    with(&world(more), "frozen = true\n", "")
}

/// The small world with a vault `dr` in another Region.
pub fn two_regions(more: &str) -> String {
    let dr = "[[vault]]\naccount = \"111122223333\"\nregion = \"eu-central-1\"\nname = \"dr\"\n";
    elsewhere_too(&world(&format!("{more}{dr}")))
}

/// The small world with copies in another Region, a guarded vault and restore tests.
pub fn tested(more: &str) -> String {
    with_copies(&two_regions(&(file("tested") + more)))
}

/// The access policy of the guarded vault in `tested`.
pub const GUARD: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}"#;

/// A world of one Region, with a second.
pub fn elsewhere_too(world: &str) -> String {
    let both = "regions = [\"eu-west-1\", \"eu-central-1\"]";
    with(world, "regions = [\"eu-west-1\"]", both)
}

/// A world of two Regions in which what the daily plan makes is copied into `dr`.
pub fn with_copies(world: &str) -> String {
    let dr = "arn:aws:backup:eu-central-1:111122223333:backup-vault:dr";
    let kept = "delete-after-days = 35";
    with(
        world,
        &format!("{kept}\n"),
        &format!("{kept}\ncopy-to = [{{ vault-arn = \"{dr}\", {kept} }}]\n"),
    )
}

/// The small world with points of seven days, and copies in a central account that are kept so long.
pub fn central(kept_days: i64) -> String {
    let arn = "arn:aws:backup:eu-west-1:444455556666:backup-vault:central";
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"backup:CopyIntoBackupVault","Resource":"*"}]}"#;
    let central = format!(
        "[[account]]\nid = \"444455556666\"\nregions = [\"eu-west-1\"]\nroles = [\"Audit\"]\n\
         [[vault]]\naccount = \"444455556666\"\nregion = \"eu-west-1\"\nname = \"central\"\npolicy = '''{policy}'''\n\
         [organization]\nmanagement-account = \"111122223333\"\n"
    );
    with(
        &world(&central),
        "delete-after-days = 35\n",
        &format!("delete-after-days = 7\ncopy-to = [{{ vault-arn = \"{arn}\", delete-after-days = {kept_days} }}]\n"),
    )
}

/// A world in which a text stands, with another in its place.
pub fn with(world: &str, from: &str, to: &str) -> String {
    assert!(world.contains(from), "`{from}` is not in the world");
    world.replace(from, to)
}

/// Where nearly everything is.
pub const HERE: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";

/// A table of 100 days.
pub fn table(name: &str, more: &str) -> String {
    format!("[[table]]\n{HERE}name = \"{name}\"\ncreated-days-ago = 100\n{more}\n")
}

/// A table whose one recovery point is native.
pub fn native() -> String {
    let point = "do = \"on-demand-backup\"\ntable = \"native\"\nvault = \"Default\"\ndelete-after-days = 40";
    table("native", "")
        + &event("100m", "do = \"advanced-off\"")
        + &event("90m", point)
        + &event("80m", "do = \"advanced-on\"")
}

/// Something that happened so long ago.
pub fn event(at: &str, what: &str) -> String {
    format!("[[event]]\n{HERE}at = \"{at}\"\n{what}\n")
}

/// A call that is denied from the beginning.
pub fn deny(action: &str) -> String {
    format!("[[fault]]\ndeny = \"{action}\"\n")
}
