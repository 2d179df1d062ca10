//! A small disk in memory that can be filled to its last byte.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted disk; unmounted when this is dropped.
pub(super) struct Disk(PathBuf);

impl Disk {
    /// Mounts one of so many megabytes.
    ///
    /// # Errors
    /// Why it cannot be mounted: no root.
    pub(super) fn mount(place: &Path, megabytes: u32) -> Result<Disk, String> {
        std::fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place).stdin(Stdio::null());
        let done = mount.output().map_err(|error| format!("mount: {error}"))?;
        let said = String::from_utf8_lossy(&done.stderr);
        if done.status.success() { Ok(Disk(place.to_owned())) } else { Err(said.trim().to_owned()) }
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills it until nothing goes in any more, and looks that it is so.
    ///
    /// # Errors
    /// A disk that does not get full.
    pub(super) fn fill(&self) -> io::Result<()> {
        let mut ballast = File::create(self.ballast())?;
        let mut piece = 1 << 20;
        while piece > 0 {
            match ballast.write_all(&vec![0x55; piece]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => piece /= 2,
                Err(error) => return Err(error),
            }
        }
        let probe = self.0.join("probe");
        let written = File::create(&probe).and_then(|mut file| file.write_all(b"x"));
        std::fs::remove_file(probe).ok();
        match written {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            other => Err(io::Error::other(format!("the disk is not full: {other:?}"))),
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn empty(&self) -> io::Result<()> {
        std::fs::remove_file(self.ballast())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that has just been killed may still hold a file.
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}
