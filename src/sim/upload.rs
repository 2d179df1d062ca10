//! A place to which a kiosk uploads its bundles: HTTPS PUT on loopback, whole or continued after a cut.
//!
//! `PUT /any/path` stores a file (201, or 200 where one was replaced), as thin-edge.io's file transfer service does
//! for the address in `tedgeUrl`. What arrived before a connection broke is kept. `HEAD` tells how many bytes are
//! there (`Upload-Offset`, and `Upload-Complete: ?1` once all are); `PUT` with `Content-Range: bytes 100-199/200`
//! goes on from there, answers 308 with `Range: bytes=0-199` while bytes are missing, and 416 if the offset is not
//! where the file ends. `GET` gives a complete file back, `DELETE` removes it.

mod range;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::range::{Part, part};
use super::fleet::pki::{Admits, Pki};
use super::host::{Changes, Host};
use super::providers::line::Line;
use super::providers::tls::Authority;

/// What goes wrong with one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadFault {
    /// The connection is reset after so many bytes of the body, which are kept.
    ResetAfter(u64),
    /// Closed after so many bytes, which are kept.
    CloseAfter(u64),
    /// Everything is stored, then the connection is reset instead of an answer.
    ResetInsteadOfAnswer,
    /// Refused with this status, the body thrown away (401, 413, 500, 503, 507).
    Status(u16),
    /// A redirect to another host.
    Redirect,
    /// No byte is read for so long.
    Hold(Duration),
}

/// One file as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The path of its address.
    pub path: String,
    /// Where its bytes are.
    pub file: PathBuf,
    /// How many there are.
    pub bytes: u64,
    /// Whether they are all.
    pub complete: bool,
    /// How many requests brought them.
    pub requests: u32,
    /// How many came in all, those that came twice counted twice.
    pub received: u64,
    /// `Authorization` of the last request, if there was one.
    pub authorization: Option<String>,
}

#[derive(Default)]
struct Store {
    folder: PathBuf,
    uploads: BTreeMap<String, Upload>,
    faults: Vec<UploadFault>,
    limit: Option<u64>,
    requests: u64,
}

struct Shared {
    store: Mutex<Store>,
    changes: Changes,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sink. It ends when this is dropped; its files stay.
pub struct UploadSink {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: String,
    _host: Host,
}

impl UploadSink {
    /// Listens on a port of loopback (0: any free one) and stores into `folder`.
    ///
    /// # Errors
    /// A port that is taken, a folder that cannot be made.
    pub fn start(port: u16, folder: &Path) -> io::Result<UploadSink> {
        let authority = Authority::make()?;
        Self::open(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), folder, authority.acceptor, authority.pem)
    }

    /// Listens on any free port of an address of this machine with a certificate of that authority, and lets in whom
    /// it admits.
    ///
    /// # Errors
    /// An address that is not this machine's, a folder that cannot be made.
    pub fn behind(address: IpAddr, folder: &Path, pki: &Pki, admits: Admits) -> io::Result<UploadSink> {
        let ca_pem = std::fs::read_to_string(pki.ca())?;
        Self::open(SocketAddr::from((address, 0)), folder, pki.acceptor(admits)?, ca_pem)
    }

    fn open(address: SocketAddr, folder: &Path, acceptor: TlsAcceptor, ca_pem: String) -> io::Result<UploadSink> {
        std::fs::create_dir_all(folder)?;
        let store = Store { folder: folder.to_owned(), ..Store::default() };
        let shared = Arc::new(Shared { store: Mutex::new(store), changes: Changes::new() });
        let inner = shared.clone();
        let (host, port) = Host::listen("sim-upload", address, move |listener| listen(listener, acceptor, inner))?;
        let address = SocketAddr::from((address.ip(), port));
        Ok(UploadSink { shared, address, ca_pem, _host: host })
    }

    /// The address of a file here.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}/{}", self.address, path.trim_start_matches('/'))
    }

    /// The authority to be trusted, as PEM text.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Arms a fault for the next PUT; several strike one after the other.
    pub fn fault(&self, fault: UploadFault) {
        self.shared.lock().faults.push(fault);
    }

    /// Refuses files larger than this with 413.
    pub fn limit(&self, bytes: Option<u64>) {
        self.shared.lock().limit = bytes;
    }

    /// All files, by path.
    pub fn uploads(&self) -> Vec<Upload> {
        self.shared.lock().uploads.values().cloned().collect()
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.shared.lock().requests
    }

    /// Waits until the files are as asked.
    pub async fn until(&self, mut asked: impl FnMut(&[Upload]) -> bool) {
        self.shared.changes.until(|| asked(&self.uploads())).await;
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let reset = Arc::new(AtomicBool::new(false));
            let Ok(secure) = acceptor.accept(Line::new(stream, reset.clone())).await else { return };
            let service = service_fn(|request| serve(&shared, &reset, request));
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(secure), service).await.ok();
        });
    }
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulated upload server does not answer")]
struct NoAnswer;

type Answer = Result<Response<Full<Bytes>>, NoAnswer>;

fn plain(status: StatusCode, headers: &[(&str, String)]) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Full::default()).map_err(|_| NoAnswer)
}

fn refuse(status: StatusCode, headers: &[(&str, String)]) -> Box<Answer> {
    Box::new(plain(status, headers))
}

async fn serve(shared: &Shared, reset: &AtomicBool, request: Request<Incoming>) -> Answer {
    shared.lock().requests += 1;
    let path = request.uri().path().to_owned();
    let found = shared.lock().uploads.get(&path).cloned();
    match (request.method(), found) {
        (&Method::PUT, _) => put(shared, reset, path, request).await,
        (_, None) => plain(StatusCode::NOT_FOUND, &[]),
        (&Method::HEAD, Some(upload)) => {
            let done = if upload.complete { "?1" } else { "?0" };
            plain(StatusCode::OK, &[("upload-offset", upload.bytes.to_string()), ("upload-complete", done.to_owned())])
        }
        (&Method::GET, Some(upload)) if upload.complete => {
            let bytes = std::fs::read(&upload.file).map_err(|_| NoAnswer)?;
            Response::builder().body(Full::from(bytes)).map_err(|_| NoAnswer)
        }
        (&Method::GET, Some(_)) => plain(StatusCode::CONFLICT, &[]),
        (&Method::DELETE, Some(upload)) => {
            std::fs::remove_file(upload.file).ok();
            shared.lock().uploads.remove(&path);
            plain(StatusCode::NO_CONTENT, &[])
        }
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, &[]),
    }
}

/// 308 with what is there.
fn incomplete(have: u64) -> Answer {
    let range = have.checked_sub(1).map(|last| ("range", format!("bytes=0-{last}")));
    plain(StatusCode::PERMANENT_REDIRECT, range.as_slice())
}

/// What a PUT that may go on brings.
struct Plan {
    continued: bool,
    total: Option<u64>,
    authorization: Option<String>,
}

/// Whether a PUT may bring its body; the answer if not.
fn admit(
    shared: &Shared,
    path: &str,
    request: &Request<Incoming>,
    fault: Option<UploadFault>,
) -> Result<Plan, Box<Answer>> {
    if let Some(UploadFault::Status(code)) = fault {
        return Err(refuse(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &[]));
    }
    if fault == Some(UploadFault::Redirect) {
        let elsewhere = "https://127.0.0.1:1/elsewhere".to_owned();
        return Err(refuse(StatusCode::TEMPORARY_REDIRECT, &[("location", elsewhere)]));
    }
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let continued = match header("content-range").map(|text| part(&text)) {
        Some(None) => return Err(refuse(StatusCode::BAD_REQUEST, &[])),
        Some(Some(part)) => Some(part),
        None => None,
    };
    let (have, limit) = {
        let store = shared.lock();
        (store.uploads.get(path).map_or(0, |upload| upload.bytes), store.limit)
    };
    let total = continued.map_or_else(|| request.body().size_hint().exact(), |part| part.total);
    if let Some(Part { first, .. }) = continued {
        match first {
            None if total == Some(have) => return Err(refuse(StatusCode::OK, &[])),
            None => return Err(incomplete(have).into()),
            Some(first) if first != have => {
                let offset = [("upload-offset", have.to_string())];
                return Err(refuse(StatusCode::RANGE_NOT_SATISFIABLE, &offset));
            }
            Some(_) => {}
        }
    }
    if total.zip(limit).is_some_and(|(total, limit)| total > limit) {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, &[]));
    }
    Ok(Plan { continued: continued.is_some(), total, authorization: header("authorization") })
}

async fn put(shared: &Shared, reset: &AtomicBool, path: String, request: Request<Incoming>) -> Answer {
    let fault = {
        let mut store = shared.lock();
        if store.faults.is_empty() { None } else { Some(store.faults.remove(0)) }
    };
    if let Some(UploadFault::Hold(time)) = fault {
        tokio::time::sleep(time).await;
    }
    let plan = match admit(shared, &path, &request, fault) {
        Ok(plan) => plan,
        Err(answer) => {
            // Read what comes, or the answer may be lost in a reset.
            let mut body = request.into_body();
            while let Some(Ok(_)) = body.frame().await {}
            return *answer;
        }
    };
    let replaced = begin(shared, &path, plan.continued, plan.authorization).map_err(|_| NoAnswer)?;
    let whole = receive(shared, &path, request.into_body(), fault).await;
    let cut = matches!(fault, Some(UploadFault::ResetAfter(_) | UploadFault::ResetInsteadOfAnswer));
    reset.store(cut, Ordering::Relaxed);
    let have = finish(shared, &path, whole, plan.total);
    if !whole || cut {
        return Err(NoAnswer);
    }
    match plan.total {
        Some(total) if have < total => incomplete(have),
        _ if replaced => plain(StatusCode::OK, &[]),
        _ => plain(StatusCode::CREATED, &[]),
    }
}

/// Opens or goes on with a file; whether a complete one was there.
fn begin(shared: &Shared, path: &str, go_on: bool, authorization: Option<String>) -> io::Result<bool> {
    let mut store = shared.lock();
    let digest: String = Sha256::digest(path.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = path
        .rsplit('/')
        .next()
        .unwrap_or("")
        .replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.', "_");
    let file = store.folder.join(format!("{digest}-{name}"));
    let upload = store.uploads.entry(path.to_owned()).or_insert_with(|| Upload {
        path: path.to_owned(),
        file: file.clone(),
        bytes: 0,
        complete: false,
        requests: 0,
        received: 0,
        authorization: None,
    });
    let replaced = upload.complete;
    upload.requests += 1;
    upload.authorization = authorization;
    upload.complete = false;
    if !go_on {
        upload.bytes = 0;
        std::fs::File::create(&file)?;
    }
    Ok(replaced)
}

/// Stores what comes; whether all of it came.
async fn receive(shared: &Shared, path: &str, mut body: Incoming, fault: Option<UploadFault>) -> bool {
    let mut left = match fault {
        Some(UploadFault::ResetAfter(bytes) | UploadFault::CloseAfter(bytes)) => Some(bytes),
        _ => None,
    };
    loop {
        if left == Some(0) {
            return false;
        }
        let data = match body.frame().await {
            None => return left.is_none(),
            Some(Err(_)) => return false,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        let kept = left.map_or(data.len(), |left| data.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        left = left.map(|left| left - kept as u64);
        if append(shared, path, &data[..kept]).is_err() {
            return false;
        }
    }
}

fn append(shared: &Shared, path: &str, bytes: &[u8]) -> io::Result<()> {
    if let Some(upload) = shared.lock().uploads.get_mut(path) {
        std::fs::OpenOptions::new().append(true).open(&upload.file)?.write_all(bytes)?;
        upload.bytes += bytes.len() as u64;
        upload.received += bytes.len() as u64;
    }
    shared.changes.tell();
    Ok(())
}

/// Marks the file complete if it is; how many bytes there are.
fn finish(shared: &Shared, path: &str, whole: bool, total: Option<u64>) -> u64 {
    let have = {
        let mut store = shared.lock();
        store.uploads.get_mut(path).map_or(0, |upload| {
            upload.complete = total.map_or(whole, |total| upload.bytes == total);
            upload.bytes
        })
    };
    shared.changes.tell();
    have
}
