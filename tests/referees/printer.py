#!/usr/bin/env python3
"""Receipts of the kiosk under the eyes of strangers: a printer simulator, a renderer and two readers of codes that nobody
here wrote. From the repository:

    python3 tests/referees/printer.py [--out DIR] [-- ARGUMENTS OF CARGO]

For German, English, Turkish, Arabic and Japanese: what is printed as letters must be read as it was meant, every hyphen
and euro sign included; the code on the paper must decode to the code that was given. Then each fault that the simulator
knows: the kiosk must name it, and print nothing where nothing can be printed. Exits 1 on the first difference, 3 where
something it needs is missing. The pictures stay in DIR: look at them.

It installs what it needs: a virtual environment (emupos wants Python 3.13) with packages of PyPI, `zbar-tools` of Debian
where it may, and `tests/referees/second` with cargo.
"""
import argparse
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "referees"
PACKAGES = ["emupos==0.4.0", "zxing-cpp==3.1.1", "pillow", "resvg-py"]
CODE = "LPA:1$rsp.truphone.com$QRF-BETTERROAMING-PMRDGIR2EARDEIT5"
TITLES = {
    "de": "Japan – 5 GB, 30 Tage",
    "en": "Japan – 5 GB, 30 days",
    "tr": "Türkiye 5 GB, 30 gün, Iğdır ve Şırnak İli",
    "ar": "اليابان 5 غيغابايت، 30 يومًا",
    "ja": "日本 5 GB・30日間",
}
# As letters on the paper, with the model's own pages; what a referee has no page for is drawn.
MEANT = ["7QK-3M9-X2H", "Sky Mobile GmbH", "USt-IdNr. DE123456789", "** K-U-N-D-E-N-B-E-L-E-G **",
         "  Betrag EUR           9,90", "rsp.truphone.com", "QRF-BETTERROAMING-PMRDGIR2EARDEIT5", "+49 30 1234567"]
# Letters above ASCII. Turkish is printed for a model that has none of its pages, since emupos knows none of them: drawn,
# like Arabic and Japanese, and so are the lines with a euro sign then.
MODELS = {"tr": "safe"}
SALE = ["K07-000123", "22.11.2026 14:05 MEZ", "8944500102198304826"]
PAGES = ["Flughafenstraße 1", "12529 Schönefeld"]
MORE = {
    "de": SALE + PAGES + ["9,90 €", "1,58 €", "Japan – 5 GB, 30 Tage", "WLAN „Airport Free“: ohne Internet keine"],
    "en": SALE + PAGES + ["9.90 €", "1.58 €", "Japan – 5 GB, 30 days"],
    "tr": SALE,
    "ja": SALE + PAGES + ["1.58 €"],
    "ar": PAGES,
}
# What the kiosk must say of each fault, before and of the receipt.
FAULTS = {
    "paper-out": ("Faulty(PaperOut)", "NotPrinted"),
    "cover-open": ("Faulty(CoverOpen)", "NotPrinted"),
    "offline": ("Faulty(Offline)", "NotPrinted"),
    "paper-near-end": ("Ready { paper_low: true }", "Confirmed"),
}


def fail(text, code=1):
    print("DIFFERENT:" if code == 1 else "MISSING:", text)
    sys.exit(code)


def python_313():
    candidates = [shutil.which(f"python3.{minor}") for minor in (13, 14)]
    candidates += sorted(pathlib.Path.home().glob(".pyenv/versions/3.1[34]*/bin/python3"))
    for candidate in filter(None, candidates):
        version = subprocess.run([candidate, "-c", "import sys, venv; print(sys.version_info >= (3, 13))"],
                                 capture_output=True, text=True)
        if version.stdout.strip() == "True":
            return str(candidate)
    fail("Python 3.13, which emupos needs", 3)


def prepare():
    """Installs what is missing, and starts itself again inside the virtual environment."""
    python = HOME / "venv" / "bin" / "python"
    if not (HOME / "venv" / "whole").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        subprocess.run([python_313(), "-m", "venv", "--clear", HOME / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (HOME / "venv" / "whole").touch()
    if not shutil.which("zbarimg"):
        if os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "-qq", "update"], check=True)
            subprocess.run(["apt-get", "-qq", "install", "-y", "zbar-tools"], check=True, stdout=subprocess.DEVNULL)
        else:
            fail("zbarimg: install the package zbar-tools", 3)
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--ignore-rust-version", "--target-dir", HOME / "second",
                    "--manifest-path", ROOT / "tests/referees/second/Cargo.toml"], check=True)
    if pathlib.Path(sys.prefix) != HOME / "venv":
        os.execv(python, [str(python), *sys.argv])


def kiosk(cargo, connection, language, title, sent):
    env = dict(os.environ, REFEREE_CONNECTION=connection, REFEREE_MODEL=MODELS.get(language, "citizen-ct-s"),
               REFEREE_LANGUAGE=language, REFEREE_TITLE=title, REFEREE_BYTES=str(sent))
    done = subprocess.run(["cargo", "test", "--quiet", *cargo, "--test", "printer", "referee", "--", "--ignored",
                           "--nocapture"], env=env, cwd=ROOT, capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if "REFEREE" in line]
    if not said:
        fail(done.stdout[-2000:] + done.stderr[-2000:])
    return " ".join(said)


def codes(picture):
    import zxingcpp
    from PIL import Image
    one = [found.text for found in zxingcpp.read_barcodes(Image.open(picture).convert("L"))]
    two = subprocess.run(["zbarimg", "-q", "--raw", str(picture)], capture_output=True, text=True).stdout.split()
    return one, two


def judge(who, language, text, picture):
    for meant in MEANT + MORE[language]:
        if meant not in text:
            fail(f"{who}, {language}: {meant!r} is not on\n{text}")
    read = codes(picture)
    if read != ([CODE], [CODE]):
        fail(f"{who}, {language}: the readers of codes found {read}")


def second(out, language):
    """The same bytes through the other renderer."""
    import resvg_py
    drawing = out / f"{language}-second.svg"
    with open(out / f"{language}.bin", "rb") as sent:
        text = subprocess.run([HOME / "second/debug/second-reader", drawing], stdin=sent, check=True,
                              capture_output=True).stdout.decode()
    picture = out / f"{language}-second.png"
    drawn = resvg_py.svg_to_bytes(svg_path=str(drawing), background="white")
    picture.write_bytes(bytes(drawn))
    judge("second renderer", language, text, picture)


def came_out(receipts, before):
    """The receipt that has come out since, as soon as its picture is there."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        fresh = [path for path in set(receipts.rglob("*.txt")) - before
                 if CODE.split("$")[2] in path.read_text() and path.with_suffix(".png").exists()]
        if fresh:
            time.sleep(1)
            return fresh
        time.sleep(0.2)
    return []


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def wait_for(port, played):
    until = time.monotonic() + 120
    while time.monotonic() < until and played.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    fail("emupos did not start: see emupos.log", 3)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=pathlib.Path, default=HOME / "receipts")
    options.add_argument("cargo", nargs="*", help="arguments for cargo test")
    given = options.parse_args()
    prepare()
    out = given.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    receipts = out / "emupos"
    receipts.mkdir(parents=True)
    emupos = str(pathlib.Path(sys.executable).parent / "emupos")
    port = free_port()
    (out / "emupos.yaml").write_text(
        "schema: 1\ndevices:\n  - id: front\n    type: printer\n    profile: epson-tm-t20iii\n"
        f"    receipts_dir: {receipts}\n    job_idle_timeout_ms: 20000\n    connections:\n      - tcp: {{ port: {port} }}\n")
    line = f"tcp:127.0.0.1:{port}"
    with open(out / "emupos.log", "w") as log:
        played = subprocess.Popen([emupos, "run", "--config", str(out / "emupos.yaml")], cwd=out, stdout=log,
                                  stderr=subprocess.STDOUT)
    try:
        wait_for(port, played)
        for language, title in TITLES.items():
            before = set(receipts.rglob("*.txt"))
            said = kiosk(given.cargo, line, language, title, out / f"{language}.bin")
            print(language, said)
            if "Confirmed" not in said:
                fail("the kiosk did not call it printed")
            fresh = came_out(receipts, before)
            if len(fresh) != 1:
                fail(f"{len(fresh)} receipts came out")
            text = fresh[0].read_text()
            judge("emupos", language, text, fresh[0].with_suffix(".png"))
            shutil.copy(fresh[0].with_suffix(".png"), out / f"{language}.png")
            (out / f"{language}.txt").write_text(text)
            second(out, language)
        for fault, meant in FAULTS.items():
            subprocess.run([emupos, "fault", "set", "front", fault], cwd=out, check=True, capture_output=True)
            said = kiosk(given.cargo, line, "de", "x", out / "fault.bin")
            print(fault, said)
            if any(word not in said for word in meant):
                fail(f"of {fault} the kiosk had to say {meant}")
            subprocess.run([emupos, "fault", "clear", "front", fault], cwd=out, check=True, capture_output=True)
        print(f"as meant: {len(TITLES)} receipts, 2 renderers, 2 readers of codes, {len(FAULTS)} faults")
    finally:
        played.terminate()


main()
