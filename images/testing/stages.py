"""What a kiosk must withstand, stage by stage. Each stage takes the run (`Run`, in images/test) and raises on a fault.

A stage begins with the machine off or on as the one before left it; the order in STAGES is the order of a kiosk's life.
"""

import re
import shutil
import socket
import time

from diagnostics import diagnostics
from machine import Gone
from trade import TROUBLES, attract, books, cut_in_sale, expect, older_disk, open_for_travellers, sale, see, sells_as_before, touch, wait_for

CANARY = "canary-4711-not-to-be-found"
PORTS = "terminal=pci-0000:00:10.0*\nprinter=*usb-0:1:1.0*\n"


def nothing_to_go_by(run):
    """Without a configuration, and with a wrong one, the screen says so in words; nothing of the medium is kept or wiped."""
    kiosk = run.kiosk
    kiosk.start()
    kiosk.wait(r'Put kiosk\.toml on the partition "setup"', 120)
    said = kiosk.wait(r"(?s)Serial ports of this machine.*pci-0000:00:10\.0", 20)[0]
    expect("/dev/ttyS" in said, f"the serial ports are not told: {said}")
    bare = kiosk.text_screen("not-set-up")
    kiosk.cut()
    kiosk.put_setup({"kiosk.toml": "nonsense\n", "machine.conf": "rotation=45\n", "secrets/empty": ""})
    kiosk.start()
    kiosk.wait(r"The set-up has faults", 120)
    said = kiosk.wait(r"(?s)The set-up has faults.*secrets/empty: empty", 20)[0]
    expect("rotation is 0, 90, 180 or 270" in said, f"the fault of machine.conf is not told: {said}")
    expect(kiosk.text_screen("faults") != bare, "the screen says the same with a faulty set-up as without any")
    kiosk.cut()
    expect(b"nonsense" in kiosk.bytes_of("setup"), "a medium with faults was touched")


def first_start(run):
    """A right set-up is taken, its secrets are sealed, its medium is wiped, the state grows, and the kiosk is up."""
    kiosk = run.kiosk
    update = {"update.url": f"{run.updates.address('latest')}\n", "update-ca.pem": run.updates.authority}
    kiosk.put_setup({**run.setup, **update, "machine.conf": "rotation=0\n" + PORTS, "secrets/provider-key": CANARY + "\n"})
    kiosk.start()
    kiosk.wait(r"Started esim-kiosk\.service", 150)
    run.figures["first start, power on to READY"] = f"{time.monotonic() - kiosk.began:.0f} s"
    code, lines = kiosk.ask("ls -l /dev/ttyKIOSK_terminal /dev/ttyKIOSK_printer")
    expect(code == 0, f"the serial lines have no names: {lines}; {kiosk.ask('/usr/lib/esim-kiosk/machine ports')[1]}")
    expect("ttyS" in lines and "ttyUSB" in lines, lines)
    code, failed = kiosk.ask("systemctl --failed --no-legend --plain")
    expect(failed == "", f"units failed: {failed}")
    size = int(kiosk.ask("df --output=size -B1M /var | tail -n 1")[1])
    expect(size > 1500, f"the state has not grown to the disk's end: {size} MB")
    kiosk.screen("first-start")


def secrets_are_gone(run):
    """After the first start the secret is on the disk nowhere in the clear, and the setup partition is empty."""
    kiosk = run.kiosk
    kiosk.ask("sync")
    kiosk.cut()
    expect(not kiosk.bytes_of("setup").strip(b"\0"), "the setup partition was not wiped")
    expect(CANARY.encode() not in kiosk.bytes_of("state"), "a secret lies on the state partition in the clear")


def power_cut(run):
    """The plug is pulled (as the stage before did); the next start goes on with what was said to be written."""
    kiosk = run.kiosk
    kiosk.start()
    kiosk.wait(r"start number 2|Started esim-kiosk\.service", 150)
    run.figures["later start, power on to READY"] = f"{time.monotonic() - kiosk.began:.0f} s"
    if run.hall:
        attract(run)
    expect(kiosk.ask("mount | grep -c ' /var .*rw'")[1] == "1", "the state is not writable after a power cut")
    boots = kiosk.ask("journalctl --list-boots | wc -l")[1]
    expect(int(boots) >= 2, f"the log of the start before is lost: {boots} starts known")


def escapes(run):
    """In the kiosk's place, under its confinement: what it must not do is refused, what it must do works."""
    kiosk = run.kiosk
    pid = kiosk.ask("systemctl show -P MainPID esim-kiosk.service")[1]
    expect(int(pid) > 0, "the service does not run")
    status = kiosk.ask(f"cat /proc/{pid}/status")[1]
    expect(re.search(r"CapEff:\s+0+$", status, re.M), "the service has capabilities")
    expect(re.search(r"NoNewPrivs:\s+1", status), "the service may gain privileges")
    expect(re.search(r"Seccomp:\s+2", status), "the service has no system call filter")
    # The unit with all its parts, and another program: nothing of the confinement is written down a second time.
    provider = run.hall.provider() if run.hall else ""
    other = f"s#^ExecStart=/.*#ExecStart=/usr/lib/esim-kiosk-testing/escape {provider}#;s/^Type=.*/Type=oneshot/;/^(Restart|WatchdogSec|NotifyAccess|OnFailure|LoadCredential)/d"
    kiosk.ask(f"systemctl cat esim-kiosk.service | sed -E '{other}' > /run/systemd/system/escape.service && systemctl daemon-reload", 60)
    kiosk.ask("systemctl start escape.service", 120)
    tried = kiosk.ask("journalctl -b -o cat -u escape.service", 60)[1]
    run.note("escapes", tried)
    expect("escape: all tried" in tried, f"the attempts did not come to their end: {tried}")
    through = [line for line in tried.splitlines() if line.startswith(("DONE", "BROKEN"))]
    expect(not through, f"not refused, or broken: {through}")
    run.figures["attempts to break out, refused"] = sum(line.startswith("refused") for line in tried.splitlines())


def exposure(run):
    """systemd's own judgement of each of our units as it is loaded in the kiosk: 1.5 or less."""
    kiosk = run.kiosk
    units = kiosk.ask("cd /usr/lib/systemd/system && ls -d esim-kiosk*.service")[1].split()
    table = kiosk.ask(f"for unit in {' '.join(units)}; do systemd-analyze security --no-pager $unit | tail -n 1; done", 200)[1]
    run.note("exposure", table + "\n\n" + kiosk.ask("systemd-analyze security --no-pager", 120)[1])
    ours = dict(re.findall(r"level for (\S+)\.service: ([\d.]+)", table))
    expect(len(ours) == len(units), f"not every unit is judged: {table}")
    expect(all(float(points) <= 1.5 for points in ours.values()), f"too much exposed: {ours}")
    run.figures["exposure"] = ", ".join(f"{unit} {points}" for unit, points in sorted(ours.items()))


def watchdog(run):
    """A program that stands still is brought back by systemd."""
    kiosk = run.kiosk
    before = kiosk.ask("systemctl show -P MainPID esim-kiosk.service")[1]
    mark = len(kiosk.said())
    began = time.monotonic()
    kiosk.ask(f"kill -STOP {before}")
    kiosk.wait(r"esim-kiosk\.service: Watchdog timeout", 90, mark)
    kiosk.wait(r"Started esim-kiosk\.service", 60, mark)
    run.figures["stopped program, until READY again"] = f"{time.monotonic() - began:.0f} s"
    expect(kiosk.ask("systemctl show -P MainPID esim-kiosk.service")[1] != before, "it is the same process")


def frozen(run):
    """systemd itself stands still: the hardware watchdog restarts the machine."""
    kiosk = run.kiosk
    expect(kiosk.ask("systemctl show -P RuntimeWatchdogUSec; ls /dev/watchdog0")[1].split() == ["30s", "/dev/watchdog0"], "no watchdog is fed")
    mark, began = len(kiosk.said()), time.monotonic()
    kiosk.ask("kill -SEGV 1")
    kiosk.wait(r"slot [ab] on vda", 150, mark)
    run.figures["systemd frozen, until the initial RAM disk runs again"] = f"{time.monotonic() - began:.0f} s"
    kiosk.wait(r"(?s)slot [ab] on vda.*Started esim-kiosk\.service", 150, mark)
    kiosk.probe = None


def strangers(run):
    """A USB keyboard types Ctrl-Alt-Backspace, Ctrl-Alt-Del and a console switch; a stick is plugged in: nothing happens."""
    kiosk = run.kiosk
    before = kiosk.ask("systemctl show -P MainPID esim-kiosk.service; cat /proc/sys/kernel/random/boot_id")[1]
    kiosk.order("device_add", driver="usb-kbd", id="stranger", bus="usb.0", port="2")
    stick = kiosk.directory / "stick.img"
    stick.write_bytes(bytes(1 << 20))
    kiosk.order("blockdev-add", driver="file", filename=str(stick), **{"node-name": "stick"})
    kiosk.order("device_add", driver="usb-storage", id="stick", drive="stick", bus="usb.0", port="3")
    # What is refused must have been there: interfaces with their class and whether they are let in.
    interfaces = "cd /sys/bus/usb/devices; for one in *:*; do echo $(cat $one/bInterfaceClass $one/authorized); done"
    there = lambda: {"03 0", "08 0"} <= set(kiosk.ask(interfaces)[1].splitlines())  # noqa: E731
    wait_for("keyboard and stick refused by their interfaces", there, 20 * kiosk.patience)
    for keys in (("ctrl", "alt", "backspace"), ("ctrl", "alt", "delete"), ("ctrl", "alt", "f2"), ("alt", "sysrq", "b")):
        kiosk.keys(*keys)
    time.sleep(2 * kiosk.patience)
    drivers = "ls -d /sys/bus/usb/drivers/usbhid/*:* /sys/bus/usb/drivers/usb-storage/*:* /sys/bus/usb/drivers/uas/*:* /dev/sd* 2>/dev/null"
    expect(kiosk.ask(drivers)[1] == "", "a stranger was let in")
    after = kiosk.ask("systemctl show -P MainPID esim-kiosk.service; cat /proc/sys/kernel/random/boot_id")[1]
    expect(before == after, "a keyboard ended the kiosk")
    for one in ("stranger", "stick"):
        kiosk.order("device_del", id=one)


def cables(run):
    """The printer's cable is pulled and put back: its name comes back."""
    kiosk = run.kiosk
    kiosk.order("device_del", id="printer")
    end = time.monotonic() + 20 * kiosk.patience
    while kiosk.ask("test -e /dev/ttyKIOSK_printer")[0] == 0:
        expect(time.monotonic() < end, "a pulled cable still has its name")
        time.sleep(0.5)
    kiosk.order("device_add", driver="usb-serial", id="printer", chardev="printer", bus="usb.0", port="1", **{"always-plugged": True})
    while kiosk.ask("test -e /dev/ttyKIOSK_printer")[0] != 0:
        expect(time.monotonic() < end, "the cable is back, its name is not")
        time.sleep(0.5)


def nobody_gets_in(run):
    """No prompt, no SysRq, and the firewall drops what comes to a program that listens; without the firewall it would come in."""
    kiosk = run.kiosk
    rules = kiosk.ask("nft list ruleset")[1]
    expect("hook input priority filter; policy drop" in rules, rules)
    running = kiosk.ask("cat /proc/[0-9]*/comm | sort -u")[1].split()
    expect("esim-kiosk" in running, f"the programs that run are not told: {running}")
    expect(not {"agetty", "getty", "login", "sshd", "bash"} & set(running), f"there is a prompt somewhere: {running}")
    expect(kiosk.ask("cat /proc/sys/kernel/sysrq")[1] == "0", "SysRq is on")
    kiosk.ask("systemd-run --unit=door /usr/lib/esim-kiosk-testing/escape listen 8099", 60)
    kiosk.wait("escape: listens", 30)
    door = kiosk.forward(8099)
    expect(greeting(door) == b"", "the firewall lets in")
    kiosk.ask("nft insert rule inet kiosk input tcp dport 8099 accept")
    greeted = greeting(door)
    kiosk.ask("nft -f /usr/lib/esim-kiosk/nftables.conf; systemctl stop door")
    expect(b"lets in" in greeted, "nothing comes through an open firewall either: the attempt proves nothing")
    expect(kiosk.ask("nft list ruleset")[1] == rules, "the firewall is not as it was")


def greeting(port, seconds=20):
    """What somebody on the network hears at this port of the kiosk."""
    with socket.create_connection(("127.0.0.1", port), seconds) as visitor:
        visitor.settimeout(seconds)
        try:
            return visitor.recv(100)
        except OSError:
            return b""


def confirmed(run):
    """The slot is marked good, which an update asks for."""
    run.kiosk.wait(r"marked slot rootfs\.[01] as good", 240)


def _install(run, bundle):
    kiosk = run.kiosk
    kiosk.ask("systemctl poweroff")
    kiosk.process.wait(timeout=60 * kiosk.patience)
    kiosk.process = kiosk.probe = None
    kiosk.put_state(bundle, "lib/esim-kiosk-setup/update/next.raucb")
    kiosk.start()


def broken_update(run):
    """A bundle with one byte changed is refused, and the same slot goes on."""
    _install(run, run.broken_bundle())
    kiosk = run.kiosk
    kiosk.wait(r"marked slot rootfs\.0 as good", 300)
    why = "cat /var/lib/esim-kiosk-setup/update/*.refused.txt"
    wait_for("a bundle that is set aside with the reason", lambda: kiosk.ask(why)[0] == 0, 300 * kiosk.patience, every=3)
    said = kiosk.ask(why)[1]
    run.note("broken-update", said)
    # The signature is that of the bundle's hash tree; the changed byte shows when its block is read.
    expect(re.search(r"(?i)signature|verity|input/output error|failed (to|while) read|squashfs", said), f"it was refused for another reason: {said}")
    expect("KIOSK_SLOT=a" in kiosk.ask("cat /run/esim-kiosk-boot/slot")[1], "another slot runs")


def update(run):
    """What the operator's server offers, behind TLS by his own authority, goes into slot B, which starts and is marked
    good; not while a traveller stands at the screen or a card is held."""
    kiosk = run.kiosk
    expect("KIOSK_SLOT=a" in kiosk.ask("cat /run/esim-kiosk-boot/slot")[1], "slot a does not run: this stage goes from A to B")
    shutil.copy(run.bundle("2"), run.updates.directory / "kiosk.raucb")
    (run.updates.directory / "latest").write_text(f"2 {run.updates.address('kiosk.raucb')}\n")
    wait_for("a slot that is marked good", lambda: kiosk.ask("test -e /run/esim-kiosk-boot/confirmed")[0] == 0, 300 * kiosk.patience, every=3)
    mark = len(kiosk.said())
    if run.hall:
        _while_a_card_is_held(run)
    else:
        kiosk.ask("systemctl start esim-kiosk-update.service", 60)  # what its timer does at night
    began = time.monotonic()
    kiosk.wait(r"(?s)slot b on vda.*marked slot rootfs\.1 as good", 900, mark)
    run.figures["update fetched by HTTPS, until the other slot is good"] = f"{time.monotonic() - began:.0f} s"
    kiosk.probe = None
    expect("KIOSK_SLOT=b" in kiosk.ask("cat /run/esim-kiosk-boot/slot")[1], "slot a still runs")
    expect("IMAGE_VERSION=2" in kiosk.ask("cat /etc/os-release")[1], "what runs does not call itself by the version that was offered")
    expect(any("GET /kiosk.raucb" in line and "200" in line for line in run.updates.asked), f"it did not come by HTTPS: {run.updates.asked}")
    expect(kiosk.ask("ls -A /var/lib/rauc-download")[1] == "", "what was fetched still takes up room")
    wait_for("an update that is settled", lambda: kiosk.ask("test -e /var/lib/esim-kiosk-setup/update/pending")[0] != 0, 20 * kiosk.patience, every=1)
    run.note("slots", kiosk.ask("rauc status; efibootmgr", 60)[1] + "\n\n" + "\n".join(run.updates.asked))


def _while_a_card_is_held(run):
    """The night's look for an update comes while somebody buys: it waits until the traveller has gone."""
    kiosk, hall = run.kiosk, run.hall
    open_for_travellers(run)
    for part in ("start", "language", "popular", "plan", "terms"):
        touch(run, part)
    kiosk.ask("systemctl start esim-kiosk-update.service", 60)  # what its timer does at night
    wait_for("an update that waits", lambda: kiosk.ask("test -e /run/esim-kiosk-boot/update-waits")[0] == 0, 60 * kiosk.patience, every=1)
    hall.key("s")
    touch(run, "pay")
    wait_for("an approval that is held", hall.held, 60 * kiosk.patience, every=0.05)
    see(kiosk, "eSIM", seconds=60)
    code, state = kiosk.ask("test -e /run/esim-kiosk-boot/update-waits && systemctl is-active rauc.service")
    expect(not any("kiosk.raucb" in line for line in run.updates.asked), f"an update was fetched while a sale was open: {code} {state}")
    expect(kiosk.ask("test -e /run/esim-kiosk-boot/update-waits")[0] == 0, "the update does not wait any more")
    touch(run, "have-it")
    touch(run, "done")


def bad_update(run):
    """A signed bundle with the next version's program, which brings the journal one schema further and never gets ready,
    goes into slot A; the machine comes back to B by itself, says so, and the older program reads the newer journal and
    sells with it."""
    _install(run, run.bundle("bad"))
    kiosk = run.kiosk
    # The plug is pulled in the middle of the first try: the slot that runs is whole, and the next start tries again.
    doing = "busctl get-property de.pengutronix.rauc / de.pengutronix.rauc.Installer Operation"
    wait_for("an installation", lambda: "installing" in kiosk.ask(doing, 60)[1], 300 * kiosk.patience, every=1)
    time.sleep(kiosk.patience)
    kiosk.cut()
    kiosk.start()
    kiosk.wait(r"slot b on vda", 120)
    kiosk.wait(r"(?s)slot a on vda.*slot b on vda", 1500)
    kiosk.wait(r"(?s)slot a on vda.*slot b on vda.*Started esim-kiosk\.service", 200)
    kiosk.probe = None
    expect("KIOSK_SLOT=b" in kiosk.ask("cat /run/esim-kiosk-boot/slot", 60)[1], "the bad slot still runs")
    told = "cat /run/esim-kiosk-boot/update-fell-back"
    wait_for("a mark that raises the alarm", lambda: kiosk.ask(told)[0] == 0, 120 * kiosk.patience, every=3)
    expect(kiosk.ask(told)[1] == "next", "the alarm's mark names another update")
    if not run.hall:
        return
    sells_as_before(run)
    run.note_screen("after-the-update-fell-back")
    kiosk.cut()
    made, reads = kiosk.journal_version(), run.schema
    run.note("newer-journal", f"the program writes schema {reads}; with a journal of schema {made} it has sold, and its books agree")
    expect(made == reads + 1, f"the journal has schema {made}: the newer program should have left {reads + 1}")


def boot_figures(run):
    """How long the start took, what it waited for, and when what was there: seconds of the guest from the kernel's first."""
    kiosk = run.kiosk
    kiosk.wait(r"Startup finished in", 300)
    run.figures["boot"] = kiosk.ask("systemd-analyze | head -n 1", 120)[1]
    asked = {
        "program started": ("esim-kiosk.service", "ExecMainStartTimestampMonotonic"),
        "first picture drawn (READY)": ("esim-kiosk.service", "ActiveEnterTimestampMonotonic"),
        "multi-user.target": ("multi-user.target", "ActiveEnterTimestampMonotonic"),
    }
    reached = {what: int(kiosk.ask(f"systemctl show -P {stamp} {unit}")[1]) / 1e6 for what, (unit, stamp) in asked.items()}
    if attract := getattr(run, "attract", None):
        reached["attract screen"] = attract
    run.figures["kernel start to"] = ", ".join(f"{what} {at:.1f} s" for what, at in sorted(reached.items(), key=lambda pair: pair[1]))
    run.note("critical-chain", kiosk.ask("systemd-analyze critical-chain esim-kiosk.service --no-pager; systemd-analyze critical-chain --no-pager; systemd-analyze blame --no-pager | head -n 25", 120)[1])


# What begins with the machine off; everything else goes on from a running one.
FROM_OFF = [nothing_to_go_by, first_start, books, power_cut]
MACHINE = [boot_figures, exposure, escapes, nobody_gets_in, watchdog, frozen]
REST = [strangers, cables, confirmed, broken_update, update, bad_update]


def of(run, short):
    """The stages of this run, in the order of a kiosk's life."""
    if run.hall:
        trade = [sale, diagnostics, cut_in_sale, books]
        return [first_start, *trade] if short else [nothing_to_go_by, first_start, *trade, older_disk, secrets_are_gone, power_cut, *MACHINE, *TROUBLES, strangers, confirmed, broken_update, update, bad_update]
    begin = [first_start, secrets_are_gone, power_cut, *MACHINE]
    return begin if short else [nothing_to_go_by, *begin, *REST]


def all_of_them():
    """Every stage that there is, of whatever kind of run."""
    return {nothing_to_go_by, first_start, secrets_are_gone, power_cut, sale, diagnostics, cut_in_sale, books, older_disk, *MACHINE, *TROUBLES, *REST}
