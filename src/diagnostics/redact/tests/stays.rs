//! What support needs must stay, letter by letter.

use super::REDACTOR;

#[track_caller]
fn stay(lines: &[&str]) {
    let wrong: Vec<_> =
        lines.iter().map(|line| (line, REDACTOR.clean(line))).filter(|(line, now)| now != **line).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sales_amounts_times_and_numbers_of_the_terminal() {
    stay(&[
        "2026-11-22T04:34:09.123456+01:00 K07 esim-kiosk[412]: operator's order command=Lock(true)",
        "K07-000123  01JD9Z6Q2W8X5T3R7V1M0N4K6P  9.90 EUR  money paid  card …4711  receipt 0042 trace 000817",
        "sale K07-000123, sale WIEN3-004711, the claim code of sale K07-000123",
        "order ORD-20261122-0017 from mobilexy, plan eu-5gb-30d, wallet 125.40 USD",
        "plans fra-5gb-30d, usa-10gb-30d, jp-unlimited-7d, Europe 5 GB 30 days, GLOBAL-1GB-7D",
        r#"{"at":{"run":7,"mono_ms":120345,"wall_ms":1795322049123,"synced":true},"record":{"kind":"card_asked"}}"#,
        r#"{"gross_minor":990,"net_minor":825,"tax_minor":165,"currency":"EUR","last4":"4711","receipt":"0042"}"#,
        "2026-11-22 04:34:09 UTC; 22.11.2026 04:34; 11/22/2026; 2026-W47; 20261122T043409Z; 01-02-2026; 03/2026 1234",
        "amount 000000000990 terminal 29001234 receipt 0042 trace 000817 turnover 001",
        "terminal id 29001234, merchant 4929000123456, currency 0978",
        "error 6C, code E-1042, status 401, outcome=unknown, ZVT 84 9C, SW 6A82, 8.8.5, 0x80070005",
        "pid 12345, 40 of 2000 lines, 1795322049 s, 1795322049123 ms, 1795322049123456 us",
        "total 9.90 EUR = 8.25 + 1.65 (20 %), 125.40 USD at 0.9234",
        "card …4711, ************4711, XXXX4711",
        "iccid 8943108…00007 eid 8904903…01234",
    ]);
}

#[test]
fn the_machine_and_its_logs() {
    stay(&[
        "[    1.234567] usb 1-1: New USB device found, idVendor=04b8, idProduct=0e28, bcdDevice= 1.00",
        "MemTotal:        8144060 kB",
        "192.168.1.30:20007 fe80::5054:ff:fe12:3456 52:54:00:12:34:56 192.168.100.100 10.20.30.40",
        "root=UUID=6f1f1d0a-3f44-4d68-9d5f-0d5f6b1c2a3b ro quiet",
        "systemd[1]: Started getty@tty1.service. user@1000.service serial-getty@ttyS0.service",
        "Offset: +1.234567ms, Offset +12.345678 s, skew +1795322 us, +12345678 bytes",
        "eth0: 4705 150 1120 16250856 0 0 0 0 0 0 4000 0 0 12 0 0",
        "cpu  4705 356 584 3699 23 23 0 0 0 0",
        "intr 5000 4000 0 0 0 0 0 0 3 0 0 4 0 0 0 0 0 0 0 0 5 6 0 0 0 0",
        "/dev/mmcblk0p2 30G 4.2G 24G 15% / 0000:00:1f.2 pci 8086:a102",
        "linux 6.1.0-28-arm64 #1 SMP Debian 6.1.119-1 (2024-11-22) aarch64",
        "/usr/lib/aarch64-linux-gnu/libgbm.so.1.0.0 /var/lib/esim-kiosk-report/esim-kiosk-report-K07-20261122T043409Z.tar.gz",
        "pages 1024..4096, range 10.0.0.1-10.0.0.9, version 1.18.1, 5.10.0-1234",
        "TLS 1.3 with www.example.com, https://api.example.com/v2/plans 200 in 812 ms",
        "PM: suspend entry (deep), CPU0 4 stepping 0, 00:1d.0 PCI bridge, IRQ 17",
    ]);
}

#[test]
fn blanked_lines_of_the_terminal() {
    stay(&[
        "   12.345 -> 06 01 0A 04 00 00 00 00 09 90 49 09 78",
        "   12.345 <- 04 0F 1F 27 00 29 29 00 12 34 49 09 78 22 F0 F8 ?? ?? ?? ?? ?? ?? ?? ??",
        "   12.999 <- 80 00 00 (15 bytes blanked)",
        "   13.001 <- 04 FF 03 0A 01 00 06 0B 24 09 07 07 42 69 74 74 65 21",
    ]);
}

#[test]
fn prose_about_secrets() {
    stay(&[
        "no token was sent; the secret file cannot be read; pin pad ready",
        "password = \"credential:terminal\"",
        "key = \"file:/etc/esim-kiosk/mobilexy.key\"",
        "token = \"credential:office\"",
        "token = \"file:/etc/esim-kiosk/office.token\"",
        "pin = 'credential:service-pin'",
        "activation_code: ActivationCode(•••), claim: •••, secret: Secret(•••)",
        "cannot read the secret file /etc/esim-kiosk/mobilexy.key: put the key there, readable by the service alone",
        "a secret's place is credential:NAME or file:/absolute/path, never the secret itself",
        "token: null, password: None, signature: invalid, secret: true, pin=unset, token: expired",
        "unexpected token: {",
        "token_type=bearer expires_in=3600 token_count=4 password_file=/etc/x pin_tries=3 secretary: jane",
        "mapping: 4711, shop=vienna, stop: 12, wiki=1, spinning: 44, hotel: 1234567",
        "the claim code was typed wrong 3 times; claim codes have nine characters",
        "\"claim\":\"opened\",\"claim\":\"•••\"",
        "authorization required, cookie refused, signature of the update is right",
        "THE CAT SAT, 100 200 300, ABC DEF GHJ, BACKSPACE, REGISTERS, STATEMENT",
        "op=LOAD op: read, lpa: missing",
        "ask of a sale at 14:30; mobile 2026-11-22T04:34:09Z; phone locked; sms off",
        "basic configuration, bearer independent, digest authentication",
    ]);
}

#[test]
fn profiles_keep_what_a_provider_needs_to_find_them() {
    let clean = |text| REDACTOR.clean(text);
    assert_eq!(clean("iccid 8943108170000000007 ok"), "iccid 8943108…00007 ok");
    assert_eq!(clean("iccid_8943108170000000007"), "iccid_8943108…00007");
    assert_eq!(clean("89431081700000000075"), "8943108…00075");
    assert_eq!(clean("8943108170000000007F"), "8943108…0007F");
    assert_eq!(clean("eid 89049032123451234512345678901235"), "eid 8904903…01235");
}

#[test]
fn documents_keep_their_shape() {
    let text =
        r#"{"a":{"token":"x y","list":[{"password":"p q"},{"plan":"eu"}]},"n":[1,2],"s":"said \"token\":\"u v\""}"#;
    let cleaned: serde_json::Value = serde_json::from_str(&REDACTOR.clean(text)).unwrap();
    assert_eq!(cleaned["a"]["token"], "•••");
    assert_eq!(cleaned["a"]["list"][0]["password"], "•••");
    assert_eq!(cleaned["a"]["list"][1]["plan"], "eu");
    assert_eq!(cleaned["n"], serde_json::json!([1, 2]));
    assert_eq!(cleaned["s"], "said \"token\":\"•••\"");
    let config = include_str!("../../../../systemd/config.example.toml");
    let cleaned: toml::Table = REDACTOR.clean(config).parse().unwrap();
    assert_eq!(cleaned["terminal"]["password"].as_str(), Some("•••"));
    assert_eq!(cleaned["terminal"]["address"].as_str(), Some("serial:/dev/ttyKIOSK_terminal"));
    assert_eq!(cleaned["providers"][0]["key"].as_str(), Some("credential:mobilexy"));
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&REDACTOR.clean(config)), lines(config));
}
