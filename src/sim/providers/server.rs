//! The doors: TCP on loopback, TLS, HTTP/1.1, and everything that can go wrong below an answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Provider;
use super::call::Call;
use super::fault::{Effect, LineFault};
use super::house::{Shared, Verdict};
use super::line::Line;
use super::outgoing::Outgoing;

/// Requests larger than this are cut off.
const REQUEST_MAX: usize = 8 << 20;

/// One listening port.
pub(super) struct Door {
    pub(super) port: u16,
    pub(super) providers: Vec<Provider>,
    /// Keeps the port ours while nobody listens, so that connecting is refused and nobody else can take it.
    _reserved: TcpSocket,
    open: watch::Sender<bool>,
}

impl Door {
    /// Takes a port of loopback (0: any free one).
    pub(super) fn reserve(port: u16, providers: Vec<Provider>) -> io::Result<Door> {
        let socket = socket(port)?;
        let port = socket.local_addr()?.port();
        Ok(Door { port, providers, _reserved: socket, open: watch::Sender::new(true) })
    }

    /// Opens or closes the door. Closing refuses new connections and resets those that are there.
    pub(super) fn set_open(&self, open: bool) {
        self.open.send_if_modified(|now| std::mem::replace(now, open) != open);
    }

    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        socket(self.port)?.listen(256)
    }
}

fn socket(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

/// Serves a door until the simulation ends.
pub(super) async fn keep(door: Arc<Door>, first: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut open = door.open.subscribe();
    let mut listener = Some(first);
    loop {
        if *open.borrow_and_update() {
            let Some(ears) = listener.take().map_or_else(|| door.listen(), Ok).ok() else { return };
            tell(&shared, door.port, true);
            serve(&door, ears, &acceptor, &shared, &mut open).await;
        } else {
            tell(&shared, door.port, false);
            if open.changed().await.is_err() {
                return;
            }
        }
    }
}

fn tell(shared: &Shared, port: u16, open: bool) {
    shared.lock().open_doors.insert(port, open);
    shared.announce();
}

async fn serve(
    door: &Arc<Door>,
    ears: TcpListener,
    acceptor: &TlsAcceptor,
    shared: &Arc<Shared>,
    open: &mut watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            _ = open.changed() => return,
            accepted = ears.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (door, acceptor, shared) = (door.clone(), acceptor.clone(), shared.clone());
                tokio::spawn(async move { connection(door, stream, acceptor, shared).await });
            }
        }
    }
}

async fn connection(door: Arc<Door>, stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut open = door.open.subscribe();
    stream.set_nodelay(true).ok();
    let reset = Arc::new(AtomicBool::new(false));
    let line = Line::new(stream, reset.clone());
    let work = talk(door, line, acceptor, shared, reset.clone());
    let closed = async {
        open.wait_for(|open| !open).await.ok();
        reset.store(true, Ordering::Relaxed);
    };
    tokio::select! {
        () = work => {}
        () = closed => {}
    }
}

async fn talk(door: Arc<Door>, mut line: Line, acceptor: TlsAcceptor, shared: Arc<Shared>, reset: Arc<AtomicBool>) {
    match shared.at_accept(&door.providers) {
        None => {}
        Some(LineFault::ResetAtOnce) => return reset.store(true, Ordering::Relaxed),
        Some(LineFault::Mute(time)) => return tokio::time::sleep(time).await,
        Some(LineFault::NotTls) => {
            line.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.ok();
            return;
        }
        Some(LineFault::CutHandshake) => {
            // A handshake record that announces more than it brings.
            line.write_all(&[22, 3, 3, 0, 90, 2, 0, 0, 86]).await.ok();
            return;
        }
    }
    let Ok(secure) = acceptor.accept(line).await else { return };
    let service = service_fn(|request| answer(&door, &shared, &reset, request));
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(secure), service).await.ok();
}

/// The answer never comes: hyper drops the connection.
#[derive(Debug, thiserror::Error)]
#[error("the simulated provider does not answer")]
struct NoAnswer;

async fn answer(
    door: &Door,
    shared: &Shared,
    reset: &AtomicBool,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, REQUEST_MAX).collect().await.map_err(|_| NoAnswer)?.to_bytes();
    let first = head.uri.path().split('/').find(|part| !part.is_empty()).unwrap_or("");
    let named = Provider::ALL.into_iter().find(|provider| provider.name() == first);
    let provider = named.filter(|named| door.providers.contains(named)).unwrap_or(door.providers[0]);
    let skip = usize::from(named == Some(provider)) + provider.base_parts();
    let call = Call::read(head.method, &head.uri, head.headers, body, skip);
    let Some(verdict) = shared.process(provider, &call) else {
        reset.store(true, Ordering::Relaxed);
        return Err(NoAnswer);
    };
    carry_out(verdict, reset).await
}

/// Sends the answer, or does to it what the fault wants.
async fn carry_out(verdict: Verdict, reset: &AtomicBool) -> Result<Response<Outgoing>, NoAnswer> {
    let Verdict { reply, effect, date } = verdict;
    let body = Bytes::from(reply.body);
    let half = body.len() / 2;
    let length = body.len() as u64;
    let mut announced = None;
    let outgoing = match effect {
        Some(Effect::Reset) => {
            reset.store(true, Ordering::Relaxed);
            return Err(NoAnswer);
        }
        Some(Effect::Close) => return Err(NoAnswer),
        Some(Effect::Hold(time)) => {
            tokio::time::sleep(time).await;
            return Err(NoAnswer);
        }
        Some(Effect::Delay(time)) => {
            tokio::time::sleep(time).await;
            Outgoing::whole(body)
        }
        Some(Effect::CutBody) => Outgoing::cut(&body, half, Some(length)),
        Some(Effect::CutBodyReset) => {
            reset.store(true, Ordering::Relaxed);
            Outgoing::cut(&body, half, Some(length))
        }
        Some(Effect::CutChunk) => Outgoing::cut(&body, half, None),
        Some(Effect::WrongLength(more)) => {
            let wrong = length.saturating_add_signed(i64::from(more));
            announced = Some(wrong);
            let kept = usize::try_from(wrong).unwrap_or(usize::MAX);
            if more > 0 { Outgoing::cut(&body, kept, Some(wrong)) } else { Outgoing::whole(body.slice(..kept)) }
        }
        Some(Effect::Drip { bytes, every }) => Outgoing::drip(&body, bytes, every),
        Some(Effect::Huge(bytes)) => Outgoing::padded(body, bytes),
        _ => Outgoing::whole(body),
    };
    let mut response = Response::builder().status(reply.status).header("date", date);
    if reply.status != 204 {
        response = response.header("content-type", reply.kind);
    }
    if let Some(wrong) = announced {
        response = response.header("content-length", wrong);
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(outgoing).map_err(|_| NoAnswer)
}

/// How long a run waits for a door to open or close before it is given up.
pub(super) const DOOR_PATIENCE: Duration = Duration::from_secs(10);
