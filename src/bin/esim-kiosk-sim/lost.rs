//! Why something that was asked for on the command line came to nothing.

/// Why a walk ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// What was waited for never came.
    #[cfg(feature = "screen")]
    #[error("never saw {what}; the screen was {was}")]
    NeverSaw {
        /// What.
        what: String,
        /// What was there.
        was: String,
    },
    /// The part is not on the screen.
    #[cfg(feature = "screen")]
    #[error("there is nothing to touch named {name} on {was}; there is {there}")]
    NoPart {
        /// Its name.
        name: String,
        /// The screen.
        was: String,
        /// What can be touched.
        there: String,
    },
    /// The loop ended.
    #[cfg(feature = "screen")]
    #[error("the kiosk stopped")]
    Stopped,
    /// The command line asks for something that is not there.
    #[error("{0}")]
    Asked(String),
    /// A program that the run needs is not installed.
    #[error("{0}")]
    Missing(String),
    /// A file could not be written.
    #[error("a file could not be written")]
    File(#[from] std::io::Error),
    /// What was seen is not what was sold.
    #[error("{0}")]
    Wrong(String),
}

impl Lost {
    /// 2 where the command line asks for what is not there, 3 where a program is not installed, else 1.
    pub(crate) fn exit_code(&self) -> std::process::ExitCode {
        std::process::ExitCode::from(match self {
            Lost::Asked(_) => 2,
            Lost::Missing(_) => 3,
            _ => 1,
        })
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
