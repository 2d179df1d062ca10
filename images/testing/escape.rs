//! Stands in the place of the kiosk's program and tries what must be refused, in the same unit and under the same
//! confinement. One line a try: `refused`, or `DONE` where something was let through; and what must still work.

use std::{
    ffi::{c_int, c_long, c_void},
    fmt::Display,
    fs,
    io::{Error, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    process::Command,
    time::Duration,
};

// Calls that the standard library does not make. Null and nonsense are passed on purpose: a call that is let through
// complains about its arguments, one that is refused does not get so far.
unsafe extern "C" {
    safe fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    safe fn unshare(flags: c_int) -> c_int;
    safe fn mount(from: *const c_void, to: *const c_void, kind: *const c_void, flags: u64, data: *const c_void) -> c_int;
    safe fn ptrace(request: c_long, process: c_int, at: *const c_void, data: *const c_void) -> c_long;
    safe fn mmap(at: *mut c_void, length: usize, protection: c_int, flags: c_int, file: c_int, from: i64) -> *mut c_void;
    safe fn setuid(user: u32) -> c_int;
    safe fn clock_settime(clock: c_int, time: *const c_void) -> c_int;
    safe fn reboot(command: c_int) -> c_int;
}

const PERMISSION: i32 = 1;

fn told<T, E: Display>(what: &str, outcome: Result<T, E>) {
    match outcome {
        Ok(_) => println!("DONE     {what}"),
        Err(error) => println!("refused  {what}: {error}"),
    }
}

/// A call that must be refused as such, not for its arguments.
fn call(what: &str, returned: c_long) {
    let error = Error::last_os_error();
    match error.raw_os_error() {
        _ if returned != -1 => println!("DONE     {what}"),
        // The filter's answer, and what address families that are not allowed get.
        Some(PERMISSION | 97) => println!("refused  {what}: {error}"),
        _ => println!("DONE     {what}: it was looked at: {error}"),
    }
}

fn first_byte(file: &str) -> Result<(), Error> {
    fs::File::open(file)?.read_exact(&mut [0])
}

/// Greets whoever comes: the firewall's part of the test, as listening itself is no crime on a machine that is deaf.
fn listen(port: &str) {
    let door = TcpListener::bind(format!("0.0.0.0:{port}")).expect("a port");
    println!("escape: listens");
    for guest in door.incoming().flatten() {
        write!(&guest, "a kiosk that lets in").ok();
    }
}

/// Sends the report unit for something, as the kiosk's program does, and tells what came back, or keeps it in a file.
fn errand(kind: &str, file: Option<String>) -> Result<(), Error> {
    told("ask the log itself", Command::new("/usr/bin/journalctl").args(["-n", "1"]).status());
    let mut unit = UnixStream::connect("/run/esim-kiosk-report.socket")?;
    writeln!(unit, r#"{{"type":"{kind}","lines":20,"most":500000}}"#)?;
    let mut answer = Vec::new();
    unit.read_to_end(&mut answer)?;
    let end = answer.iter().position(|byte| *byte == b'\n').ok_or_else(|| Error::other("no answer"))?;
    let content = &answer[end + 1..];
    println!("errand: {kind}: {}, {} bytes came", String::from_utf8_lossy(&answer[..end]), content.len());
    match file {
        _ if content.is_empty() => Err(Error::other("nothing was gathered")),
        Some(file) => fs::write(file, content),
        None => {
            String::from_utf8_lossy(content).lines().for_each(|line| println!("| {line}"));
            Ok(())
        }
    }
}

fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some("errand") {
        return errand(&words.next().expect("a type"), words.next());
    }
    if std::env::args().nth(1).as_deref() == Some("listen") {
        listen(&std::env::args().nth(2).expect("a port"));
        return Ok(());
    }
    let null = std::ptr::null();
    told("write /usr", fs::write("/usr/x", "x"));
    told("write /etc", fs::write("/etc/esim-kiosk/x", "x"));
    told("write kernel settings", fs::write("/proc/sys/kernel/sysrq", "1"));
    told("write control groups", fs::create_dir("/sys/fs/cgroup/x"));
    for (what, directory) in [
        ("read the sealed secrets", "/var/lib/esim-kiosk-setup/credentials"),
        ("read the key that seals", "/var/lib/systemd"),
        ("read the updater's state", "/var/lib/rauc"),
        ("read root's files", "/root"),
    ] {
        told(what, fs::read_dir(directory).and_then(|mut entries| entries.next().ok_or_else(|| Error::other("it is empty"))));
    }
    for (what, file) in [
        ("read passwords", "/etc/shadow"),
        ("read the disk", "/dev/vda"),
        ("read the state's partition", "/dev/disk/by-partlabel/state"),
        ("read memory", "/dev/mem"),
        ("read the kernel's log", "/dev/kmsg"),
        ("read a console", "/dev/tty1"),
        ("read another's environment", "/proc/1/environ"),
        ("read firmware variables", "/sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c"),
    ] {
        told(what, first_byte(file));
    }
    told("run a shell", Command::new("/bin/sh").args(["-c", "true"]).status());
    told("reach its neighbours", UdpSocket::bind("0.0.0.0:0").and_then(|own| own.send_to(b"x", "224.0.0.251:5353")));
    // Refused as such: a neighbour that is not there would answer nothing either.
    let neighbour = UdpSocket::bind("0.0.0.0:0").and_then(|own| own.send_to(b"x", "169.254.7.7:9"));
    call("reach a neighbour by its link-local address", neighbour.map_or(-1, |_| 0));
    call("a raw socket", socket(2, 3, 1).into());
    call("a packet socket", socket(17, 3, 0).into());
    call("another namespace", unshare(0x1000_0000).into());
    call("mount", mount(null, null, null, 0, null).into());
    call("look into another process", ptrace(16, 1, null, null));
    call("become root", setuid(0).into());
    let long_ago: [i64; 2] = [1_000_000_000, 0];
    call("set the clock", clock_settime(0, long_ago.as_ptr().cast()).into());
    call("restart the machine", reboot(0).into());
    let memory = mmap(std::ptr::null_mut(), 4096, 7, 0x22, -1, 0);
    call("memory to write and run", memory as c_long);

    // The confinement is the kiosk's, and not that of something to which nothing is allowed.
    let mut works = vec![("its own state", fs::write("escape-was-here", "x").and_then(|()| fs::remove_file("escape-was-here")))];
    works.push(("its display", fs::File::options().read(true).write(true).open("/dev/dri/card0").map(drop)));
    if let Some(provider) = std::env::args().nth(1) {
        let answer = provider.parse().map_err(Error::other).and_then(|at| TcpStream::connect_timeout(&at, Duration::from_secs(30)));
        works.push(("its provider", answer.map(drop)));
    }
    for (what, outcome) in works {
        match outcome {
            Ok(()) => println!("works    {what}"),
            Err(error) => println!("BROKEN   {what}: {error}"),
        }
    }
    println!("escape: all tried");
    Ok(())
}
