//! What a simulated server lives in: a runtime in a thread of its own, until it is dropped; and how others wait for
//! what it has seen.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

/// A thread in which a server runs. It ends when this is dropped.
pub(in crate::sim) struct Host {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// A runtime of one thread, as every simulated server has.
    pub(in crate::sim) fn runtime() -> io::Result<Runtime> {
        Builder::new_current_thread().enable_all().build()
    }

    /// Runs a server in it, and whatever was spawned on the runtime before.
    pub(in crate::sim) fn start<F: Future<Output = ()>>(
        name: &str,
        runtime: Runtime,
        serve: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<Host> {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Told to end, or forgotten.
                    _ = stopped => {}
                    () = serve() => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Host { stop: Some(stop), thread: Some(thread) })
    }

    /// Runs a server that listens at an address (port 0: any free one). The port is open when this returns.
    pub(in crate::sim) fn listen<F: Future<Output = ()>>(
        name: &str,
        address: SocketAddr,
        serve: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static,
    ) -> io::Result<(Host, u16)> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let host = Host::start(name, Host::runtime()?, move || async move {
            // It was bound above: what is left that could fail is registering it with this runtime.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                serve(listener).await;
            }
        })?;
        Ok((host, port))
    }
}

/// Tells those who wait for something that it may have come.
pub(in crate::sim) struct Changes(watch::Sender<u64>);

impl Changes {
    /// Nothing has changed yet.
    pub(in crate::sim) fn new() -> Changes {
        Changes(watch::Sender::new(0))
    }

    /// Something has changed.
    pub(in crate::sim) fn tell(&self) {
        self.0.send_modify(|revision| *revision += 1);
    }

    /// Waits until this is so.
    pub(in crate::sim) async fn until(&self, mut asked: impl FnMut() -> bool) {
        let mut revision = self.0.subscribe();
        loop {
            revision.mark_unchanged();
            if asked() || revision.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
