//! A kiosk at the end of a cable of its own: a network namespace with one end of a virtual pair in it. Cut, it goes as
//! a real one does: the carrier is gone, and nobody is told that the connection is.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// Where distributions put iproute2.
const PROGRAMS: [&str; 4] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/// The cable; namespace and pair are gone when this is dropped.
pub(super) struct Cable {
    ip: &'static str,
    space: String,
    here: String,
    subnet: u8,
}

impl Cable {
    /// Lays it, plugged in.
    ///
    /// # Errors
    /// Why there can be none: no iproute2, no root, a kernel without namespaces.
    pub(super) fn lay() -> Result<Cable, String> {
        static LAID: AtomicU8 = AtomicU8::new(0);
        let found = PROGRAMS.into_iter().find(|path| std::path::Path::new(path).exists());
        let ip = found.ok_or("iproute2 is needed: apt-get install iproute2")?;
        let number = std::process::id();
        // Each run and each cable its own addresses, as far as a byte goes.
        let subnet = u8::try_from(number % 200).unwrap_or(0).wrapping_add(LAID.fetch_add(1, Ordering::Relaxed));
        let cable = Cable { ip, space: format!("kiosk-{number}-{subnet}"), here: format!("kc{number}"), subnet };
        let (space, here, inside) = (cable.space.as_str(), cable.here.as_str(), "cable");
        let (address, other) = (format!("{}/30", cable.operator()), format!("10.231.{subnet}.2/30"));
        let steps: [&[&str]; 7] = [
            &["netns", "add", space],
            &["link", "add", here, "type", "veth", "peer", "name", inside, "netns", space],
            &["address", "add", &address, "dev", here],
            &["link", "set", here, "up"],
            &["-n", space, "address", "add", &other, "dev", inside],
            &["-n", space, "link", "set", "lo", "up"],
            &["-n", space, "link", "set", inside, "up"],
        ];
        // What was made until then goes with the drop.
        steps.iter().try_for_each(|words| cable.ip(words)).map(|()| cable)
    }

    fn ip(&self, words: &[&str]) -> Result<(), String> {
        let done = Command::new(self.ip).args(words).stdin(Stdio::null()).output();
        let done = done.map_err(|error| format!("{}: {error}", self.ip))?;
        let said = String::from_utf8_lossy(&done.stderr);
        if done.status.success() { Ok(()) } else { Err(format!("ip {}: {}", words.join(" "), said.trim())) }
    }

    /// This side's address: where broker and receiver listen.
    pub(super) fn operator(&self) -> IpAddr {
        Ipv4Addr::new(10, 231, self.subnet, 1).into()
    }

    /// A program at the other end.
    pub(super) fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(self.ip);
        command.args(["netns", "exec", &self.space]).arg(program);
        command
    }

    /// Pulls the plug.
    pub(super) fn cut(&self) -> Result<(), String> {
        self.ip(&["link", "set", &self.here, "down"])
    }

    /// Puts it in again.
    pub(super) fn plug(&self) -> Result<(), String> {
        self.ip(&["link", "set", &self.here, "up"])
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // What was never made cannot be removed either.
        self.ip(&["link", "delete", &self.here]).ok();
        self.ip(&["netns", "delete", &self.space]).ok();
    }
}
