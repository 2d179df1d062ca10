//! The service's local socket: what an operator orders by the command line enters the loop's inbox here.
//!
//! ```text
//! connect → the peer's user is read from the kernel: root, the service's own user, or the group of the socket file
//! → {"order":"decide", …}\n          one order a connection, at most 64 KiB
//! ← {"ok":true,"text":"…","value":…}\n
//! ```

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::kiosk::{Inbox, OperatorAnswer, OperatorCommand};

/// Longest order, in bytes.
const ORDER_MAX: u64 = 64 * 1024;
/// Time for an order to arrive, and for its answer to be taken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody listens: the service does not run.
    #[error("the service does not listen at {path}: is it running? (systemctl status esim-kiosk)")]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke, or we are not let in.
    #[error("the service gave no answer: call as root, or as the service's user")]
    Broken(#[source] std::io::Error),
    /// The answer cannot be read.
    #[error("the service's answer cannot be read: program and service must be of the same version")]
    Unreadable(#[source] serde_json::Error),
}

/// Listens at `path`. An old socket file that nobody listens at is replaced.
///
/// # Errors
/// What the system said.
pub fn listen(path: &Path) -> std::io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Serves orders until the loop is gone.
pub async fn serve(listener: UnixListener, inbox: mpsc::Sender<Inbox>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the control socket does not accept");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            },
            () = inbox.closed() => return,
        };
        let inbox = inbox.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, inbox).await {
                info!(%error, "an operator's connection ended early");
            }
        });
    }
}

/// Whether this user may order: root, or whoever the service runs as.
fn may_order(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

async fn answer(mut stream: UnixStream, inbox: mpsc::Sender<Inbox>) -> std::io::Result<()> {
    let user = stream.peer_cred()?.uid();
    let (read, mut write) = stream.split();
    let said = if may_order(user) {
        let mut line = String::new();
        timeout(PATIENCE, BufReader::new(read.take(ORDER_MAX)).read_line(&mut line)).await??;
        match serde_json::from_str::<OperatorCommand>(&line) {
            Ok(command) => order(command, user, &inbox).await,
            Err(error) => OperatorAnswer::refused(format!("the order cannot be read: {error}")),
        }
    } else {
        OperatorAnswer::refused(format!("user {user} may not give orders: call as root"))
    };
    let mut text = serde_json::to_string(&said).map_err(std::io::Error::other)?;
    text.push('\n');
    timeout(PATIENCE, write.write_all(text.as_bytes())).await?
}

async fn order(command: OperatorCommand, user: u32, inbox: &mpsc::Sender<Inbox>) -> OperatorAnswer {
    info!(?command, user, "an order at the control socket");
    let patience = command.patience();
    let (tell, told) = oneshot::channel();
    if inbox.send(Inbox::Order { command, answer: tell }).await.is_err() {
        return OperatorAnswer::refused("the kiosk is stopping".to_owned());
    }
    match timeout(patience, told).await {
        Ok(said) => said.unwrap_or_else(|_| OperatorAnswer::refused("the kiosk stopped before it answered")),
        Err(_) => {
            OperatorAnswer::refused("it is begun and has not ended: look at the log and at `esim-kiosk sales list`")
        }
    }
}

/// Gives one order to the running service and waits for its answer.
///
/// # Errors
/// [`NoAnswer`] says what to do.
pub async fn ask(path: &Path, command: &OperatorCommand) -> Result<OperatorAnswer, NoAnswer> {
    let stream = UnixStream::connect(path).await;
    let mut stream = stream.map_err(|source| NoAnswer::NotRunning { path: path.to_owned(), source })?;
    let mut text = serde_json::to_string(command).map_err(NoAnswer::Unreadable)?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await.map_err(NoAnswer::Broken)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.map_err(NoAnswer::Broken)?;
    serde_json::from_str(&line).map_err(NoAnswer::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_reaches_the_loop_and_its_answer_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run").join("control.sock");
        assert!(matches!(ask(&path, &OperatorCommand::Adopt).await, Err(NoAnswer::NotRunning { .. })));
        let (inbox, mut queue) = mpsc::channel(4);
        let listener = listen(&path).unwrap();
        let serving = tokio::spawn(serve(listener, inbox));
        let (asked, told) = tokio::join!(ask(&path, &OperatorCommand::Lock(true)), async {
            let Some(Inbox::Order { command, answer }) = queue.recv().await else { panic!("no order") };
            answer.send(OperatorAnswer::done("closed".to_owned())).unwrap();
            command
        });
        assert_eq!((asked.unwrap().text.as_str(), told), ("closed", OperatorCommand::Lock(true)));
        // What is no order is answered, and the next one is served.
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(b"{\"order\":\"dance\"}\n").await.unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        assert!(line.contains("\"ok\":false"), "{line}");
        drop(queue);
        serving.await.unwrap();
    }

    #[test]
    fn only_root_and_the_services_own_user_may_order() {
        let own = rustix::process::geteuid().as_raw();
        assert!(may_order(0) && may_order(own) && !may_order(own.wrapping_add(1).max(1)));
    }
}
