"""What support gets of a kiosk from afar, gathered under the same confinement as on every kiosk."""

import base64
import io
import tarfile

from trade import expect

# The unit with all its parts, and another program in its place: nothing of the confinement is written down a second time.
STAND_IN = "s#^ExecStart=/.*#ExecStart=/usr/lib/esim-kiosk-testing/escape errand kiosk#;s/^Type=.*/Type=oneshot/;/^(Restart|WatchdogSec|NotifyAccess|OnFailure|LoadCredential)/d"
BUNDLE = "/run/errand.tar.gz"
# Files of the bundle, and what none of them can say without the right to look.
EXPECTED = {
    "logs/kiosk.txt": "Started esim-kiosk.service",
    "logs/kernel.txt": "kernel: Linux version",
    "logs/boots.txt": "UTC",
    "machine/units.txt": "ActiveState=",
    "machine/memory.txt": "MemTotal",
    "machine/versions.txt": "Linux version",
    "machine/network.txt": "lo: ",
}


def unpacked(packed):
    """The texts of a bundle, by their names in it."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        return {member.name.split("/", 1)[1]: archive.extractfile(member).read().decode() for member in archive}


def diagnostics(run):
    """The confined service starts no program and reads no log; what somebody far away asks for, the report unit gathers for it."""
    kiosk = run.kiosk
    kiosk.ask(f"systemctl cat esim-kiosk.service | sed -E '{STAND_IN}' > /run/systemd/system/errand.service && systemctl daemon-reload", 60)
    kiosk.ask("systemctl start errand.service", 200)
    told = kiosk.ask("journalctl -b -o cat -u errand.service", 60)[1]
    run.note("errand", told)
    expect("refused  ask the log itself" in told, f"the service can read the log itself: {told}")
    expect("errand: kiosk:" in told and "| " in told and "esim-kiosk" in told, f"nothing was gathered for it: {told}")

    # What unpacks it is on this machine: a kiosk has no need of such a tool.
    code, said = kiosk.ask(f"/usr/lib/esim-kiosk-testing/escape errand report {BUNDLE}", 240)
    expect(code == 0, f"no bundle: {said}")
    packed = base64.b64decode(kiosk.ask(f"base64 -w 0 {BUNDLE}; rm {BUNDLE}", 120)[1])
    (run.work / "errand.tar.gz").write_bytes(packed)
    texts = unpacked(packed)
    for name, part in EXPECTED.items():
        text = texts.get(name, "")
        expect(part in text and "could not be read" not in text, f"{name} tells nothing: {text[:300]}")
    sold = [row["number"] for row in getattr(run, "sales", [])]
    expect(all(number in texts["sales/list.txt"] for number in sold), f"not every sale of {sold} is in the list")
    run.figures["bundle of the kiosk"] = f"{len(packed)} bytes, {len(texts)} files, {len(texts['logs/kiosk.txt'].splitlines())} lines of the kiosk's log"

    # An asker that dies takes its errand with it, and nothing is left of either.
    kiosk.ask("systemctl reset-failed 'esim-kiosk-report@*'")
    left = kiosk.ask("systemctl --no-legend --plain --all list-units 'esim-kiosk-report@*'; ls -d /dev/shm/esim-kiosk-report-* /run/esim-kiosk/esim-kiosk-report-* 2>/dev/null")[1]
    expect(not left.strip(), f"something is left behind: {left}")
