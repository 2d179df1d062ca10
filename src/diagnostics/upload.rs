//! Bytes to where the operator wants them: HTTPS PUT, paced, and continued after a cut where the receiver can.
//!
//! The first try sends everything, as thin-edge.io's file transfer service takes it. After a cut the receiver is asked
//! with HEAD what it has (`Upload-Offset`, `Upload-Complete`); one that answers gets the rest with `Content-Range`, any
//! other gets everything again.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::{Instant, Sleep};
use tracing::{info, warn};

use crate::telemetry::chain;

/// Tries before it is given up.
const TRIES: u32 = 12;
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Bytes that are sent at once.
const CHUNK: usize = 16 * 1024;

/// Why nothing was uploaded.
#[derive(Debug, thiserror::Error)]
pub enum NotUploaded {
    /// The address is not one that the configuration allows.
    #[error("uploads to this address are not allowed: {0}")]
    Address(&'static str),
    /// The client cannot be made.
    #[error("no HTTPS client can be made: {0}")]
    Client(String),
    /// The receiver does not want it.
    #[error("the receiver answered {0}")]
    Refused(StatusCode),
    /// Every try failed.
    #[error("not through after {TRIES} tries: {0}")]
    GivenUp(String),
}

/// Where uploads may go, and how fast.
#[derive(Debug, Clone)]
pub struct Uploader {
    client: Client,
    hosts: Vec<String>,
    bytes_s: u64,
}

/// What one try came to.
enum Try {
    Done,
    Again(String),
    Never(NotUploaded),
}

impl Uploader {
    /// To these hosts, believing the usual authorities and those in `ca`.
    ///
    /// # Errors
    /// [`NotUploaded::Client`].
    pub fn new(hosts: &[String], ca: Option<&Path>, kb_s: u64) -> Result<Self, NotUploaded> {
        let told = |what: String| NotUploaded::Client(what);
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = ca {
            let found =
                CertificateDer::pem_file_iter(path).map_err(|error| told(format!("{}: {error}", path.display())))?;
            for root in found {
                let root = root.map_err(|error| told(format!("{}: {error}", path.display())))?;
                roots.add(root).map_err(|error| told(chain(&error)))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| told(chain(&error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .no_proxy()
            .referer(false)
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(0)
            .user_agent(concat!("esim-kiosk/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| told(chain(&error)))?;
        Ok(Uploader { client, hosts: hosts.to_vec(), bytes_s: kb_s.saturating_mul(1_024) })
    }

    /// Reads an address and checks that it may be used.
    ///
    /// # Errors
    /// [`NotUploaded::Address`].
    pub fn allowed(&self, text: &str) -> Result<Url, NotUploaded> {
        let url = Url::parse(text).map_err(|_| NotUploaded::Address("it cannot be read"))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotUploaded::Address("it carries a password"));
        }
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return Err(NotUploaded::Address("only https is (plain http to this machine alone)")),
        }
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
        let listed =
            self.hosts.iter().any(|known| known.eq_ignore_ascii_case(&host) || known.eq_ignore_ascii_case(&with_port));
        if listed { Ok(url) } else { Err(NotUploaded::Address("its host is not in fleet.upload_hosts")) }
    }

    /// Puts the bytes to the address, however often it takes.
    ///
    /// # Errors
    /// [`NotUploaded`].
    pub async fn put(&self, url: &Url, kind: &'static str, bytes: Bytes) -> Result<(), NotUploaded> {
        let mut from = Some(0_usize);
        let mut last = String::new();
        for tried in 1..=TRIES {
            let outcome = match from {
                Some(from) if from == bytes.len() && from > 0 => Try::Done,
                _ => self.try_once(url, kind, &bytes, from.unwrap_or(0)).await,
            };
            match outcome {
                Try::Done => return Ok(()),
                Try::Never(why) => return Err(why),
                Try::Again(why) => {
                    warn!(tried, why, "the upload broke off");
                    last = why;
                }
            }
            tokio::time::sleep(Duration::from_secs(1 << (tried - 1).min(6)).min(PAUSE_MAX)).await;
            from = self.taken(url, bytes.len()).await;
            info!(from, "the upload goes on");
        }
        Err(NotUploaded::GivenUp(last))
    }

    async fn try_once(&self, url: &Url, kind: &'static str, bytes: &Bytes, from: usize) -> Try {
        let rest = bytes.slice(from..);
        let mut request = self.client.put(url.clone()).header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, rest.len());
        if from > 0 {
            request = request.header(CONTENT_RANGE, format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()));
        }
        let body = reqwest::Body::wrap(Paced::new(rest, self.bytes_s));
        match request.body(body).send().await {
            Err(error) => Try::Again(chain(&error.without_url())),
            Ok(answer) => {
                let status = answer.status();
                let again = [
                    StatusCode::REQUEST_TIMEOUT,
                    StatusCode::CONFLICT,
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    StatusCode::TOO_EARLY,
                    StatusCode::TOO_MANY_REQUESTS,
                ];
                // 308 with a range says how much has arrived; without one it is a redirect like any other.
                let incomplete = status == StatusCode::PERMANENT_REDIRECT && answer.headers().contains_key("range");
                match status {
                    _ if status.is_success() => Try::Done,
                    _ if status.is_server_error() || again.contains(&status) || incomplete => {
                        Try::Again(format!("the receiver answered {status}"))
                    }
                    _ => Try::Never(NotUploaded::Refused(status)),
                }
            }
        }
    }

    /// How many bytes the receiver has, where it can tell.
    async fn taken(&self, url: &Url, whole: usize) -> Option<usize> {
        let answer = self.client.head(url.clone()).timeout(Duration::from_secs(20)).send().await.ok()?;
        let headers: &HeaderMap = answer.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let offset: usize = text("upload-offset")?.parse().ok()?;
        (answer.status().is_success() && offset <= whole).then_some(offset)
    }
}

/// A body that is sent at a pace.
struct Paced {
    bytes: Bytes,
    bytes_s: u64,
    next: Pin<Box<Sleep>>,
}

impl Paced {
    fn new(bytes: Bytes, bytes_s: u64) -> Self {
        Paced { bytes, bytes_s, next: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        if self.next.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let length = self.bytes.len().min(CHUNK);
        let chunk = self.bytes.split_to(length);
        let micros = (length as u64).saturating_mul(1_000_000) / self.bytes_s.max(1);
        self.next.as_mut().reset(Instant::now() + Duration::from_micros(micros));
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_over_https_or_this_machine() {
        let hosts = ["support.example.com".to_owned(), "127.0.0.1:8000".to_owned()];
        let uploader = Uploader::new(&hosts, None, 100).unwrap();
        for good in
            ["https://support.example.com/x?sig=1", "https://SUPPORT.example.com:444/x", "http://127.0.0.1:8000/te/v1"]
        {
            assert!(uploader.allowed(good).is_ok(), "{good}");
        }
        for bad in [
            "http://support.example.com/x",
            "https://support.example.com.evil.io/x",
            "https://evil.io/support.example.com",
            "https://support.example.com@evil.io/",
            "https://u:p@support.example.com/",
            "http://127.0.0.1:8001/",
            "file:///etc/shadow",
            "ftp://support.example.com/",
            "",
        ] {
            assert!(uploader.allowed(bad).is_err(), "{bad}");
        }
    }
}
