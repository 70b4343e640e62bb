//! Where credentials, Region and endpoint come from, checked before anything is asked, and why they could not be had.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::{Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_sts::config::{Credentials, ProvideCredentials as _, SharedCredentialsProvider};
use aws_types::os_shim_internal::{Env, Fs};

use super::failure::{chain, classify};
use crate::problem::Problem;
use crate::stderr;
use crate::text::nearest;

const NOTHING_READ: &str = "nothing was read from AWS; no report was written";

/// The profiles of `~/.aws/config` and `~/.aws/credentials`, or of the files that stand in for them.
///
/// Errors: a file that is no such file; `AWS_PROFILE` names a profile that is not there.
pub(super) async fn profiles() -> Result<ProfileSet, Problem> {
    let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await;
    let profiles = loaded.map_err(|error| {
        Problem::new("could not read the AWS configuration")
            .why(chain(&error))
            .so(NOTHING_READ)
            .hint("correct the file, or name another with AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE")
    })?;
    let named = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    match named {
        Some(name) if profiles.get_profile(&name).is_none() => {
            let mut names: Vec<&str> = profiles.profiles().collect();
            names.sort_unstable();
            let hint = match nearest(&name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "log in first, or write the profile (`aws configure`)".to_owned(),
                None => format!("the profiles are {}", names.join(", ")),
            };
            Err(Problem::usage(format!("there is no profile `{name}`"))
                .at("AWS_PROFILE")
                .why("it is neither in ~/.aws/config nor in ~/.aws/credentials")
                .so(NOTHING_READ)
                .hint(hint))
        }
        _ => check_sources(&profiles).map(|()| profiles),
    }
}

/// Errors: the selected profile takes its credentials from one that is not there.
fn check_sources(profiles: &ProfileSet) -> Result<(), Problem> {
    let (mut name, mut seen) = (profiles.selected_profile(), BTreeSet::new());
    while let Some(source) = profiles
        .get_profile(name)
        .and_then(|profile| profile.get("source_profile"))
    {
        if profiles.get_profile(source).is_none() {
            return Err(Problem::usage(format!("there is no profile `{source}`"))
                .at(format!("`source_profile` of profile `{name}`"))
                .why("it is neither in ~/.aws/config nor in ~/.aws/credentials")
                .so(NOTHING_READ)
                .hint("correct the name, or write the profile"));
        }
        if !seen.insert(name) {
            break;
        }
        name = source;
    }
    Ok(())
}

/// Variables that are set to what no AWS tool can use.
///
/// Errors: the first of them.
pub(super) fn check_environment() -> Result<(), Problem> {
    let set = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if set(name).is_some_and(|value| value.trim().is_empty()) {
            return Err(Problem::usage(format!("{name} is set and empty"))
                .so(NOTHING_READ)
                .hint("set it to a Region, or unset it"));
        }
    }
    let endpoints = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    for (name, value) in endpoints.filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL")) {
        let url = value.to_string_lossy();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Problem::usage("the endpoint has no scheme")
                .at(format!("{name}={}", without_password(&url)))
                .so(NOTHING_READ)
                .hint(format!("did you mean `http://{}`?", without_password(&url))));
        }
    }
    Ok(())
}

/// An address as it may be printed: without user and password.
pub(super) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() {
        format!("{host}{path}")
    } else {
        format!("{scheme}://{host}{path}")
    }
}

/// Why there are no credentials, and what helps: that follows from what the profile and the environment name as source.
pub(super) fn no_credentials(error: &(dyn std::error::Error + 'static), profiles: &ProfileSet) -> Problem {
    let why = chain(error);
    let has = |key: &str| std::env::var_os(key).is_some();
    let profile = Source(profiles);
    let selected = profiles.selected_profile();
    let hint = if ["AccessDenied", "not authorized to perform"]
        .iter()
        .any(|text| why.contains(text))
    {
        "let the caller assume the role: its trust policy and the caller's own policy have to allow sts:AssumeRole"
            .to_owned()
    } else if profile.has("login_session") {
        format!("log in again: `aws login --profile {selected}`")
    } else if profile.has("sso_session") || profile.has("sso_start_url") {
        format!("log in again: `aws sso login --profile {selected}`")
    } else if profile.has("credential_process") {
        format!("run the `credential_process` of profile `{selected}` by hand, and see what it says")
    } else if has("AWS_WEB_IDENTITY_TOKEN_FILE") {
        "check AWS_WEB_IDENTITY_TOKEN_FILE: the token has to be there, and not expired".to_owned()
    } else if let Some(name) = ["FULL", "RELATIVE"]
        .iter()
        .map(|kind| format!("AWS_CONTAINER_CREDENTIALS_{kind}_URI"))
        .find(|name| has(name))
    {
        format!("check {name}: is anything listening there?")
    } else {
        "log in (`aws login`, `aws sso login`), or set AWS_PROFILE, or run `backproof demo`, which needs no account"
            .to_owned()
    };
    Problem::new("could not find AWS credentials")
        .why(why)
        .so(NOTHING_READ)
        .hint(hint)
}

/// The selected profile and those that it takes its credentials from.
struct Source<'p>(&'p ProfileSet);

impl Source<'_> {
    fn has(&self, key: &str) -> bool {
        let mut name = Some(self.0.selected_profile());
        let mut seen = BTreeSet::new();
        while let Some(profile) = name
            .filter(|name| seen.insert(*name))
            .and_then(|name| self.0.get_profile(name))
        {
            if profile.get(key).is_some() {
                return true;
            }
            name = profile.get("source_profile");
        }
        false
    }
}

/// Credentials of a profile whose role wants a code of a second factor, which the SDK does not ask for; none if it wants
/// none, or if keys in the environment go first.
///
/// API: sts:AssumeRole. Calls: 1, after a question to the person at the terminal. Errors: there is no terminal; AWS does
/// not take the code.
pub(super) async fn with_mfa(
    config: &SdkConfig,
    profiles: &ProfileSet,
) -> Result<Option<SharedCredentialsProvider>, Problem> {
    let name = profiles.selected_profile();
    let wanted = |profile: &Profile| {
        Some((
            profile.get("role_arn")?.to_owned(),
            profile.get("mfa_serial")?.to_owned(),
        ))
    };
    let Some(profile) = profiles.get_profile(name) else {
        return Ok(None);
    };
    let (Some((role_arn, serial)), None) = (wanted(profile), std::env::var_os("AWS_ACCESS_KEY_ID")) else {
        return Ok(None);
    };
    let refuse = |why: String, hint: &str| {
        Problem::new(format!("could not assume the role of profile `{name}`"))
            .at(role_arn.clone())
            .why(why)
            .so(NOTHING_READ)
            .hint(hint)
    };
    let elsewhere = "log in at a terminal, and pass the session on: `aws configure export-credentials`";
    let question = format!("MFA code for {serial}: ");
    let Some(code) = stderr::ask(&question) else {
        return Err(refuse(
            "it wants an MFA code, and there is no terminal to ask at".to_owned(),
            elsewhere,
        ));
    };
    let providers = ProviderConfig::default()
        .with_http_client(config.http_client().expect("the client was set").clone())
        .with_region(config.region().cloned());
    let base = match profile.get("source_profile") {
        Some(source) => SharedCredentialsProvider::new(
            ProfileFileCredentialsProvider::builder()
                .configure(&providers)
                .profile_name(source)
                .build(),
        ),
        None => SharedCredentialsProvider::new(DefaultCredentialsChain::builder().configure(providers).build().await),
    };
    let base = base
        .provide_credentials()
        .await
        .map_err(|error| no_credentials(&error, profiles))?;
    let sts = aws_sdk_sts::config::Builder::from(config)
        .credentials_provider(base)
        .build();
    let answer = aws_sdk_sts::Client::from_conf(sts)
        .assume_role()
        .role_arn(&role_arn)
        .role_session_name(profile.get("role_session_name").unwrap_or("backproof"))
        .set_external_id(profile.get("external_id").map(str::to_owned))
        .set_duration_seconds(profile.get("duration_seconds").and_then(|text| text.parse().ok()))
        .serial_number(serial)
        .token_code(code)
        .send()
        .await
        .map_err(|error| {
            refuse(
                classify(&error).of("sts:AssumeRole"),
                "check the code, and the device's clock",
            )
        })?;
    let session = answer.credentials().ok_or_else(|| {
        refuse(
            "the answer holds no credentials (from sts:AssumeRole)".to_owned(),
            "check the endpoint of STS",
        )
    })?;
    Ok(Some(SharedCredentialsProvider::new(Credentials::new(
        session.access_key_id(),
        session.secret_access_key(),
        Some(session.session_token().to_owned()),
        std::time::SystemTime::try_from(*session.expiration()).ok(),
        "assumed role with MFA",
    ))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_printed() {
        for (url, shown) in [
            ("http://user:secret@127.0.0.1:4000/x", "http://127.0.0.1:4000/x"),
            ("https://localhost", "https://localhost"),
            ("user:p@ss@host:1", "host:1"),
            ("http://host/a@b", "http://host/a@b"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
