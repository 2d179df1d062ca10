//! The table of the design: which room may know whom, and which crates it may name.

/// What each module may use of the package, as paths; everything below a path is allowed with it.
pub(super) const MAY_USE: &[(&str, &[&str])] = &[
    ("money", &[]),
    ("sale", &["money"]),
    ("locale", &["money"]),
    ("catalogue", &["sale", "money", "locale"]),
    ("payment", &["sale", "money", "locale"]),
    ("esim", &["sale", "money", "locale"]),
    ("printer", &["sale", "money", "locale"]),
    ("journal", &["sale", "money", "locale"]),
    // One HTTP client for everybody who speaks HTTPS.
    ("office", &["sale", "money", "esim::http", "esim::secret", "esim::section", "esim::evidence", "esim::pace"]),
    ("fleet", &["sale", "money", "locale", "config", "office"]),
    (
        "kiosk",
        &[
            "sale",
            "money",
            "catalogue",
            "locale",
            "config",
            "payment",
            "esim",
            "printer",
            "journal",
            "fleet",
            "office",
            "metrics",
        ],
    ),
    ("ui", &["kiosk"]),
    // The configuration is made of the rooms' own sections.
    (
        "config",
        &["money", "sale", "catalogue", "esim", "payment", "printer", "journal", "office", "fleet", "diagnostics"],
    ),
    // It reads what the journal tells of sales; the records are the sale's own.
    ("diagnostics", &["money", "config", "journal", "fleet", "telemetry", "sale"]),
    ("control", &["kiosk"]),
    ("metrics", &["kiosk"]),
    ("telemetry", &[]),
    ("watchdog", &[]),
    // The simulated devices speak from the documents: they share values with the product (a section of the configuration is
    // one), never its encoders.
    ("sim", &["sale", "money", "locale", "fleet::section"]),
    ("assembly", &["*"]),
    ("commands", &["*"]),
    ("lib", &["*"]),
    ("main", &["*"]),
];

/// What stays closed although its module is open: the implementations behind the contracts.
pub(super) const NEVER: [(&str, &[&str]); 3] = [
    (
        "kiosk",
        &[
            "payment::zvt",
            "journal::sqlite",
            "journal::archive",
            "journal::seal",
            "journal::place",
            "esim::http",
            "esim::line",
            "esim::mobilexy",
            "esim::roamify",
            "esim::esimfly",
            "esim::reseller",
            "printer::escpos",
            "printer::transport",
        ],
    ),
    ("control", &["journal", "payment", "printer"]),
    ("metrics", &["sale", "journal"]),
];

/// Parts of `sim` that drive the product itself, or stand in for one of its contracts.
pub(super) const SIM_DRIVERS: [&str; 7] = ["torture", "gallery", "memory", "journal", "kiosk", "demo", "clerk"];

/// Crates that only some modules may name.
pub(super) const CRATES: [(&str, &[&str]); 8] = [
    ("slint", &["ui", "sim::gallery", "sim::kiosk", "sim::demo"]),
    // Who ruins a database, or writes as a newer program would, must reach below the journal.
    ("rusqlite", &["journal", "sim::torture::sale::damage"]),
    ("reqwest", &["esim", "office", "fleet", "diagnostics"]),
    ("serialport", &["payment", "printer", "sim"]),
    ("escpos", &["printer"]),
    ("sd_notify", &["watchdog"]),
    ("chacha20poly1305", &["journal"]),
    (
        "tokio",
        &[
            "kiosk",
            "esim",
            "payment",
            "printer",
            "fleet",
            "office",
            "control",
            "diagnostics",
            "watchdog",
            "sim",
            "assembly",
            "commands",
            "ui",
        ],
    ),
];

/// The crates that the work is to be built with.
pub(super) const SET_CRATES: [&str; 12] = [
    "tokio",
    "slint",
    "reqwest",
    "rustls",
    "serde",
    "serde_json",
    "qrcode",
    "rusqlite",
    "serialport",
    "escpos",
    "tracing",
    "sd-notify",
];
