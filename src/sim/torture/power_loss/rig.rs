//! The recorded disk: daemon, loop device, file system. Whatever was set up is taken down again, however a run ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::NotRun;

/// The smallest disk that ext4 with a journal likes.
const SIZE: u64 = 24 << 20;
/// A daemon that is not there after so long never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is needed, with the package that brings it.
const TOOLS: [(&str, &str); 4] =
    [("qemu-storage-daemon", "qemu-utils"), ("losetup", "mount"), ("mkfs.ext4", "e2fsprogs"), ("mount", "mount")];

/// The disk while it is recorded.
#[derive(Debug)]
pub(super) struct Rig {
    dir: PathBuf,
    daemon: Option<Child>,
    device: Option<String>,
    mounted: bool,
}

impl Rig {
    /// Sets it up in `dir`.
    pub(super) fn set(dir: &Path) -> Result<Rig, NotRun> {
        can_be_run()?;
        std::fs::create_dir_all(dir)?;
        File::create(dir.join("disk.raw"))?.set_len(SIZE)?;
        File::create(dir.join("record.raw"))?;
        File::create(dir.join("export"))?;
        std::fs::create_dir_all(dir.join("mounted"))?;
        let mut rig = Rig { dir: dir.to_owned(), daemon: None, device: None, mounted: false };
        let at = |name: &str| dir.join(name).display().to_string();
        let daemon = Command::new("qemu-storage-daemon")
            .args(["--blockdev", &format!("driver=file,node-name=disk,filename={}", at("disk.raw"))])
            .args(["--blockdev", &format!("driver=file,node-name=record,filename={}", at("record.raw"))])
            .args(["--blockdev", "driver=blklogwrites,node-name=recorded,file=disk,log=record,log-sector-size=512"])
            .args([
                "--export",
                &format!("type=fuse,id=out,node-name=recorded,mountpoint={},writable=on,growable=off", at("export")),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.join("daemon.log"))?)
            .spawn()?;
        rig.daemon = Some(daemon);
        rig.wait_for_export()?;
        let device = told(Command::new("losetup").args(["--find", "--show"]).arg(dir.join("export")))?;
        rig.device = Some(device.clone());
        // No lazy initialisation: what the file system does by itself later is no business of the journal.
        let options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        told(Command::new("mkfs.ext4").args(["-q", "-b", "4096", "-J", "size=4", "-E", options]).arg(&device))?;
        told(Command::new("mount").args(["-t", "ext4"]).arg(&device).arg(dir.join("mounted")))?;
        rig.mounted = true;
        Ok(rig)
    }

    fn wait_for_export(&mut self) -> Result<(), NotRun> {
        let until = Instant::now() + PATIENCE;
        let there = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() == SIZE);
        while !there(&self.dir.join("export")) {
            let gone = self.daemon.as_mut().is_none_or(|daemon| !matches!(daemon.try_wait(), Ok(None)));
            if gone || Instant::now() > until {
                let words = std::fs::read_to_string(self.dir.join("daemon.log")).unwrap_or_default();
                return Err(NotRun::Missing(format!("the storage daemon exports nothing: {}", words.trim())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Where the books are kept.
    pub(super) fn mounted(&self) -> PathBuf {
        self.dir.join("mounted")
    }

    /// The record.
    pub(super) fn record(&self) -> PathBuf {
        self.dir.join("record.raw")
    }

    /// Ends the recording. The record, and the size of the disk in bytes.
    pub(super) fn take_down(mut self) -> io::Result<(PathBuf, u64)> {
        self.end();
        Ok((self.record(), SIZE))
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.mounted) {
            told(Command::new("umount").arg(self.mounted())).ok();
        }
        if let Some(device) = self.device.take() {
            told(Command::new("losetup").args(["--detach", &device])).ok();
        }
        if let Some(mut daemon) = self.daemon.take() {
            // Told to end it writes its superblock; killed it would leave the export behind.
            let term = rustix::process::Pid::from_child(&daemon);
            rustix::process::kill_process(term, rustix::process::Signal::TERM).ok();
            daemon.wait().ok();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.end();
    }
}

/// What this machine lacks.
fn can_be_run() -> Result<(), NotRun> {
    if !rustix::process::geteuid().is_root() {
        return Err(NotRun::Missing("mounting needs root".to_owned()));
    }
    for device in ["/dev/fuse", "/dev/loop-control"] {
        if !Path::new(device).exists() {
            return Err(NotRun::Missing(format!("{device} is not there")));
        }
    }
    for (tool, package) in TOOLS {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            return Err(NotRun::Missing(format!("{tool} is needed: apt-get install {package}")));
        }
    }
    Ok(())
}

/// Mounts a disk, lets `look` look, and unmounts it.
pub(super) fn with_mounted<T>(image: &Path, at: &Path, look: impl FnOnce(&Path) -> T) -> io::Result<T> {
    std::fs::create_dir_all(at)?;
    told(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(image).arg(at))?;
    let seen = look(at);
    told(Command::new("umount").arg(at))?;
    Ok(seen)
}

/// Runs a program to its end; its standard output.
fn told(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("{:?}: {words}", command.get_program())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
