#!/usr/bin/env python3
"""Receipts of the kiosk under the eyes of strangers: a printer simulator (emupos), a renderer (hardless), a shaper
(Pillow's HarfBuzz and FriBidi) and two readers of codes (zbar, ZXing) that nobody here wrote. From the repository:

    python3 tests/referees/printer.py [--out DIR] [-- ARGUMENTS OF CARGO TEST]

For German, English, Turkish, Arabic and Japanese, on paper of 80 and 58 mm: what is printed as letters must be read as it
was meant, every hyphen and euro sign included; what is drawn must be what the shaper draws of the same words; the code on
the paper must decode to the code that was given. Then each fault that the simulator knows: the kiosk must name it, and
print nothing where nothing can be printed. Exits 1 on the first difference, 3 where something it needs is missing. The
pictures stay in DIR: look at them.

It needs Python 3.13 (emupos wants it), zbarimg and cargo, and makes a virtual environment with packages of PyPI and a build
of `tests/referees/second` in the user's cache directory; it installs nothing else.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "esim-kiosk" / "referees"
PACKAGES = ["emupos==0.4.0", "zxing-cpp==3.1.1", "pillow==13.0.0", "resvg-py"]
FONTS = ROOT / "ui/assets/fonts"
CODE = "LPA:1$rsp.truphone.com$QRF-BETTERROAMING-PMRDGIR2EARDEIT5"
TITLES = {
    "de": "Japan – 5 GB, 30 Tage",
    "en": "Japan – 5 GB, 30 days",
    "tr": "Türkiye 5 GB, 30 gün, Iğdır ve Şırnak İli",
    "ar": "اليابان 5 غيغابايت، 30 يومًا",
    "ja": "日本 5 GB・30日間",
}
# As letters on the paper in every language: no code page is needed, or one that every model has.
MEANT = ["7QK-3M9-X2H", "Sky Mobile GmbH", "USt-IdNr. DE123456789", "** K-U-N-D-E-N-B-E-L-E-G **",
         "  Betrag EUR           9,90", "rsp.truphone.com", "QRF-BETTERROAMING-PMRDGIR2EARDEIT5",
         "Flughafenstraße 1", "12529 Schönefeld"]
# As letters where the model has the language's pages.
LETTERS = {
    "de": ["Ihr Code", "*** Kopie 3 ***", "Verkauf K07-000123", "22.11.2026 14:05 CET", "Japan – 5 GB, 30 Tage",
           "eSIM-Nummer 8944500102198304826", "9,90 €", "darin 19 % MwSt.", "1,58 €", "Hilfe: +49 30 1234567",
           "„Airport Free“"],
    "en": ["Your code", "*** Copy 3 ***", "Sale K07-000123", "22 Nov 2026 14:05 CET", "Japan – 5 GB, 30 days",
           "eSIM number 8944500102198304826", "9.90 €", "includes 19 % tax", "1.58 €", "Help: +49 30 1234567"],
    "tr": ["Kodunuz", "*** Kopya 3 ***", "Satış K07-000123", "14:05 CET", "Türkiye 5 GB, 30 gün",
           "Iğdır ve Şırnak İli", "eSIM numarası 8944500102198304826", "9,90 €", "%19 vergi dahil", "1,58 €",
           "Yardım: +49 30 1234567"],
    "ar": [],
    "ja": [],
}
# Drawn lines of the plain size, beside the shaper's own drawing: font and words.
DRAWN = {
    "ar": ("NotoSansArabic-Receipt.ttf", "rtl", ["اليابان", "غيغابايت", "رقم", "أو اكتب"]),
    "ja": ("NotoSansJP-Receipt.otf", "ltr", ["日本", "日間", "販売番号", "うち税", "または入力"]),
}
# How much of the ink must agree. Two rasterisers differ at the edges; a word read backwards or of unjoined letters has
# less than half of this in common.
AGREE = 0.68
# The paper, the kiosk's model for it, and its dots.
PAPERS = {"80": ("citizen-ct-s", 576), "58": ("generic-58", 384)}
# ESC t by the makers' references; the letters are Python's own.
PAGES = {
    "80": {0: "PC437", 13: "PC857", 14: "PC737", 16: "WPC1252", 17: "PC866", 18: "PC852", 46: "WPC1251", 48: "WPC1254"},
    "58": {0: "PC437", 16: "WPC1252", 17: "PC866", 18: "PC852", 19: "PC858", 61: "PC857"},
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
    """Makes what is missing of its own, and starts itself again inside the virtual environment."""
    for needed, package in (("zbarimg", "zbar-tools"), ("cargo", "cargo")):
        if not shutil.which(needed):
            fail(f"{needed}: install the package {package}", 3)
    venv, python = HOME / "venv", HOME / "venv" / "bin" / "python"
    whole = venv / "whole"
    if not whole.exists() or whole.read_text() != str(PACKAGES):
        HOME.mkdir(parents=True, exist_ok=True)
        made = subprocess.run([python_313(), "-m", "venv", "--clear", venv]).returncode == 0
        if not made or subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES]).returncode != 0:
            fail("the virtual environment could not be made: is PyPI reachable?", 3)
        whole.write_text(str(PACKAGES))
    built = subprocess.run(["cargo", "build", "--quiet", "--locked", "--ignore-rust-version", "--target-dir",
                            HOME / "second", "--manifest-path", ROOT / "tests/referees/second/Cargo.toml"])
    if built.returncode != 0:
        fail("tests/referees/second could not be built", 3)
    if pathlib.Path(sys.prefix) != venv:
        os.execv(python, [str(python), *sys.argv])


def program(cargo):
    """The kiosk's side: the test `referee` of tests/printer.rs, built once."""
    done = subprocess.run(["cargo", "test", *cargo, "--test", "printer", "--no-run", "--message-format", "json"],
                          cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        fail("tests/printer.rs could not be built", 3)
    made = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [found["executable"] for found in made
            if found.get("executable") and found["target"]["name"] == "printer" and "test" in found["target"]["kind"]][0]


def kiosk(tests, connection, model, language, title, sent):
    env = dict(os.environ, REFEREE_CONNECTION=connection, REFEREE_MODEL=model, REFEREE_LANGUAGE=language,
               REFEREE_TITLE=title, REFEREE_BYTES=str(sent))
    done = subprocess.run([tests, "referee", "--ignored", "--nocapture"], env=env, cwd=ROOT, capture_output=True,
                          text=True)
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


def judge_text(who, wanted, text):
    # What is longer than a line of the paper is broken there, between words.
    run_on = " ".join(text.split())
    for meant in wanted:
        if meant not in text and " ".join(meant.split()) not in run_on and meant not in "".join(text.split()):
            fail(f"{who}: {meant!r} is not on\n{text}")


def judge_code(who, picture):
    read = codes(picture)
    if read != ([CODE], [CODE]):
        fail(f"{who}: the readers of codes found {read}")


def drawn_lines(data):
    """The pictures in the bytes, each as rows of bits; bands that follow each other are one."""
    lines, at, end = [], 0, -1
    while (at := data.find(b"\x1dv0", at)) >= 0:
        stride, rows = int.from_bytes(data[at + 4:at + 6], "little"), int.from_bytes(data[at + 6:at + 8], "little")
        dots = data[at + 8:at + 8 + stride * rows]
        bits = [int.from_bytes(dots[row * stride:(row + 1) * stride], "big") << (8 * (80 - stride)) for row in range(rows)]
        # A full band goes on in the next; a line of letters ends with a band that is not full.
        if at == end and lines and len(lines[-1]) % 24 == 0:
            lines[-1] += bits
        else:
            lines.append(bits)
        at = end = at + 8 + stride * rows
    return lines


def agreement(word, font, direction, lines):
    """How much ink a word as the shaper draws it has in common with the best place on the paper."""
    from PIL import Image, ImageDraw, ImageFont
    face = ImageFont.truetype(str(FONTS / font), 24, layout_engine=ImageFont.Layout.RAQM)
    picture = Image.new("L", (640, 64), 0)
    ImageDraw.Draw(picture).text((8, 8), word, font=face, fill=255, direction=direction)
    picture = picture.crop(picture.getbbox()).point(lambda dot: 255 * (dot > 100))
    width, height = picture.size
    rows = [int("".join("1" if picture.getpixel((x, y)) else "0" for x in range(width)), 2) for y in range(height)]
    ink, frame, best = sum(row.bit_count() for row in rows), (1 << width) - 1, 0.0
    fullest = max(range(height), key=lambda at: rows[at].bit_count())
    half = rows[fullest].bit_count() // 2
    for line in lines:
        for top in range(len(line) - height + 1):
            for shift in range(640 - width + 1):
                if (rows[fullest] & line[top + fullest] >> shift).bit_count() < half:
                    continue
                both = either = 0
                for row, bits in zip(rows, line[top:top + height]):
                    seen = bits >> shift & frame
                    both += (row & seen).bit_count()
                    either += seen.bit_count()
                best = max(best, both / max(1, ink + either - both))
    return best


def judge_drawn(language, data):
    font, direction, words = DRAWN[language]
    lines = drawn_lines(data)
    for word in words:
        found = agreement(word, font, direction, lines)
        # The same letters the other way round: what a careless printer would draw.
        wrong = agreement(word[::-1], font, "ltr" if direction == "rtl" else direction, lines)
        print(f"   {language} {word}: {found:.2f} of the ink agrees, backwards {wrong:.2f}")
        if found < AGREE or wrong >= found:
            fail(f"{language}: {word!r} is not drawn as it is shaped elsewhere")


def second(out, name):
    """Through the other renderer: its letters are those of code page 437 alone, so they are read from the bytes for a
    printer that has no other; and it parts pictures that follow each other, so the code is the printer's own symbol."""
    import resvg_py

    def through(sent, drawing):
        with open(out / sent, "rb") as given:
            return subprocess.run([HOME / "second/debug/second-reader", out / drawing], stdin=given, check=True,
                                  capture_output=True).stdout.decode()
    judge_text(f"second renderer, {name}", MEANT, through(f"{name}-safe.bin", f"{name}-safe.svg"))
    through(f"{name}.bin", f"{name}-second.svg")
    picture = out / f"{name}-second.png"
    drawn = resvg_py.svg_to_bytes(svg_path=str(out / f"{name}-second.svg"), background="white")
    picture.write_bytes(bytes(drawn))
    judge_code(f"second renderer, {name}", picture)


def came_out(receipts, before):
    """The receipt that has come out since, as soon as its picture is there."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        fresh = [path for path in set(receipts.rglob("*.txt")) - before
                 if CODE.split("$")[2][-12:] in path.read_text() and path.with_suffix(".png").exists()]
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


def configured(out):
    """The simulator's configuration: a printer for each paper, on a port of its own."""
    ports, devices = {}, []
    for paper, (_, dots) in PAPERS.items():
        ports[paper] = free_port()
        pages = "".join(f"  {number}: {name}\n" for number, name in PAGES[paper].items())
        (out / f"paper-{paper}.yaml").write_text(
            f"type: printer\nname: paper of {paper} mm\ndpi: 203\nwidth_dots: {dots}\n"
            "font_a: { width: 12, height: 24 }\nfont_b: { width: 9, height: 17 }\n"
            f"code_pages:\n{pages}default_code_page: 0\ndrawer_sensor_open_level: high\n")
        devices.append(
            f"  - id: paper-{paper}\n    type: printer\n    profile: ./paper-{paper}.yaml\n"
            f"    receipts_dir: {out}/emupos-{paper}\n    job_idle_timeout_ms: 4000\n"
            f"    connections:\n      - tcp: {{ port: {ports[paper]} }}\n")
        (out / f"emupos-{paper}").mkdir()
    (out / "emupos.yaml").write_text("schema: 1\ndevices:\n" + "".join(devices))
    return ports


def languages(tests, ports, out):
    for paper, (model, _) in PAPERS.items():
        receipts = out / f"emupos-{paper}"
        for language, title in TITLES.items():
            name = f"{language}-{paper}"
            before = set(receipts.rglob("*.txt"))
            said = kiosk(tests, f"tcp:127.0.0.1:{ports[paper]}", model, language, title, out / name)
            print(name, said)
            if "Confirmed" not in said:
                fail("the kiosk did not call it printed")
            fresh = came_out(receipts, before)
            if len(fresh) != 1:
                fail(f"{len(fresh)} receipts came out")
            text = fresh[0].read_text()
            shutil.copy(fresh[0].with_suffix(".png"), out / f"{name}.png")
            (out / f"{name}.txt").write_text(text)
            judge_text(f"emupos, {name}", MEANT + LETTERS[language], text)
            judge_code(f"emupos, {name}", out / f"{name}.png")
            if paper == "80":
                second(out, name)
                if language in DRAWN:
                    judge_drawn(language, (out / f"{name}.bin").read_bytes())


def faults(tests, emupos, port, out):
    for fault, meant in FAULTS.items():
        subprocess.run([emupos, "fault", "set", "paper-80", fault], cwd=out, check=True, capture_output=True)
        said = kiosk(tests, f"tcp:127.0.0.1:{port}", "citizen-ct-s", "de", "x", out / "fault")
        print(fault, said)
        if any(word not in said for word in meant):
            fail(f"of {fault} the kiosk had to say {meant}")
        subprocess.run([emupos, "fault", "clear", "paper-80", fault], cwd=out, check=True, capture_output=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=pathlib.Path, default=HOME / "receipts")
    options.add_argument("cargo", nargs="*", help="arguments for cargo test")
    given = options.parse_args()
    prepare()
    out = given.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    tests = program(given.cargo)
    ports = configured(out)
    emupos = str(pathlib.Path(sys.executable).parent / "emupos")
    with open(out / "emupos.log", "w") as log:
        played = subprocess.Popen([emupos, "run", "--config", str(out / "emupos.yaml")], cwd=out, stdout=log,
                                  stderr=subprocess.STDOUT)
    try:
        for port in ports.values():
            wait_for(port, played)
        languages(tests, ports, out)
        faults(tests, emupos, ports["80"], out)
        print(f"as meant: {len(TITLES)} languages on {len(PAPERS)} papers, 2 renderers, a shaper, 2 readers of codes, "
              f"{len(FAULTS)} faults")
    finally:
        played.terminate()


main()
