//! The HTTP client of every call, of every service: TLS by rustls, proxies and certificates as for any AWS tool.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::problem::Problem;

/// The variable that names a file of root certificates, for all AWS tools.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// The root certificates of one run.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    /// Does the system have any? Without them, `http://` works all the same.
    pub has_system: bool,
    bundle: Option<Vec<u8>>,
}

impl Roots {
    /// Those of the system, and beside them those of `AWS_CA_BUNDLE`, or else of `ca_bundle` in the profile.
    ///
    /// Errors: the bundle cannot be read, or holds something else.
    pub fn load(of_profile: Option<&str>) -> Result<Self, Problem> {
        let of_environment = std::env::var_os(CA_BUNDLE)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let bundle = match (of_environment, of_profile) {
            (Some(path), _) => Some(read(&path, CA_BUNDLE)?),
            (None, Some(path)) => Some(read(Path::new(path), "`ca_bundle` of the profile")?),
            (None, None) => None,
        };
        Ok(Self {
            has_system: !rustls_native_certs::load_native_certs().certs.is_empty(),
            bundle,
        })
    }

    /// Is there any?
    pub fn are_there(&self) -> bool {
        self.has_system || self.bundle.is_some()
    }

    fn context(&self) -> TlsContext {
        let mut trusted = TrustStore::empty().with_native_roots(self.has_system);
        if let Some(bundle) = &self.bundle {
            trusted.add_pem_certificate(bundle.clone());
        }
        TlsContext::builder()
            .with_trust_store(trusted)
            .build()
            .expect("a trust store is all it takes")
    }
}

/// A file of certificates in PEM, each of which can be a root.
fn read(path: &Path, named_by: &str) -> Result<Vec<u8>, Problem> {
    let refuse = |why: String| {
        Problem::new("could not read the root certificates")
            .at(format!("{}, named by {named_by}", path.display()))
            .why(why)
            .so("nothing was read from AWS; no report was written")
            .hint("name a file with certificates in PEM (`-----BEGIN CERTIFICATE-----`)")
    };
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|error| refuse(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse("it holds no certificate".to_owned()));
    }
    let mut store = RootCertStore::empty();
    for (number, certificate) in certificates.into_iter().enumerate() {
        let added = store.add(certificate);
        added.map_err(|error| refuse(format!("certificate {}: {error}", number + 1)))?;
    }
    Ok(bytes)
}

/// Those of the environment. `*` for no proxy at all means addresses too, which the client's own reading leaves out.
fn proxies() -> ProxyConfig {
    let is_off = |name| std::env::var_os(name).is_some_and(|value| value == "*");
    if is_off("NO_PROXY") || is_off("no_proxy") {
        ProxyConfig::disabled()
    } else {
        ProxyConfig::from_env()
    }
}

/// The client. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
pub(super) fn client(roots: &Roots) -> SharedHttpClient {
    let context = roots.context();
    let proxies = proxies();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context.clone())
            .proxy_config(proxies.clone())
            .build()
    })
}
