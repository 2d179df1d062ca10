//! Bytes to where the operator wants them: HTTPS PUT, paced, and continued after a cut where the receiver can.
//!
//! The first try sends everything, as thin-edge.io's file transfer service takes it. After a cut the receiver is asked
//! with HEAD what it has (`Upload-Offset`, `Upload-Complete`); one that answers gets the rest with `Content-Range`, any
//! other gets everything again. What it has may be another bundle's, of a program that was cut off: it counts only up to
//! what this upload has handed over.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, StatusCode, Url};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use super::paced::Paced;
use crate::telemetry::chain;

/// Tries before it is given up.
const TRIES: u32 = 12;
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A line on which nothing moves for so long is given up.
const STALL: Duration = Duration::from_secs(60);
/// So long may the receiver take to answer once it was handed everything: the system may still be sending.
const ANSWER: Duration = Duration::from_secs(180);

/// Why nothing was uploaded.
#[derive(Debug, thiserror::Error)]
pub enum NotUploaded {
    /// The address is not one that the configuration allows.
    #[error("uploads to this address are not allowed: {0}")]
    Address(&'static str),
    /// A certificate or key cannot be used.
    #[error("{path} cannot be used for uploads: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
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

/// A certificate that is shown to receivers that ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Where uploads may go, how fast, and as whom. Files are read at each try: replacing them is enough.
#[derive(Debug, Clone)]
pub struct Uploader {
    /// Hosts, with or without their port.
    pub hosts: Vec<String>,
    /// Authorities that are believed beside the usual ones.
    pub ca: Option<PathBuf>,
    /// Shown to receivers that ask for a certificate; none: such receivers refuse us.
    pub identity: Option<Identity>,
    /// Kilobytes a second.
    pub kb_s: u64,
}

/// What one try came to.
enum Try {
    Done,
    Again(String),
    Never(NotUploaded),
}

impl Uploader {
    fn client(&self) -> Result<Client, NotUploaded> {
        let told = |error: &dyn std::error::Error| NotUploaded::Client(chain(error));
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &self.ca {
            for root in certificates(path)? {
                roots.add(root).map_err(|error| unusable(path, &error))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| told(&error))?
            .with_root_certificates(roots);
        let tls = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
                builder
                    .with_client_auth_cert(certificates(certificate)?, secret)
                    .map_err(|error| unusable(certificate, &error))?
            }
        };
        Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .no_proxy()
            .referer(false)
            .connect_timeout(Duration::from_secs(15))
            .pool_max_idle_per_host(0)
            .user_agent(concat!("esim-kiosk/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| told(&error))
    }

    /// Whether certificates and key can be used.
    ///
    /// # Errors
    /// [`NotUploaded::File`], [`NotUploaded::Client`].
    pub fn check(&self) -> Result<(), NotUploaded> {
        self.client().map(drop)
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

    /// Puts the bytes to the address, however often it takes; slowly while a traveller is `busy` buying.
    ///
    /// # Errors
    /// [`NotUploaded`].
    pub async fn put(
        &self,
        url: &Url,
        kind: &'static str,
        bytes: Bytes,
        busy: &watch::Receiver<bool>,
    ) -> Result<(), NotUploaded> {
        // What is wrong from the beginning is told at once; later it may be a file that is just being replaced.
        let mut client = self.client()?;
        let mut from = Some(0_usize);
        let mut handed = 0;
        let mut last = String::new();
        for tried in 1..=TRIES {
            let outcome = match from {
                Some(from) if from == bytes.len() && from > 0 => Try::Done,
                _ => {
                    let from = from.unwrap_or(0);
                    let (outcome, moved) = self.try_once(&client, url, (kind, busy), &bytes, from).await;
                    handed = handed.max(if moved > 0 { from + moved } else { 0 });
                    outcome
                }
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
            match self.client() {
                Ok(new) => client = new,
                Err(error) => warn!(%error, "the upload goes on with the certificates of before"),
            }
            from = taken(&client, url, handed).await;
            info!(from, "the upload goes on");
        }
        Err(NotUploaded::GivenUp(last))
    }

    /// What it came to, and how many bytes were handed over.
    async fn try_once(
        &self,
        client: &Client,
        url: &Url,
        (kind, busy): (&'static str, &watch::Receiver<bool>),
        bytes: &Bytes,
        from: usize,
    ) -> (Try, usize) {
        let rest = bytes.slice(from..);
        let mut request = client.put(url.clone()).header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, rest.len());
        if from > 0 {
            request = request.header(CONTENT_RANGE, format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()));
        }
        let (body, moved) = Paced::new(rest, self.kb_s.saturating_mul(1_024), busy.clone());
        let outcome = tokio::select! {
            sent = request.body(reqwest::Body::wrap(body)).send() => Try::of(sent),
            () = stalled(moved.clone()) => Try::Again("nothing moved on the line any more".to_owned()),
        };
        let moved = *moved.borrow();
        (outcome, moved)
    }
}

impl Try {
    fn of(sent: Result<reqwest::Response, reqwest::Error>) -> Try {
        match sent {
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
}

/// How many bytes the receiver has, where it can tell: at most as many as were handed to it.
async fn taken(client: &Client, url: &Url, handed: usize) -> Option<usize> {
    let answer = client.head(url.clone()).timeout(Duration::from_secs(20)).send().await.ok()?;
    let headers: &HeaderMap = answer.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let offset: usize = text("upload-offset")?.parse().ok()?;
    (answer.status().is_success() && offset <= handed).then_some(offset)
}

/// Ends when the line has stood still for too long. A time for the whole upload would end every long one.
async fn stalled(mut moved: watch::Receiver<usize>) {
    loop {
        match timeout(STALL, moved.changed()).await {
            Ok(Ok(())) => {}
            // Everything was handed over: now the answer is waited for.
            Ok(Err(_)) => return tokio::time::sleep(ANSWER).await,
            Err(_) => return,
        }
    }
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> NotUploaded {
    NotUploaded::File { path: path.to_owned(), why: chain(error) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NotUploaded> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?.collect();
    let found = found.map_err(|error| unusable(path, &error))?;
    let none = || NotUploaded::File { path: path.to_owned(), why: "there is no CERTIFICATE block in it".to_owned() };
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_over_https_or_this_machine() {
        let hosts = ["support.example.com".to_owned(), "127.0.0.1:8000".to_owned()];
        let uploader = Uploader { hosts: hosts.to_vec(), ca: None, identity: None, kb_s: 100 };
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

    #[tokio::test(start_paused = true)]
    async fn a_long_upload_is_not_cut_and_one_that_stands_still_is() {
        let (moves, moved) = watch::channel(0);
        let mut standing = Box::pin(stalled(moved));
        // An hour in which something moves now and then.
        for _ in 0..72 {
            assert!(timeout(STALL - Duration::from_secs(10), &mut standing).await.is_err());
            moves.send_modify(|taken| *taken += 1);
        }
        assert!(timeout(STALL + Duration::from_secs(1), &mut standing).await.is_ok(), "nothing moves any more");
        // Everything was handed over: the answer has its own time.
        let (moves, moved) = watch::channel(0);
        let mut standing = Box::pin(stalled(moved));
        drop(moves);
        assert!(timeout(ANSWER - Duration::from_secs(1), &mut standing).await.is_err());
        assert!(timeout(Duration::from_secs(2), &mut standing).await.is_ok());
    }

    /// One request: its head in lower case, and its body.
    async fn request(stream: &mut tokio::net::TcpStream) -> (String, Vec<u8>) {
        use tokio::io::AsyncReadExt;
        let mut bytes = Vec::new();
        let head = loop {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut within the head");
            if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                break String::from_utf8(bytes.drain(..at + 4).collect()).unwrap().to_lowercase();
            }
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        while bytes.len() < length {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut within the body");
        }
        (head, bytes)
    }

    /// The program was killed after 1 000 bytes of a bundle. The next program's bundle is another one, and its first try
    /// does not connect: what the receiver has is not of this bundle.
    #[tokio::test]
    async fn what_another_bundle_left_at_the_receiver_is_not_continued() {
        use tokio::io::AsyncWriteExt;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let uploader = Uploader { hosts: vec![address.to_string()], ca: None, identity: None, kb_s: 10_000 };
        let url = uploader.allowed(&format!("http://{address}/bundle")).unwrap();
        let bundle = Bytes::from(vec![7_u8; 50_000]);
        let (_, busy) = watch::channel(false);
        // Nobody listens at the port yet, and nobody else can.
        let client = uploader.client().unwrap();
        let (refused, moved) = uploader.try_once(&client, &url, ("application/zip", &busy), &bundle, 0).await;
        assert!(matches!(refused, Try::Again(_)) && moved == 0, "{moved}");
        let mut put = Box::pin(uploader.put(&url, "application/zip", bundle.clone(), &busy));
        assert!(timeout(Duration::from_millis(500), &mut put).await.is_err(), "it is between two tries");
        let listener = socket.listen(8).unwrap();
        let receiver = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (head, body) = request(&mut stream).await;
                let answer = if head.starts_with("head") { "200 OK\r\nUpload-Offset: 1000" } else { "201 Created" };
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                if head.starts_with("put") {
                    return (head, body);
                }
            }
        });
        put.await.unwrap();
        let (head, body) = receiver.await.unwrap();
        assert!(!head.contains("content-range"), "{head}");
        assert_eq!(body.len(), bundle.len(), "the whole of it, from its first byte");
    }
}
