//! `init`: a settings file to begin with.

use clap::Args;

use crate::commands::shared::output::Single;
use crate::exit::Exit;
use crate::problem::Outcome;
use crate::settings::DEFAULT_FILE;

/// The file that is written: every key, with its default or an example.
const TEMPLATE: &str = include_str!("init.toml");

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The file to write, or - for stdout. A file that is there is never overwritten.
    #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
    pub to: String,
}

/// Runs `init`.
///
/// Errors: the file is there already, or cannot be written.
pub fn run(args: &InitArgs) -> Outcome<Exit> {
    Single::prepare(&args.to, "as in `backproof init FILE`")?.write(TEMPLATE)?;
    Ok(Exit::Compliant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::policy::VALUE_KEYS;
    use crate::settings::Settings;

    #[test]
    fn the_file_loads_and_says_what_is_the_default_anyway() {
        let settings = Settings::parse(TEMPLATE, "backproof.toml").expect("settings");
        let plain = Settings::parse("", "backproof.toml").expect("settings");
        assert_eq!(settings.policy.values, plain.policy.values);
        assert_eq!(
            (settings.regions, settings.accounts.len()),
            (plain.regions, plain.accounts.len())
        );
        assert_eq!(settings.remediation, plain.remediation);
    }

    /// What is commented out is right as well, and no key is missing.
    #[test]
    fn the_examples_load_too() {
        let is_example = |line: &&str| line.starts_with('#') && (!line.starts_with("# ") || line.starts_with("#  "));
        let text: String = TEMPLATE
            .lines()
            .map(|line| if is_example(&line) { &line[1..] } else { line })
            .map(|line| format!("{line}\n"))
            .collect();
        let settings = Settings::parse(&text, "backproof.toml").unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(settings.policy.tiers.len(), 2);
        assert_eq!(settings.accounts.len(), 2);
        assert_eq!(settings.remediation.delete_after_days, Some(97));
        for key in VALUE_KEYS
            .into_iter()
            .chain(["window", "regions", "waivers", "vault", "role-arn"])
        {
            assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
        }
    }
}
