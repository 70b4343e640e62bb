//! Credentials and clients: the caller's own, and those of one account and Region.
//!
//! Credentials, profile, Region and endpoint come from `aws-config`, as in every AWS tool; this module adds nothing of
//! its own. All clients share one HTTPS client. Retries are switched off in the SDK: [`super::call`] makes them, so
//! that every attempt passes the rate limit and is counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_account::operation::list_regions::ListRegionsOutput;
use aws_sdk_account::types::RegionOptStatus;
use aws_sdk_sts::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _};

use super::answer::ReadAnswer;
use super::call::{CallLog, Caller, Page};
use super::failure::{Failure, FailureKind, NO_ANSWER};
use super::http::{self, Roots};
use super::login;
use super::patience::Patience;
use crate::domain::{Account, Arn, GapKind, TargetId};
use crate::problem::{Problem, one_line};

/// The Region asked for the caller's identity when none is configured.
const FALLBACK_REGION: &str = "us-east-1";

/// Roles assumed at once.
const CONCURRENT_ROLES: usize = 16;

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// sts:GetCallerIdentity.
    pub(crate) arn: String,
    /// Twelve digits.
    pub(crate) account_id: String,
    /// From the ARN.
    pub(crate) partition: String,
    /// AWS's clock when it answered; the local clock if the answer had no date.
    pub(crate) at: DateTime<Utc>,
    /// That clock minus the local one, in whole seconds; `None` if the answer had no date.
    pub(crate) clock_skew_seconds: Option<i64>,
}

/// A client of this configuration that reads the date of every answer.
macro_rules! client {
    ($service:ident, $config:expr) => {
        $service::Client::from_conf($service::config::Builder::from($config).interceptor(ReadAnswer).build())
    };
}

/// A connection to AWS as the person at the keyboard is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    config: SdkConfig,
    patience: Patience,
}

impl Session {
    /// Loads credentials, profile, Region and endpoint the way every AWS tool does.
    ///
    /// Errors: no credentials were found.
    pub(crate) async fn load() -> Result<Self, Problem> {
        let patience = Patience::from_env()?;
        login::check_environment()?;
        let profiles = login::profiles().await?;
        let roots = Roots::load(profiles.get("ca_bundle"))?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect())
            .read_timeout(patience.read())
            .operation_attempt_timeout(patience.attempt())
            .build();
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http::client(&roots))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .load()
            .await;
        let is_secure = config.endpoint_url().is_none_or(|url| url.starts_with("https://"));
        if is_secure && !roots.are_there() {
            return Err(Problem::new("no root certificates were found")
                .so("nothing was read from AWS; no report was written")
                .hint("install ca-certificates, or set SSL_CERT_FILE or AWS_CA_BUNDLE"));
        }
        if let Some(credentials) = login::with_mfa(&config, &profiles).await? {
            config = config.into_builder().credentials_provider(credentials).build();
        }
        let provider = config
            .credentials_provider()
            .expect("there is always the default chain");
        match provider.provide_credentials().await {
            Ok(_) => Ok(Self { config, patience }),
            Err(error) => Err(login::no_credentials(&error, &profiles)),
        }
    }

    /// The Region that is configured, if any.
    pub(crate) fn region(&self) -> Option<String> {
        self.config.region().map(|region| region.as_ref().to_owned())
    }

    /// The endpoint that is configured for all services, without a password in it. None: AWS's own.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.config.endpoint_url().map(login::without_password)
    }

    /// API: sts:GetCallerIdentity. Calls: 1. Errors: any failure ends the program.
    pub(crate) async fn identity(&self, log: &Arc<CallLog>) -> Result<Identity, Problem> {
        let region = self.region().unwrap_or_else(|| FALLBACK_REGION.to_owned());
        let target = TargetId::new(String::new(), region.clone());
        let caller = Caller::new(target, self.patience, Arc::clone(log));
        let sts = client!(aws_sdk_sts, &self.config_in(&region, None));
        let mut call = caller.begin("sts:GetCallerIdentity", "");
        let answer = call
            .page(|| sts.get_caller_identity().send())
            .await
            .map_err(|failure| self.identity_problem(&failure, &region))?;
        let (date, now) = (call.answered_at(), Utc::now());
        let is_account = |id: &&str| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        let account_id = answer.account().filter(is_account).map(str::to_owned);
        let arn = answer
            .arn()
            .filter(|text| Arn::parse(text).is_some())
            .map(str::to_owned);
        let (Some(account_id), Some(arn)) = (account_id, arn) else {
            let failure = call.broken("the answer names no account");
            return Err(self.identity_problem(&failure, &region));
        };
        call.finish()
            .map_err(|failure| self.identity_problem(&failure, &region))?;
        let partition = Arn::parse(&arn).map_or("aws", |arn| arn.partition).to_owned();
        Ok(Identity {
            arn,
            account_id,
            partition,
            at: date.unwrap_or(now),
            clock_skew_seconds: date.map(|date| (date - now).num_seconds()),
        })
    }

    fn identity_problem(&self, failure: &Failure, region: &str) -> Problem {
        let endpoint = self.config.endpoint_url();
        let problem = Problem::new("could not find out who is calling")
            .at(endpoint.map_or_else(
                || format!("AWS STS in {region}"),
                |url| format!("endpoint {}, Region {region}", login::without_password(url)),
            ))
            .why(format!("{} from sts:GetCallerIdentity", failure.why()))
            .so("nothing else was asked; no report was written");
        let is_clock = failure.message.contains("Signature expired") || failure.message.contains("Signature not yet");
        match failure.kind {
            _ if is_clock || failure.code == "RequestTimeTooSkewed" => {
                problem.hint("set this machine's clock (NTP): AWS takes signatures of the last 5 minutes only")
            }
            _ if failure.message.contains("not valid for name") => {
                problem.hint("whatever answers has the certificate of another host: check the endpoint and the proxy")
            }
            _ if failure.message.contains("unsupported scheme") || failure.message.contains("tunnel error") => {
                problem.hint("check HTTPS_PROXY: it has to name a proxy by http://, and one has to listen there")
            }
            _ if failure.is_untrusted() => problem.hint(
                "if a proxy opens TLS, name its root certificate by AWS_CA_BUNDLE, `ca_bundle` in the profile, or SSL_CERT_FILE",
            ),
            FailureKind::Gap(GapKind::Expired) => problem.hint("the credentials have expired: log in again"),
            FailureKind::Gap(GapKind::NotEnabled | GapKind::Denied) => {
                problem.hint("check AWS_PROFILE or AWS_ACCESS_KEY_ID: AWS does not accept these credentials")
            }
            _ if endpoint.is_some() && failure.message == NO_ANSWER => {
                problem.hint("check AWS_ENDPOINT_URL: nothing answers there")
            }
            _ if endpoint.is_some() => problem.hint("check AWS_ENDPOINT_URL: is anything listening there?"),
            _ => problem.hint("check the network, HTTPS_PROXY and AWS_REGION"),
        }
    }

    /// The Regions of the partition, each with whether the caller's account has it enabled.
    ///
    /// API: account:ListRegions, paged by 50. Calls: 1. Errors: returned, for the caller to weigh.
    pub(crate) async fn regions(
        &self,
        identity: &Identity,
        log: &Arc<CallLog>,
    ) -> Result<BTreeMap<String, bool>, Failure> {
        let region = self.region().unwrap_or_else(|| FALLBACK_REGION.to_owned());
        let target = TargetId::new(identity.account_id.clone(), region.clone());
        let caller = Caller::new(target, self.patience, Arc::clone(log));
        let client = client!(aws_sdk_account, &self.config_in(&region, None));
        let send = |token| client.list_regions().max_results(50).set_next_token(token).send();
        fn page(page: &ListRegionsOutput) -> Page<'_, aws_sdk_account::types::Region> {
            (page.regions.as_ref(), page.next_token())
        }
        let mut regions = BTreeMap::new();
        let take = |listed: &[aws_sdk_account::types::Region]| {
            let mut unplaced = 0;
            for region in listed {
                let status = region.region_opt_status().map(RegionOptStatus::as_str);
                match (
                    region.region_name(),
                    status.filter(|word| RegionOptStatus::values().contains(word)),
                ) {
                    (Some(name), Some(status)) if !name.is_empty() => {
                        let is_enabled = status.starts_with("ENABLED");
                        let before = regions.insert(name.to_owned(), is_enabled);
                        unplaced += usize::from(before.is_some_and(|before| before != is_enabled));
                    }
                    _ => unplaced += 1,
                }
            }
            Ok::<_, Failure>(unplaced)
        };
        caller.list("account:ListRegions", "", send, page, take).await?;
        // Every account has Regions that nobody can turn off.
        if !regions.values().any(|is_enabled| *is_enabled) {
            return Err(Failure::broken("the answer names no Region that is enabled", None));
        }
        Ok(regions)
    }

    /// Credentials of another account, kept fresh by the SDK.
    ///
    /// API: sts:AssumeRole. Calls: 1, and 1 more an hour. Errors: returned; every target of the account is a gap.
    pub(crate) async fn assume(
        &self,
        account: &Account,
        region: &str,
    ) -> Result<Option<SharedCredentialsProvider>, Failure> {
        let Some(role_arn) = &account.role_arn else {
            return Ok(None);
        };
        let config = self.config_in(region, None);
        // One call by hand first, so that a refusal is seen with AWS's own words and can be repeated. What fails is put
        // into the scan's log for every Region of the account, so this call has a log of its own.
        let sts = client!(aws_sdk_sts, &config);
        let send = || {
            let assume = sts.assume_role().role_arn(role_arn).role_session_name("backproof");
            assume.set_external_id(account.external_id.clone()).send()
        };
        let target = TargetId::new(account.id.clone(), region.to_owned());
        let caller = Caller::new(target, self.patience, Arc::default());
        let credentials = |answer: AssumeRoleOutput| answer.credentials;
        caller
            .part("sts:AssumeRole", role_arn, send, "credentials", credentials)
            .await?;
        let mut provider = aws_config::sts::AssumeRoleProvider::builder(role_arn)
            .session_name("backproof")
            .region(Region::new(region.to_owned()))
            .configure(
                &config
                    .into_builder()
                    .retry_config(RetryConfig::standard().with_max_attempts(8))
                    .build(),
            );
        if let Some(external_id) = &account.external_id {
            provider = provider.external_id(external_id);
        }
        Ok(Some(SharedCredentialsProvider::new(provider.build().await)))
    }

    /// The same for many accounts, some at once, each in a Region of its own; in their order.
    pub(crate) async fn assume_all(
        &self,
        accounts: impl IntoIterator<Item = (&Account, &str)>,
    ) -> Vec<Result<Option<SharedCredentialsProvider>, Failure>> {
        let assumed = accounts
            .into_iter()
            .map(|(account, region)| self.assume(account, region));
        stream::iter(assumed).buffered(CONCURRENT_ROLES).collect().await
    }

    /// The clients of one target.
    pub(crate) fn target(
        &self,
        target: TargetId,
        partition: &str,
        credentials: Option<SharedCredentialsProvider>,
        log: &Arc<CallLog>,
    ) -> Target {
        let config = self.config_in(&target.region, credentials);
        Target {
            partition: partition.to_owned(),
            backup: client!(aws_sdk_backup, &config),
            dynamodb: client!(aws_sdk_dynamodb, &config),
            iam: client!(aws_sdk_iam, &config),
            kms: client!(aws_sdk_kms, &config),
            securityhub: client!(aws_sdk_securityhub, &config),
            tagging: client!(aws_sdk_resourcegroupstagging, &config),
            caller: Caller::new(target.clone(), self.patience, Arc::clone(log)),
            id: target,
        }
    }

    /// A client for delivering reports. With an endpoint of one's own, wherever it is set, buckets are named in the path.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let key = ServiceConfigKey::builder()
            .service_id("S3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .expect("all parts are there");
        let of_service = self.config.service_config().and_then(|config| config.load_config(key));
        let has_endpoint = of_service.is_some() || self.config.endpoint_url().is_some();
        let region = self.region().unwrap_or_else(|| FALLBACK_REGION.to_owned());
        let config = aws_sdk_s3::config::Builder::from(&self.config_in(&region, None))
            .retry_config(RetryConfig::standard().with_max_attempts(6))
            .force_path_style(has_endpoint)
            .interceptor(ReadAnswer)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client for signing with a key of KMS.
    pub(crate) fn kms(&self, region: &str) -> aws_sdk_kms::Client {
        let config = aws_sdk_kms::config::Builder::from(&self.config_in(region, None))
            .retry_config(RetryConfig::standard().with_max_attempts(6))
            .build();
        aws_sdk_kms::Client::from_conf(config)
    }

    fn config_in(&self, region: &str, credentials: Option<SharedCredentialsProvider>) -> SdkConfig {
        let mut builder = self
            .config
            .clone()
            .into_builder()
            .region(Region::new(region.to_owned()));
        if let Some(credentials) = credentials {
            builder.set_credentials_provider(Some(credentials));
        }
        builder.build()
    }
}

#[cfg(test)]
impl Session {
    /// A connection to a simulated AWS, whatever the environment says.
    pub(crate) async fn of(sandbox: &backproof_sandbox::Sandbox) -> Self {
        let environment: BTreeMap<String, String> = sandbox.environment().into_iter().collect();
        let key = &environment["AWS_ACCESS_KEY_ID"];
        let roots = Roots::load(None).expect("root certificates");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http::client(&roots))
            .retry_config(RetryConfig::disabled())
            .region(Region::new(environment["AWS_REGION"].clone()))
            .endpoint_url(&environment["AWS_ENDPOINT_URL"])
            .credentials_provider(aws_sdk_sts::config::Credentials::new(
                key, "sandbox", None, None, "sandbox",
            ))
            .load()
            .await;
        Self {
            config,
            patience: Patience::default(),
        }
    }
}

/// One account in one Region, ready to be asked.
#[derive(Debug, Clone)]
pub struct Target {
    /// Account and Region.
    pub id: TargetId,
    /// Partition of every ARN here.
    pub partition: String,
    /// AWS Backup.
    pub backup: aws_sdk_backup::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// IAM, which is the account's: whatever the Region, the SDK asks where the partition has it.
    pub iam: aws_sdk_iam::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// Security Hub, for pushing findings.
    pub securityhub: aws_sdk_securityhub::Client,
    /// Resource Groups Tagging.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    /// Limits, retries, log.
    pub caller: Caller,
}

impl Target {
    /// The same, whose calls tell whether they were answered: [`Caller::gap`].
    #[must_use]
    pub(crate) fn watched(&self) -> Self {
        Self {
            caller: self.caller.watched(),
            ..self.clone()
        }
    }

    /// The same account in another Region, by the same credentials.
    #[must_use]
    pub(crate) fn in_region(&self, region: &str) -> Self {
        let of = |region: &str| Region::new(region.to_owned());
        let mut other = self.clone();
        other.id.region = region.to_owned();
        other.caller.target.region = region.to_owned();
        other.backup = aws_sdk_backup::Client::from_conf(self.backup.config().to_builder().region(of(region)).build());
        other.dynamodb =
            aws_sdk_dynamodb::Client::from_conf(self.dynamodb.config().to_builder().region(of(region)).build());
        other.kms = aws_sdk_kms::Client::from_conf(self.kms.config().to_builder().region(of(region)).build());
        other.securityhub =
            aws_sdk_securityhub::Client::from_conf(self.securityhub.config().to_builder().region(of(region)).build());
        other.tagging = aws_sdk_resourcegroupstagging::Client::from_conf(
            self.tagging.config().to_builder().region(of(region)).build(),
        );
        other
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.arn))
    }
}
