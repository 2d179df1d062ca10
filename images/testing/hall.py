"""What stands around a kiosk in the tests: card terminal, printer and providers, simulated on this machine, and a
traveller's hand, whose places come from the product's own demo.
"""

import json
import pathlib
import re
import subprocess
import time

from machine import Gone

# This machine as QEMU's user network shows it to a guest.
HOST = "10.0.2.2"
# An emulated kiosk is many times slower than a traveller is patient: nobody is sent away while a screen is being drawn.
UNHURRIED = """
[timing]
browse_ms = 900000
esim_ms = 900000
ask_ms = 120000

[terminal.timers]
longest_hold_ms = 80000
"""
HOLD = "hold_ms = 60000\nhold_seconds = 70"
TOUCH = re.compile(r"touches (\S+) at (-?\d+),(-?\d+)")


class Hall:
    """The simulators (`esim-kiosk-sim all`) with their ledgers, for one run."""

    def __init__(self, simulator, directory):
        self.directory = pathlib.Path(directory).resolve()
        self.log = open(self.directory.parent / "hall.log", "wb")
        self.process = subprocess.Popen([simulator, "all", "--dir", self.directory], stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 120
        while not (self.directory / "kiosk.toml").exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Gone(f"the simulators do not start: {(self.directory.parent / 'hall.log').read_text()[-500:]}")
            time.sleep(0.1)

    def close(self):
        self.process.kill()
        self.process.wait()

    def key(self, letter):
        """A key of the simulators' (`d`: the next card is declined, `l`: the terminal's line is cut for 10 s, …)."""
        self.process.stdin.write(f"{letter}\n".encode())
        self.process.stdin.flush()

    @property
    def lines(self):
        """The serial ports that the kiosk's are joined to."""
        return {name: self.directory / name for name in ("terminal", "printer")}

    def setup(self):
        """The set-up medium of a kiosk that stands in this hall."""
        here = str(self.directory)
        text = (self.directory / "kiosk.toml").read_text()
        for name in ("terminal", "printer"):
            text = text.replace(f"serial:{here}/{name}", f"serial:/dev/ttyKIOSK_{name}")
        text = text.replace(f"file:{here}/mobilexy.key", "credential:mobilexy").replace(f"file:{here}/service-pin", "credential:service-pin")
        text = text.replace(f"{here}/providers-ca.pem", "/etc/esim-kiosk/providers-ca.pem")
        text = text.replace(f"{here}/state", "/var/lib/esim-kiosk").replace("127.0.0.1", HOST)
        text = text.replace("hold_ms = 60000", HOLD)
        left = [line for line in text.splitlines() if here in line]
        if left:
            raise Gone(f"the configuration still names places of this machine: {left}")
        return {
            "kiosk.toml": text + UNHURRIED,
            "providers-ca.pem": (self.directory / "providers-ca.pem").read_text(),
            "secrets/mobilexy": (self.directory / "mobilexy.key").read_text(),
            "secrets/service-pin": (self.directory / "service-pin").read_text(),
        }

    def provider(self):
        """Where a provider listens, as a guest reaches it."""
        port = re.search(r'base = "https://127\.0\.0\.1:(\d+)', (self.directory / "kiosk.toml").read_text())[1]
        return f"{HOST}:{port}"

    # -- what the simulators have written down ------------------------------------------------------------------------

    def _ledger(self, name):
        for _ in range(50):
            try:
                return json.loads((self.directory / f"{name}-ledger.json").read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.1)  # it is being written anew
        raise Gone(f"the {name}'s ledger cannot be read")

    def paid(self):
        """(payments, minor units) that cardholders have paid and not got back."""
        booked = [payment for payment in self._ledger("terminal")["payments"] if payment["state"] == "booked"]
        return len(booked), sum(payment["paid_minor"] for payment in booked)

    def held(self):
        """Payments that wait for the kiosk's decision."""
        return sum(payment["state"] == "held" for payment in self._ledger("terminal")["payments"])

    def sold(self):
        """Activation codes of every order at every provider."""
        ledgers = self._ledger("providers")["providers"].values()
        return [code for ledger in ledgers for order in ledger["orders"] for code in order["lpa"]]

    def papers(self):
        """Pictures of the receipts that left the printer."""
        return sorted((self.directory / "paper").glob("receipt-*.png"), key=lambda path: int(re.search(r"(\d+)\.png$", path.name)[1]))


def codes_in(picture):
    """Texts of the QR codes in a picture, by a reader that is none of ours."""
    found = subprocess.run(["zbarimg", "--quiet", "--raw", str(picture)], capture_output=True, text=True)
    return found.stdout.split()


def walk_of(steps):
    """Names and places of the touches that the demo's purchase made on a screen of the same size, in their order."""
    touches = [(name, int(x), int(y)) for name, x, y in TOUCH.findall(pathlib.Path(steps).read_text())]
    if not touches:
        raise Gone(f"{steps} names no touches: is the simulators' program of the same version as this script?")
    return touches
