//! The section `[printer]` of the configuration.

use std::fmt;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::profile::{PROFILES, Profile};

/// The receipt printer: where it is, what it is, how long it may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrinterConfig {
    /// `serial:/dev/ttyS1`, `usb:/dev/usb/lp0` or `tcp:192.168.1.20:9100`.
    pub connection: Connection,
    /// A name of [`PROFILES`].
    pub model: String,
    /// A PNG of the operator, at most as wide as the paper; dark dots are printed.
    pub logo: Option<PathBuf>,
    /// Serial lines: bits per second.
    pub baud: u32,
    /// Serial lines: parity of the eight data bits.
    pub parity: Parity,
    /// Serial lines: how the printer says "wait".
    pub flow_control: FlowControl,
    /// A status request is answered within this time, in milliseconds.
    pub status_ms: u32,
    /// So often a status is asked before the printer counts as absent.
    pub status_tries: u8,
    /// The line may stand still for this time while a receipt is sent, in milliseconds.
    pub stall_ms: u32,
    /// Beyond its printing time a receipt may take this long, in milliseconds.
    pub finish_ms: u32,
    /// A connection is made within this time, in milliseconds.
    pub connect_ms: u32,
    /// A lost connection is tried again after this time, in milliseconds.
    pub reopen_ms: u32,
    /// A receipt that lies in the presenter after its traveller's session is taken back after this time, in
    /// milliseconds, or before the next receipt, whichever comes first.
    pub retract_after_ms: u32,
}

impl Default for PrinterConfig {
    fn default() -> Self {
        PrinterConfig {
            connection: Connection::Serial("/dev/ttyS1".into()),
            model: PROFILES[0].name.to_owned(),
            logo: None,
            baud: 115_200,
            parity: Parity::None,
            flow_control: FlowControl::RtsCts,
            status_ms: 500,
            status_tries: 3,
            stall_ms: 5_000,
            finish_ms: 10_000,
            connect_ms: 3_000,
            reopen_ms: 1_000,
            retract_after_ms: 20_000,
        }
    }
}

/// What is wrong with the section.
#[derive(Debug, thiserror::Error)]
pub enum PrinterConfigError {
    /// No such model.
    #[error("printer.model {model:?} is unknown: use one of {known}")]
    Model {
        /// What was asked for.
        model: String,
        /// What there is.
        known: String,
    },
    /// The picture cannot be read.
    #[error("printer.logo {path:?} cannot be read: give a PNG file that the service may read")]
    Logo {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The picture is wider than the paper.
    #[error("printer.logo is {width} dots wide, the paper of {model} has {dots}: give a narrower picture")]
    LogoWidth {
        /// Of the picture.
        width: u32,
        /// Of the paper.
        dots: u16,
        /// The model.
        model: &'static str,
    },
}

impl PrinterConfig {
    /// The model's data.
    ///
    /// # Errors
    /// [`PrinterConfigError::Model`] with the known names.
    pub fn profile(&self) -> Result<&'static Profile, PrinterConfigError> {
        Profile::named(&self.model).ok_or_else(|| PrinterConfigError::Model {
            model: self.model.clone(),
            known: PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", "),
        })
    }

    pub(super) fn status(&self) -> Duration {
        Duration::from_millis(self.status_ms.into())
    }

    pub(super) fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms.into())
    }

    pub(super) fn finish(&self) -> Duration {
        Duration::from_millis(self.finish_ms.into())
    }

    pub(super) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms.into())
    }

    pub(super) fn retract_after(&self) -> Duration {
        Duration::from_millis(self.retract_after_ms.into())
    }

    pub(super) fn reopen(&self) -> Duration {
        Duration::from_millis(self.reopen_ms.into())
    }
}

/// Where the printer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Connection {
    /// A serial line.
    Serial(PathBuf),
    /// A printer of the USB printer class, through the kernel's `usblp`.
    Usb(PathBuf),
    /// Raw printing over TCP, usually port 9100: host and port.
    Tcp(String),
}

/// The text names no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no printer connection: write serial:/dev/ttyS1, usb:/dev/usb/lp0 or tcp:192.168.1.20:9100")]
pub struct NotAConnection(String);

impl FromStr for Connection {
    type Err = NotAConnection;
    fn from_str(text: &str) -> Result<Self, NotAConnection> {
        let bad = || NotAConnection(text.to_owned());
        let (kind, place) = text.split_once(':').ok_or_else(bad)?;
        match kind {
            "serial" if place.starts_with('/') => Ok(Connection::Serial(place.into())),
            "usb" if place.starts_with('/') => Ok(Connection::Usb(place.into())),
            "tcp" => {
                let (host, port) = place.rsplit_once(':').ok_or_else(bad)?;
                let port_ok = port.parse::<u16>().is_ok_and(|port| port > 0);
                // An address in brackets or a name; names are looked up when connecting.
                let host_ok = !host.is_empty() && (!host.contains(':') || place.to_socket_addrs().is_ok());
                if port_ok && host_ok { Ok(Connection::Tcp(place.to_owned())) } else { Err(bad()) }
            }
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Connection {
    type Error = NotAConnection;
    fn try_from(text: String) -> Result<Self, NotAConnection> {
        text.parse()
    }
}

impl From<Connection> for String {
    fn from(connection: Connection) -> String {
        connection.to_string()
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Connection::Serial(path) => write!(f, "serial:{}", path.display()),
            Connection::Usb(path) => write!(f, "usb:{}", path.display()),
            Connection::Tcp(place) => write!(f, "tcp:{place}"),
        }
    }
}

/// The ninth bit of a serial letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// None.
    #[default]
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// How a serial printer says "wait".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowControl {
    /// It does not.
    None,
    /// By the line CTS, obeyed by the kernel.
    #[default]
    RtsCts,
    /// By the line DSR (the printer's DTR), looked at before every few bytes.
    DtrDsr,
    /// By XOFF and XON among its bytes.
    XonXoff,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_written_as_they_are_read() {
        for text in ["serial:/dev/ttyS1", "usb:/dev/usb/lp0", "tcp:192.168.1.20:9100", "tcp:[::1]:9100", "tcp:desk:1"] {
            assert_eq!(text.parse::<Connection>().unwrap().to_string(), text);
        }
        for text in
            ["", "serial:", "serial:COM1", "usb:lp0", "tcp:host", "tcp::9100", "tcp:host:0", "tcp:host:x", "lpt:/a"]
        {
            assert!(text.parse::<Connection>().is_err(), "{text}");
        }
    }

    #[test]
    fn errors_name_what_is_accepted() {
        let wrong = "connection = \"serial:\"";
        assert!(toml::from_str::<PrinterConfig>(wrong).unwrap_err().to_string().contains("usb:/dev/usb/lp0"));
        assert!(toml::from_str::<PrinterConfig>("colour = 1").unwrap_err().to_string().contains("connection"));
        let config: PrinterConfig = toml::from_str("model = \"laser\"").unwrap();
        assert!(config.profile().unwrap_err().to_string().contains("epson-tm-t20iii"));
        let config: PrinterConfig =
            toml::from_str("connection = \"tcp:10.0.0.9:9100\"\nflow_control = \"dtr_dsr\"").unwrap();
        assert_eq!((config.flow_control, config.baud), (FlowControl::DtrDsr, 115_200));
        assert_eq!(toml::from_str::<PrinterConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }
}
