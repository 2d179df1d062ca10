#!/usr/bin/env python3
"""Bytes of a receipt beside what python-escpos sends for the same content: the same letters in the same looks, the same
pictures, the same code, the same cut. From the repository:

    python3 benches/printer.py [-- ARGUMENTS OF CARGO]     (for instance: -- bench, or: -- test --no-default-features)

Runs the bench `printer`, which tells the times, takes the receipts it writes, and plays each through python-escpos. Makes a
virtual environment for it. Prints one line a language and, last, one JSON object; exits 1 where we send more than 1.1 of
its bytes.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
HOME = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "esim-kiosk" / "referees" / "escpos"
AIM = 1.1
# ESC t on Epson's printers.
PAGES = {0: "cp437", 2: "cp850", 13: "cp857", 14: "cp737", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858",
         40: "iso8859_15", 45: "cp1250", 46: "cp1251", 47: "cp1253", 48: "cp1254"}
ALIGN = {0: "left", 1: "center", 2: "right"}


def prepare():
    python = HOME / "bin" / "python"
    if not (HOME / "whole").exists():
        HOME.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "python-escpos==3.1", "pillow"], check=True)
        (HOME / "whole").touch()
    if pathlib.Path(sys.prefix) != HOME:
        os.execv(python, [str(python), *sys.argv])


def content(data):
    """What the bytes are, as ("text", line), ("align", n), ("bold", on), ("size", n), ("feed", dots), ("picture", width,
    rows), ("code", text), ("cut",)."""
    page, line, at, found = "cp437", [], 0, []

    def done():
        if line:
            found.append(("text", "".join(line)))
            line.clear()

    while at < len(data):
        two = data[at:at + 2]
        if two in (b"\x1b@", b"\x1c."):
            at += 2
        elif two in (b"\x1bt", b"\x1bR"):
            page = PAGES[data[at + 2]] if two == b"\x1bt" else page
            at += 3
        elif two in (b"\x1ba", b"\x1bE", b"\x1bG", b"\x1d!", b"\x1bJ"):
            done()
            kind = {b"\x1ba": "align", b"\x1bE": "bold", b"\x1bG": "bold", b"\x1d!": "size", b"\x1bJ": "feed"}[two]
            found.append((kind, data[at + 2]))
            at += 3
        elif two == b"\x1dV":
            found.append(("cut",))
            at += 4 if data[at + 2] in (65, 66) else 3
        elif two == b"\x1dv":
            stride, rows = int.from_bytes(data[at + 4:at + 6], "little"), int.from_bytes(data[at + 6:at + 8], "little")
            dots = data[at + 8:at + 8 + stride * rows]
            last = found[-1] if found else ("",)
            if last[0] == "picture" and last[1] == stride:
                found[-1] = ("picture", stride, last[2] + dots)
            else:
                found.append(("picture", stride, dots))
            at += 8 + stride * rows
        elif data[at:at + 3] == b"\x1d(k":
            length = int.from_bytes(data[at + 3:at + 5], "little")
            if data[at + 6] == 80:
                found.append(("code", data[at + 8:at + 5 + length].decode()))
            at += 5 + length
        elif data[at] == 10:
            found.append(("text", "".join(line) + "\n"))
            line.clear()
            at += 1
        else:
            line.append(bytes([data[at]]).decode(page))
            at += 1
    return found


def theirs(found):
    from escpos.printer import Dummy
    from PIL import Image
    printer = Dummy(profile="TM-T20II")
    printer.hw("INIT")
    for kind, *what in found:
        if kind == "text":
            printer.text(what[0])
        elif kind == "align":
            printer.set(align=ALIGN[what[0] & 3])
        elif kind == "bold":
            printer.set(bold=bool(what[0] & 1))
        elif kind == "size":
            printer.set(custom_size=True, width=(what[0] >> 4) + 1, height=(what[0] & 7) + 1)
        elif kind == "feed":
            printer._raw(b"\x1bJ" + bytes([what[0]]))
        elif kind == "picture":
            stride, dots = what
            picture = Image.frombytes("1", (stride * 8, len(dots) // stride), bytes(byte ^ 0xFF for byte in dots))
            printer.image(picture, impl="bitImageRaster")
        elif kind == "code":
            printer.qr(what[0], native=True, ec=1, size=6, model=2)
        elif kind == "cut":
            printer.cut(mode="PART", feed=False)
    return printer.output


def main():
    prepare()
    cargo = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else ["bench"]
    worst, ratios = 0.0, {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cargo", *cargo, "--bench", "printer"], cwd=ROOT, check=True,
                       env=dict(os.environ, PRINTER_BYTES=folder))
        print(f"\n{'language':<10}{'our bytes':>10}{'python-escpos':>15}{'ratio':>8}")
        for sent in sorted(pathlib.Path(folder).glob("*.bin")):
            ours = sent.read_bytes()
            other = theirs(content(ours))
            ratios[sent.stem] = round(len(ours) / len(other), 3)
            worst = max(worst, len(ours) / len(other))
            print(f"{sent.stem:<10}{len(ours):>10}{len(other):>15}{len(ours) / len(other):>8.3f}")
    print(json.dumps({"bench": "printer", "bytes_beside_python_escpos": ratios, "aim": AIM}))
    sys.exit(worst > AIM)


main()
