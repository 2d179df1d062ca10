#!/usr/bin/env python3
"""A ZVT client that nobody here wrote pays at the simulated card terminal, and the terminal's ledger tells what was paid.

The client is the published crate `zvt` (tests/referees/zvt), over TCP. From the repository, with nothing but Rust and
Python:

    python3 tests/referees/terminal.py [--simulator target/debug/esim-kiosk-sim]

Two payments, a reservation booked for less, an end of day; then a terminal whose bank declines every card. What the
client was told must be what stands in the ledger, and the terminal must have counted no offence against the protocol.
Exits non-zero on the first difference.
"""
import argparse, json, os, pathlib, re, signal, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def fail(text):
    print("DIFFERENT:", text)
    sys.exit(1)


def check(what, is_, should):
    if is_ != should:
        fail(f"{what}: is {is_!r}, should be {should!r}")


def program(name, *cargo):
    """Builds a program and says where it lies."""
    built = subprocess.run(["cargo", "build", "--quiet", "--message-format=json", *cargo], cwd=REPOSITORY,
                           stdout=subprocess.PIPE, text=True, check=True)
    for line in built.stdout.splitlines():
        told = json.loads(line)
        if told.get("executable") and told["target"]["name"] == name:
            return told["executable"]
    fail(f"{name} was not built")


def pay(simulator, client, folder, *options):
    """Plays the terminal, lets the client pay, and gives what the client was told and what the terminal knows."""
    terminal = subprocess.Popen([simulator, "terminal", "--dir", str(folder), "--tcp", "127.0.0.1:0",
                                 "--approves-after", "0", *options], stdout=subprocess.PIPE, text=True)
    try:
        address = None
        for line in terminal.stdout:
            address = address or re.search(r'"tcp:([^"]+)"', line)
            if line.startswith("# ledger"):
                break
        if not address:
            fail("the simulated terminal does not say where it listens")
        said = subprocess.run([client, address[1]], capture_output=True, text=True, timeout=120)
        if said.returncode != 0:
            fail(said.stdout + said.stderr)
    finally:
        terminal.send_signal(signal.SIGINT)
        rest = terminal.stdout.read()
        terminal.wait(timeout=30)
    offences = [line for line in rest.splitlines() if line.startswith("# ") and not line.startswith("# payments")]
    check("offences against the protocol", offences, [])
    return said.stdout.splitlines(), json.loads((folder / "terminal-ledger.json").read_text())


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--simulator", help="esim-kiosk-sim, where it is built already")
    simulator = options.parse_args().simulator or program("esim-kiosk-sim", "--no-default-features", "--features", "sim", "--bin", "esim-kiosk-sim")
    client = program("zvt-referee", "--manifest-path", str(HERE / "zvt" / "Cargo.toml"))
    with tempfile.TemporaryDirectory() as folder:
        told, ledger = pay(simulator, client, pathlib.Path(folder))
        facts = [line for line in told if not line.startswith("printed")]
        check("what the client was told", facts, [
            "registered terminal=29001006",
            "payment result=00 amount=1500 terminal=29001006", "payment completed",
            "payment result=00 amount=101010 terminal=29001006", "payment completed",
            "reservation result=00 amount=2000 terminal=29001006", "reservation completed",
            "booking result=00 amount=1500 terminal=29001006", "booking completed",
            "day count=3 sum=104010 amount=104010", "day closed"])
        paid = [(entry["kind"], entry["state"], entry["paid_minor"]) for entry in ledger["payments"]]
        check("the ledger", paid,
              [("payment", "booked", 1500), ("payment", "booked", 101010), ("reservation", "booked", 1500)])
        check("goods issued", [entry["goods_issued"] for entry in ledger["payments"]], [1, 1, 0])
        check("the day", [(day["count"], day["sum_minor"]) for day in ledger["days"]], [(3, 104010)])
        for sum_ in ("15,00", "1010,10"):
            if sum(sum_ in line for line in told) < 2:
                fail(f"{sum_} was not printed for cardholder and merchant")
    with tempfile.TemporaryDirectory() as folder:
        told, ledger = pay(simulator, client, pathlib.Path(folder), "--declines")
        ends = [line for line in told if "aborted" in line or "completed" in line]
        check("what the client was told of a card that is declined", ends,
              ["payment aborted code=05", "payment aborted code=05", "reservation aborted code=05"])
        check("what a declined card paid", sum(entry["paid_minor"] for entry in ledger["payments"]), 0)
    print("the crate `zvt` was told what stands in the ledger: 2 payments, 1 reservation, 1 day; 3 refusals")


if __name__ == "__main__":
    os.environ.setdefault("CARGO_TERM_COLOR", "never")
    os.environ.setdefault("CARGO_TARGET_DIR", str(REPOSITORY / "target"))
    main()
