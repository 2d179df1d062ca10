//! A Mosquitto with its own configuration on a free port of loopback.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::NotRun;
use crate::sim::fleet::pki::Pki;

/// Where distributions put it.
const PROGRAMS: [&str; 3] = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];

/// The broker; it ends when this is dropped.
pub(super) struct Mosquitto {
    program: PathBuf,
    config: PathBuf,
    child: Option<Child>,
    address: SocketAddr,
}

impl Mosquitto {
    /// Starts it in a folder, at an address of this machine; only clients of this authority are let in, and retained messages survive its end.
    pub(super) fn start(folder: &Path, pki: &Pki, at: IpAddr) -> Result<Mosquitto, NotRun> {
        let program =
            PROGRAMS.iter().map(PathBuf::from).find(|path| path.exists()).ok_or(NotRun::Missing("mosquitto"))?;
        let identity = pki.server()?;
        let address = TcpListener::bind(SocketAddr::from((at, 0)))?.local_addr()?;
        let port = address.port();
        let state = folder.join("mosquitto");
        std::fs::create_dir_all(&state)?;
        let user = if rustix::process::geteuid().is_root() { "user root\n" } else { "" };
        let text = format!(
            "{user}listener {port} {at}\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             use_identity_as_username true\nallow_anonymous false\npersistence true\npersistence_location {}/\n\
             autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 100000\nmax_inflight_messages 0\nlog_dest none\n",
            pki.ca().display(),
            identity.certificate.display(),
            identity.key.display(),
            state.display(),
        );
        let config = folder.join("mosquitto.conf");
        std::fs::File::create(&config)?.write_all(text.as_bytes())?;
        let mut broker = Mosquitto { program, config, child: None, address };
        broker.up()?;
        Ok(broker)
    }

    /// Its address.
    pub(super) fn url(&self) -> String {
        format!("mqtts://{}", self.address)
    }

    /// Starts it, and waits until it listens.
    pub(super) fn up(&mut self) -> io::Result<()> {
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(&self.config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        for _ in 0..200 {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "mosquitto does not listen"))
    }

    /// Kills it as it stands.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Its resident memory in KiB.
    pub(super) fn resident_kib(&self) -> u64 {
        let Some(child) = &self.child else { return 0 };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
        resident.unwrap_or(0)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}
