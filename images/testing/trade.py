"""Sales at a kiosk in QEMU: a finger on its screen, and what terminal, provider, paper and journal say afterwards."""

import json
import subprocess
import time

from hall import codes_in
from machine import Gone

SERVICE = "esim-kiosk.service"
# The screen that a touch leads to, by the name that the service tells its manager once it is drawn.
LEADS_TO = {"start": "languages", "language": "destinations", "popular": "plans", "plan": "plan", "pay": "pay", "have-it": "receipt"}


def expect(condition, words):
    if not condition:
        raise Gone(words)


def wait_for(what, true, seconds, every=0.3):
    """Polls until it is true; what it said."""
    end = time.monotonic() + seconds
    while not (said := true()):
        expect(time.monotonic() < end, f"never {what}, within {seconds:.0f} s")
        time.sleep(every)
    return said


def see(kiosk, *wanted, seconds=30):
    """Waits for one of these screens; its name."""
    end = time.monotonic() + seconds * kiosk.patience
    while (now := showing(kiosk)) not in wanted:
        expect(time.monotonic() < end, f"the screen shows {now!r}, and never {wanted}")
        time.sleep(0.2)
    return now


def attract(run):
    """Waits for the first screen of a start, by the guest's own clock from the kernel's first moment."""
    waiting = f"until systemctl show -P StatusText {SERVICE} | grep -q attract; do sleep 0.1; done; cut -d' ' -f1 /proc/uptime"
    run.attract = float(run.kiosk.ask(waiting, 150)[1])


def asked(kiosk, command):
    """What a command of the program answers in the guest."""
    code, said = kiosk.ask(f"esim-kiosk --json {command}", 60)
    expect(code == 0, f"esim-kiosk {command}: {said}")
    return json.loads(said)


def open_for_travellers(run, seconds=150):
    """The first screen, and cards are taken."""
    see(run.kiosk, "attract", seconds=seconds)
    selling = lambda: asked(run.kiosk, "sales status")["value"]["selling"]  # noqa: E731
    wait_for("open for travellers", lambda: '"open"' in json.dumps(selling()), seconds * run.kiosk.patience)


def touch(run, part):
    """Touches a part where the walk found it, and waits for the screen that this leads to.

    A finger comes down a second time only where the first was surely not felt: the picture has not changed for half a
    minute, and the service still names the screen of before. How often that was is a figure of the run; at the part that
    takes the card it is a fault, because nobody may have to ask himself there whether he has paid.
    """
    kiosk = run.kiosk
    name, x, y = next(one for one in run.walk if one[0].split(".")[0] == part)
    shown, before = showing(kiosk), kiosk.pixels()
    kiosk.touch(x, y)
    run.figures.setdefault("touches that had to be repeated", 0)
    if not changed(kiosk, before):
        expect(part != "pay" and showing(kiosk) == shown, f"{name} was touched and the screen did not change, or late")
        run.figures["touches that had to be repeated"] += 1
        kiosk.touch(x, y)
    if part in LEADS_TO:
        see(kiosk, LEADS_TO[part])
    drawn(kiosk, before)
    run.note_screen(f"after-{name}")


def showing(kiosk):
    """The screen that the service says it shows."""
    return kiosk.ask(f"systemctl show -P StatusText {SERVICE}")[1].removeprefix("showing ")


def changed(kiosk, before, seconds=5):
    """Whether the picture becomes another one."""
    end = time.monotonic() + seconds * kiosk.patience
    while kiosk.pixels() == before:
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def drawn(kiosk, before, seconds=20):
    """Waits until the picture is another one than before and stays so: the service names a screen before it is drawn."""
    end = time.monotonic() + seconds * kiosk.patience
    last = before
    while (now := kiosk.pixels()) == before or now != last:
        expect(time.monotonic() < end, "the picture never changed and came to rest")
        last = now
        time.sleep(kiosk.patience / 8)


def to_the_card(run):
    """From the first screen to the card."""
    for part in ("start", "language", "popular", "plan", "terms", "pay"):
        touch(run, part)


def purchase(run):
    """A whole purchase by touch, from the first screen to the first screen: the code on the screen is the one sold, so is
    the one on paper. What it took until the code was shown, in seconds."""
    kiosk, hall = run.kiosk, run.hall
    open_for_travellers(run)
    before, printed = hall.sold(), set(hall.papers())
    run.note_screen("attract")
    began = time.monotonic()
    to_the_card(run)
    see(kiosk, "eSIM", seconds=60)
    took = time.monotonic() - began
    sold = [code for code in hall.sold() if code not in before]
    expect(len(sold) == 1, f"the provider has sold {len(sold)} eSIMs")
    wait_for("the sold code on the screen", lambda: sold[0] in codes_in(kiosk.screen("code")), 20 * kiosk.patience)
    run.note_screen("esim")
    touch(run, "print")
    fresh = lambda: [paper for paper in hall.papers() if paper not in printed]  # noqa: E731
    wait_for("a receipt", fresh, 30 * kiosk.patience)
    wait_for("the sold code on paper", lambda: any(sold[0] in codes_in(paper) for paper in fresh()), 30 * kiosk.patience)
    touch(run, "have-it")
    touch(run, "done")
    see(kiosk, "attract", seconds=60)
    return took


def sale(run):
    """One purchase by touch, on a machine that has sold nothing yet: the card paid once, and the journal says so."""
    kiosk, hall = run.kiosk, run.hall
    run.figures["pay touched to eSIM shown, and the walk before it"] = f"{purchase(run):.0f} s"
    expect(len(hall.sold()) == 1, f"the provider has sold {len(hall.sold())} eSIMs")
    payments, minor = hall.paid()
    expect(payments == 1 and minor > 0, f"{payments} payments of {minor} in the terminal's ledger")
    run.sales = asked(kiosk, "sales list")
    expect([row["closed"] for row in run.sales] == ["delivered"], f"the journal: {run.sales}")
    expect(run.sales[0]["amount_minor"] == minor, "the journal's amount is not what the card paid")


def sells_as_before(run):
    """One more purchase on a machine that has sold before: terminal, provider and journal count one more each."""
    kiosk, hall = run.kiosk, run.hall
    counts = lambda: (hall.paid()[0], len(hall.sold()), sum(row["closed"] == "delivered" for row in asked(kiosk, "sales list")))  # noqa: E731
    open_for_travellers(run)
    before = counts()
    purchase(run)
    wait_for("one more sale in every book", lambda: counts() == tuple(number + 1 for number in before), 60 * kiosk.patience, every=2)
    code, said = kiosk.ask("esim-kiosk sales reconcile", 90)
    expect(code == 0, f"the books do not agree: {said}")


def cut_in_sale(run):
    """The plug is pulled while the terminal holds an approval, the provider has sold, and its answer is on its way."""
    run.hall.key("s")
    before = len(run.hall.sold())
    to_the_card(run)
    wait_for("an approval that is held, and its order", lambda: run.hall.held() and len(run.hall.sold()) > before, 60 * run.kiosk.patience, every=0.05)
    run.kiosk.cut()
    run.cut_at = time.monotonic()
    run.backup = run.kiosk.keep("state", "backup")
    sound(run.backup)
    expect(run.hall.held() == 1, "the plug was pulled too late: the terminal holds nothing any more")


def sound(state):
    """A state partition whose journal is replayed, as at the next start, has no fault left in it."""
    subprocess.run(["e2fsck", "-p", state], capture_output=True)
    found = subprocess.run(["e2fsck", "-fn", state], capture_output=True, text=True)
    expect(found.returncode == 0, f"the power cut has left a faulty file system: {found.stdout}")


def books(run):
    """After the next start every sale comes to rest, and journal, terminal and provider say the same."""
    kiosk, hall = run.kiosk, run.hall
    kiosk.start()
    kiosk.wait(r"Started esim-kiosk\.service", 150)
    run.figures["later start, power on to READY"] = f"{time.monotonic() - kiosk.began:.0f} s"
    see(kiosk, "attract", seconds=60)
    rest = lambda: all(row["phase"] == "closed" for row in asked(kiosk, "sales list"))  # noqa: E731
    wait_for("every sale at rest", rest, 100 * kiosk.patience, every=2)
    open_for_travellers(run, 60)
    run.figures["cut to open for travellers again"] = f"{time.monotonic() - run.cut_at:.0f} s"
    rows = asked(kiosk, "sales list")
    expect(len(rows) == 2, f"two sales were begun: {rows}")
    paid = [row["amount_minor"] for row in rows if row["money"] == "paid"]
    payments, minor = hall.paid()
    expect((len(paid), sum(paid)) == (payments, minor), f"the journal has {paid}, the terminal {payments} payments of {minor}: {rows}")
    expect(hall.held() == 0, "the terminal still holds a payment")
    # The eSIM that the provider sold while the plug was pulled cannot be asked for again at this provider: its price is
    # seen to be gone, and a person is told. It is never counted as not sold.
    stock = sum(row["count"] for row in asked(kiosk, "sales stock"))
    lost = [case for case in asked(kiosk, "sales cases") if case["kind"] == "code_lost"]
    handed = [row for row in rows if row["closed"] in ("delivered", "shown")]
    expect(len(hall.sold()) == len(handed) + stock + len(lost), f"{len(hall.sold())} sold by the provider, {len(handed)} handed over, {stock} in stock, {len(lost)} lost")
    expect([row["money"] for row in rows if row not in handed] == ["none"], f"the traveller whose sale was cut has not got the money back: {rows}")
    code, said = kiosk.ask("esim-kiosk sales reconcile", 90)
    expect(code == 0, f"the books do not agree: {said}")
    run.note("books", f"{json.dumps(rows, indent=1)}\n{said}\nterminal: {payments} payments, {minor}\nprovider: {len(hall.sold())} eSIMs, {stock} in stock, {lost}")
    run.note_screen("after-the-cut")


def older_disk(run):
    """Somebody puts back a state partition of days ago: the firmware knows of a later start, and nothing is sold with it."""
    kiosk = run.kiosk
    number = "cat /sys/firmware/efi/efivars/EsimKioskGeneration-* | tail -c +5"
    code, reached = kiosk.ask(number)
    expect(code == 0 and reached.isdigit() and int(reached) >= 2, f"the firmware does not know how far the journal is: {reached}")
    kiosk.cut()
    newest = kiosk.keep("state", "newest")
    kiosk.put_back("state", run.backup)
    kiosk.start()
    see(kiosk, "attract", seconds=150)
    _selling(run, "earlier_payment", seconds=100)
    why = asked(kiosk, "sales status")["value"]["estranged"]
    expect(why and "older" in why, f"the kiosk is not estranged: {why}")
    run.note_screen("an-older-disk")
    expect(int(kiosk.ask(number)[1]) >= int(reached), "the firmware's number went back")
    kiosk.cut()
    kiosk.put_back("state", newest)
    kiosk.start()
    see(kiosk, "attract", seconds=150)
    _selling(run, "earlier_payment", seconds=100)
    # The older disk has counted a start of its own, so the newest is behind the firmware too: a person says which it is.
    code, said = kiosk.ask("esim-kiosk sales adopt", 60)
    expect(code == 0, f"it cannot be adopted: {said}")
    open_for_travellers(run, 60)
    run.note("older-disk", f"the firmware knew {reached}; with the older disk: {why}; the newest, adopted: {said}")


def _selling(run, *wanted, seconds=60):
    """Waits until the kiosk sells in one of these ways."""
    said = lambda: json.dumps(asked(run.kiosk, "sales status")["value"]["selling"])  # noqa: E731
    wait_for(f"selling as {wanted}", lambda: any(f'"{one}"' in said() for one in wanted), seconds * run.kiosk.patience)


def network(run):
    """The network's cable is pulled and put back: no card is asked for what cannot be ordered, then all is as before."""
    kiosk = run.kiosk
    open_for_travellers(run)
    kiosk.order("set_link", name="net", up=False)
    _selling(run, "paused", "stock_only", seconds=300)
    run.note_screen("no-network")
    kiosk.order("set_link", name="net", up=True)
    _selling(run, "open", seconds=300)


def terminal_line(run):
    """The card terminal's cable is pulled and put back: no card is asked for, then all is as before."""
    kiosk = run.kiosk
    open_for_travellers(run)
    kiosk.unplug("terminal")
    _selling(run, "paused", seconds=60)
    run.note_screen("no-terminal")
    kiosk.plug("terminal")
    _selling(run, "open", seconds=60)


def printer_cable(run):
    """The printer's cable is pulled and put back: sold without paper meanwhile, which the screen says."""
    kiosk = run.kiosk
    open_for_travellers(run)
    kiosk.order("device_del", id="printer")
    _selling(run, "without_paper")
    run.note_screen("no-printer")
    kiosk.order("device_add", driver="usb-serial", id="printer", chardev="printer", bus="usb.0", port="1", **{"always-plugged": True})
    _selling(run, "open")


TROUBLES = [network, terminal_line, printer_cable]
