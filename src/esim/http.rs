//! The one HTTP client: rustls with ring, its own roots, no redirects, no cookies, no compression, no retries, a
//! deadline on everything and a limit on every body.
//!
//! Writes use a connection of their own, never one from the pool: a reused connection can die under a request in a
//! way that proves nothing, a fresh one fails either before anything was sent or after.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::evidence::{Answer, Got, Miss};
use super::secret::{Mask, Secret};
use super::section::Connection;
use super::{Doubt, pace};

/// Most bytes of an ordinary answer.
pub const BODY_MAX: usize = 1 << 20;
/// Most bytes of one page of a catalogue.
pub const CATALOGUE_MAX: usize = 32 << 20;

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    /// The base address is not `https://host[:port][/path]`.
    #[error("the base address {0:?} must be https:// and nothing but host, port and path")]
    Base(String),
    /// The cap on an order is no sum.
    #[error(
        "most_per_order must be a sum above 0 in the account's currency: {{ value = \"25.00\", currency = \"USD\" }}"
    )]
    MostPerOrder,
    /// The additional certificates cannot be read.
    #[error("cannot read additional root certificates from {path}: give a PEM file with CERTIFICATE blocks")]
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refuses its settings.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// A secret cannot be read.
    #[error("a key cannot be read")]
    Secret(#[from] super::secret::NoSecret),
}

/// What is sent in the body. No `Debug`: keys and passwords stand in it.
#[derive(Clone, Default)]
pub enum Payload {
    /// Nothing.
    #[default]
    Empty,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// These bytes, as JSON.
    Json(Vec<u8>),
    /// One file in a multipart form: field, file name, content type, bytes.
    File(String, String, String, Vec<u8>),
}

/// A request on its way to be sent. Secrets go into headers or the form by the provider's client; no `Debug`.
pub struct Draft {
    /// Method.
    pub method: Method,
    /// Address with query.
    pub url: Url,
    /// Additional headers.
    pub headers: HeaderMap,
    /// Body.
    pub payload: Payload,
    /// Longest time from the first byte to the last.
    pub deadline: Duration,
    /// Most bytes of the answer.
    pub body_max: usize,
    /// Whether it changes something at the provider.
    pub writes: bool,
    /// How urgent it is.
    pub urgency: pace::Urgency,
}

impl Draft {
    /// Adds a header that must not be logged.
    pub fn secret_header(&mut self, name: &'static str, value: &str) {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// The bearer token.
    pub fn bearer(&mut self, token: &Secret) {
        self.secret_header("authorization", &format!("Bearer {}", token.reveal()));
    }
}

/// The client of one account.
pub struct Http {
    reads: reqwest::Client,
    writes: reqwest::Client,
}

impl Http {
    /// A client with these limits.
    ///
    /// # Errors
    /// [`NoClient`] says which setting is wrong.
    pub fn new(connection: &Connection, agent: &str) -> Result<Self, NoClient> {
        let tls = tls_settings(connection.extra_ca.as_deref())?;
        let build = |idle: usize| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .https_only(true)
                .http1_only()
                .no_proxy()
                .referer(false)
                .connect_timeout(Duration::from_secs(connection.connect_s))
                .pool_max_idle_per_host(idle)
                .pool_idle_timeout(Duration::from_secs(15))
                .user_agent(agent)
                .build()
                .map_err(NoClient::Client)
        };
        Ok(Http { reads: build(4)?, writes: build(0)? })
    }

    /// Sends once and reads the answer to its end.
    ///
    /// # Errors
    /// [`Miss::NeverSent`] where name, connection or TLS failed; [`Miss::Unknown`] for everything after.
    pub async fn send(&self, draft: Draft, mask: &Mask) -> Got<Answer> {
        let client = if draft.writes { &self.writes } else { &self.reads };
        let request = client.request(draft.method, draft.url).timeout(draft.deadline).headers(draft.headers);
        let request = match draft.payload {
            Payload::Empty => request,
            Payload::Form(fields) => request.form(&fields),
            Payload::Json(bytes) => request.header("content-type", "application/json").body(bytes),
            Payload::File(field, name, kind, bytes) => {
                let part = reqwest::multipart::Part::bytes(bytes)
                    .file_name(name)
                    .mime_str(&kind)
                    .map_err(|error| Miss::NeverSent(mask.short(&chain(&error))))?;
                request.multipart(reqwest::multipart::Form::new().part(field, part))
            }
        };
        let mut response = request.send().await.map_err(|error| failure(error, mask))?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut answer = Answer { status, headers, body: bytes::Bytes::new() };
        let doubt = |answer: &Answer, what: String| {
            let evidence = mask.short(&format!("HTTP {status}: {what}"));
            Miss::Unknown(Doubt { evidence, provider_date: answer.date() })
        };
        let mut body = bytes::BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > draft.body_max => {
                    return Err(doubt(&answer, format!("the body is longer than {} bytes", draft.body_max)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    return Err(doubt(&answer, format!("the body broke off: {}", chain(&error.without_url()))));
                }
            }
        }
        answer.body = body.freeze();
        Ok(answer)
    }
}

/// An error before any answer. Only name, connection and TLS failures prove that nothing was sent.
fn failure(error: reqwest::Error, mask: &Mask) -> Miss {
    let before = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let words = mask.short(&chain(&error));
    if before { Miss::NeverSent(words) } else { Miss::unknown(words) }
}

/// An error with all its sources, once each.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = source.source();
    }
    text
}

/// The base address, checked: `https`, no query, no user, no fragment.
///
/// # Errors
/// [`NoClient::Base`].
pub fn base_address(text: &str) -> Result<Url, NoClient> {
    let bad = || NoClient::Base(text.to_owned());
    let url = Url::parse(text).map_err(|_| bad())?;
    let plain = url.scheme() == "https"
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(bad()) }
}

fn tls_settings(extra_ca: Option<&Path>) -> Result<rustls::ClientConfig, NoClient> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca {
        let bad = |source| NoClient::ExtraCa { path: path.to_owned(), source };
        let mut count = 0;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.into()))? {
            roots.add(certificate.map_err(|error| bad(error.into()))?).map_err(|error| bad(error.into()))?;
            count += 1;
        }
        if count == 0 {
            return Err(bad("no CERTIFICATE block in it".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(NoClient::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_is_https_and_plain() {
        assert!(base_address("https://mobilexy.com/api").is_ok());
        assert!(base_address("https://localhost:8443").is_ok());
        for bad in ["http://mobilexy.com", "https://u:p@x.io", "https://x.io?k=1", "x.io", "https://x.io/#a", "ftp://x"]
        {
            assert!(base_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn additional_roots_are_read_or_refused_with_the_file_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let connection = Connection { extra_ca: Some(path.clone()), ..Connection::default() };
        let error = Http::new(&connection, "test").err().unwrap();
        assert!(error.to_string().contains("ca.pem"), "{error}");
        std::fs::File::create(&path).unwrap();
        assert!(chain(&Http::new(&connection, "test").err().unwrap()).contains("no CERTIFICATE"));
        assert!(Http::new(&Connection::default(), "test").is_ok());
    }

    #[tokio::test]
    async fn a_closed_port_and_a_bad_name_are_never_sent() {
        let http = Http::new(&Connection::default(), "test").unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for (base, writes) in
            [(format!("https://127.0.0.1:{port}/x"), true), ("https://no-such-host.invalid/x".into(), false)]
        {
            let draft = Draft {
                method: Method::POST,
                url: Url::parse(&base).unwrap(),
                headers: HeaderMap::new(),
                payload: Payload::Form(vec![("api_key".into(), "k".into())]),
                deadline: Duration::from_secs(10),
                body_max: BODY_MAX,
                writes,
                urgency: pace::Urgency::Prompt,
            };
            let got = http.send(draft, &Mask::default()).await;
            assert!(matches!(got, Err(Miss::NeverSent(_))), "{got:?}");
        }
    }
}
