//! Logs.

use tracing_subscriber::EnvFilter;

/// For tools and walks: plain lines on standard error, warnings only unless `RUST_LOG` says otherwise.
pub fn start_for_tools() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // Already started is as good as started.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init().ok();
}
