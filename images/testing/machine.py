"""A kiosk in QEMU: its disk, its firmware's memory, its screen, its serial lines, and what a person can do to it."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

FIRMWARE = {
    "arm64": ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    "amd64": ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
}


# The kiosk's panel, in points.
SCREEN = (1080, 1920)


class Gone(Exception):
    """What was waited for did not come."""


def accelerated(arch):
    """Hardware virtualisation, asked for by KIOSK_KVM=1: a nested one often cannot run the firmware's first instructions."""
    return arch == "amd64" and os.environ.get("KIOSK_KVM") == "1"


class Machine:
    """One kiosk. Its disk and its firmware variables stay from start to start: nothing is a snapshot."""

    def __init__(self, arch, directory, image, size_gb=3, keep=False, lines=None):
        self.arch, self.directory = arch, pathlib.Path(directory)
        # Serial ports of this machine that the kiosk's two lines are joined to; without any they end in sockets.
        self.lines = lines or {}
        self.disk = self.directory / "disk.img"
        if not (keep and self.disk.exists()):
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            subprocess.run(["cp", "--sparse=always", image, self.disk], check=True)
            os.truncate(self.disk, size_gb << 30)
            shutil.copy(FIRMWARE[arch][1], self.directory / "vars.fd")
        self.process = self.qmp = self.probe = None
        self.starts = 0
        self.patience = 1.0 if accelerated(arch) else 6.0

    # -- power --------------------------------------------------------------------------------------------------------

    def start(self, *more):
        """Power on."""
        assert self.process is None, "it runs already"
        self.starts += 1
        at = self.directory
        self.serial = at / f"serial-{self.starts}.log"
        for stale in ("qmp.sock", "probe.sock", "terminal.sock", "printer.sock"):
            (at / stale).unlink(missing_ok=True)
        kind = {
            "arm64": ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a72", "-accel", "tcg,thread=multi"],
            "amd64": ["qemu-system-x86_64", "-M", "q35", *(["-cpu", "host,arch-capabilities=off", "-accel", "kvm"] if accelerated("amd64") else ["-cpu", "max", "-accel", "tcg,thread=multi"])],
        }[self.arch]
        command = [
            *kind, "-smp", "2", "-m", "1024", "-nodefaults", "-display", "none",
            "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE[self.arch][0]}",
            "-drive", f"if=pflash,format=raw,file={at}/vars.fd",
            "-drive", f"file={self.disk},format=raw,if=none,id=disk,cache=unsafe", "-device", "virtio-blk-pci,drive=disk,bootindex=1",
            "-serial", f"file:{self.serial}",
            "-device", "virtio-gpu-pci,xres=%d,yres=%d" % SCREEN, "-device", "virtio-tablet-pci", "-device", "virtio-rng-pci",
            "-chardev", self._line("terminal"), "-device", "pci-serial,chardev=terminal,addr=0x10",
            "-chardev", self._line("printer"),
            "-device", "qemu-xhci,id=usb", "-device", "usb-serial,chardev=printer,always-plugged=on,id=printer,bus=usb.0,port=1",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,id=nic,romfile=",
            "-device", "i6300esb", "-action", "watchdog=reset",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=probe,path={at}/probe.sock,server=on,wait=off",
            "-device", "virtserialport,chardev=probe,name=kiosk.probe",
            "-qmp", f"unix:{at}/qmp.sock,server=on,wait=off", *more,
        ]  # fmt: skip
        # "unsafe" only means that this machine's own disk is not waited for: what the guest has written lies in this
        # machine's memory and outlives the killed emulator. Lost and torn sectors are the subject of `torture power-loss`.
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(at / "qemu.log", "ab"))
        self.qmp = self._connect(at / "qmp.sock").makefile("rw")
        self.qmp.readline()
        self.order("qmp_capabilities")
        return self

    def _line(self, name):
        joined = self.lines.get(name)
        return f"serial,id={name},path={joined}" if joined else f"socket,id={name},path={self.directory}/{name}.sock,server=on,wait=off"

    def _connect(self, path, seconds=30):
        end = time.monotonic() + seconds
        while True:
            try:
                link = socket.socket(socket.AF_UNIX)
                link.connect(str(path))
                return link
            except OSError as error:
                link.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise Gone(f"QEMU does not answer at {path}: {(self.directory / 'qemu.log').read_text()[-500:]}") from error
                time.sleep(0.05)

    def cut(self):
        """The plug is pulled: nothing of the guest gets another instruction."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = self.probe = self.qmp = None

    # -- eyes and hands -----------------------------------------------------------------------------------------------

    def order(self, command, **arguments):
        """One QMP command and its answer."""
        self.qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.qmp.flush()
        while line := self.qmp.readline():
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Gone(f"{command}: {answer['error']['desc']}")
        raise Gone(f"{command}: QEMU is gone")

    def screen(self, name):
        """The screen as PNG; its path."""
        path = self.directory / f"{name}.png"
        self.order("screendump", filename=str(path), format="png")
        return path

    def pixels(self):
        """The screen's bytes, for comparing: without the encoding of a PNG, for which the guest would stand still."""
        path = self.directory / "now.ppm"
        self.order("screendump", filename=str(path))
        return path.read_bytes()

    def text_screen(self, name, seconds=60):
        """Waits until the guest itself shows bright signs on black, and the same ones again; their bytes. A text console begins
        at the top. What QEMU shows of a display that nobody has switched on is words too: in the middle of a picture of
        640 × 480, or of the firmware's size."""
        end = time.monotonic() + seconds * self.patience
        last, lit = b"", 0.0
        while True:
            now = self.pixels()
            head, size, _, points = now.split(b"\n", 3)
            top = points[: len(points) // 6]
            lit = 1 - top.count(0) / max(len(top), 1)
            if head == b"P6" and size == b"%d %d" % SCREEN and 0 < lit < 0.4 and now == last:
                self.screen(name)
                return points
            if time.monotonic() > end:
                self.screen(name)
                raise Gone(f"no words on the screen ({name}): {size.decode()} points, {lit:.1%} of the upper ones lit, {'at rest' if now == last else 'moving'}")
            last = now
            time.sleep(self.patience / 4)

    def touch(self, x, y):
        """A finger at a place of the screen."""
        place = [{"type": "abs", "data": {"axis": axis, "value": int(value * 32767 / size)}} for axis, value, size in (("x", x, SCREEN[0]), ("y", y, SCREEN[1]))]
        self.order("input-send-event", events=place)
        for down in (True, False):
            self.order("input-send-event", events=[{"type": "btn", "data": {"down": down, "button": "left"}}])
            time.sleep(0.15)

    def keys(self, *names):
        """Keys pressed together, on whatever keyboard there is."""
        self.order("send-key", keys=[{"type": "qcode", "data": name} for name in names])

    def unplug(self, name):
        """A serial cable is pulled at its far end: the port stays, and what goes into it is gone."""
        self.order("chardev-change", id=name, backend={"type": "null", "data": {}})

    def plug(self, name):
        """It is put back."""
        self.order("chardev-change", id=name, backend={"type": "serial", "data": {"device": str(self.lines[name])}})

    def forward(self, port):
        """A port of this machine that leads to one of the kiosk, as the hall's network does; its number."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            own = free.getsockname()[1]
        said = self.order("human-monitor-command", **{"command-line": f"hostfwd_add net tcp:127.0.0.1:{own}-:{port}"})
        if said.strip():
            raise Gone(f"no port is forwarded: {said}")
        return own

    # -- ears ---------------------------------------------------------------------------------------------------------

    def said(self):
        """What came over the serial console since this start."""
        return self.serial.read_bytes().decode("utf-8", "replace").replace("\r", "") if self.serial.exists() else ""

    def wait(self, pattern, seconds=60, after=0):
        """Until the console says it; the match. `seconds` is for a machine at full speed."""
        end = time.monotonic() + seconds * self.patience
        while True:
            if found := re.search(pattern, self.said()[after:]):
                return found
            if self.process.poll() is not None:
                raise Gone(f"QEMU ended while waiting for {pattern!r}")
            if time.monotonic() > end:
                raise Gone(f"no {pattern!r} within {seconds * self.patience:.0f} s; last: {self.said()[-400:]!r}")
            time.sleep(0.2)

    def ask(self, command, seconds=30):
        """A shell command in the guest, through the probe that the test image starts: (exit code, output)."""
        if self.probe is None:
            self.wait("probe listens", 90)
            self.probe = self._connect(self.directory / "probe.sock")
        self.probe.settimeout(seconds * self.patience)
        mark = f"end-{time.monotonic_ns()}"
        self.probe.sendall(f"({command}) 2>&1; code=$?; echo; echo {mark} $code\n".encode())
        answer = b""
        while not (found := re.search(rb"\n?" + mark.encode() + rb" (\d+)\n", answer)):
            try:
                part = self.probe.recv(65536)
            except TimeoutError as error:
                raise Gone(f"no answer to {command!r}: {answer[-300:]!r}") from error
            if not part:
                raise Gone(f"the probe hung up at {command!r}")
            answer += part
        return int(found[1]), answer[: found.start()].decode("utf-8", "replace").strip()

    # -- the disk, while the machine is off ---------------------------------------------------------------------------

    def partition(self, label):
        """(first byte, bytes) of a partition."""
        table = json.loads(subprocess.run(["sfdisk", "--json", self.disk], check=True, capture_output=True).stdout)["partitiontable"]
        for one in table["partitions"]:
            if one.get("name") == label:
                return one["start"] * 512, one["size"] * 512
        raise Gone(f"no partition {label}")

    def put_setup(self, files):
        """Files onto the setup partition, as the operator does on a laptop."""
        assert self.process is None, "off, first"
        at = f"{self.disk}@@{self.partition('setup')[0]}"
        for left in ("::/kiosk.toml", "::/machine.conf", "::/update.url", "::/secrets"):
            subprocess.run(["mdeltree", "-i", at, left], capture_output=True)
        for name, text in files.items():
            if "/" in name:
                subprocess.run(["mmd", "-D", "s", "-i", at, f"::/{name.split('/')[0]}"], capture_output=True)
            subprocess.run(["mcopy", "-o", "-i", at, "-", f"::/{name}"], input=text.encode(), check=True)

    def put_state(self, source, path):
        """A file onto the state partition; its directory is made."""
        assert self.process is None, "off, first"
        made = "".join(f"mkdir /{'/'.join(path.split('/')[:depth])}\n" for depth in range(1, path.count("/") + 1))
        self.debugfs(made + f"rm {path}\nwrite {source} {path}\n")

    def debugfs(self, commands):
        """Commands of debugfs on the state partition, which is brought in order first, as the next start would."""
        device = f"{self.disk}?offset={self.partition('state')[0]}"
        subprocess.run(["e2fsck", "-fy", device], capture_output=True)
        return subprocess.run(["debugfs", "-w", "-f", "-", device], input=commands, text=True, capture_output=True).stdout

    def journal_version(self):
        """The schema version of the journal as it lies on the disk, by SQLite's own library."""
        place = "lib/esim-kiosk/journal/journal.db"
        with tempfile.TemporaryDirectory() as copy:
            self.debugfs("".join(f"dump {place}{part} {copy}/journal.db{part}\n" for part in ("", "-wal")))
            journal = sqlite3.connect(f"{copy}/journal.db")
            try:
                return journal.execute("PRAGMA user_version").fetchone()[0]
            finally:
                journal.close()

    def bytes_of(self, label):
        """The bytes of a partition."""
        start, size = self.partition(label)
        with open(self.disk, "rb") as disk:
            disk.seek(start)
            return disk.read(size)

    def keep(self, label, name):
        """A copy of a partition, as somebody makes a backup of a disk."""
        assert self.process is None, "off, first"
        start, size = self.partition(label)
        copy = self.directory / name
        subprocess.run(["dd", f"if={self.disk}", f"of={copy}", "iflag=skip_bytes,count_bytes", f"skip={start}", f"count={size}", "bs=1M", "conv=sparse", "status=none"], check=True)
        return copy

    def put_back(self, label, copy):
        """The bytes of a partition as they once were."""
        assert self.process is None, "off, first"
        start, _ = self.partition(label)
        subprocess.run(["dd", f"if={copy}", f"of={self.disk}", "oflag=seek_bytes", f"seek={start}", "bs=1M", "conv=notrunc", "status=none"], check=True)
