#!/usr/bin/env python3
"""Receipts of the kiosk on a printer simulator that somebody else wrote, and their QR codes in two foreign readers.

Needs Python 3.13 with `pip install emupos==0.4.0 zxing-cpp pillow`, and Debian's `zbar-tools`. From the repository:

    python3.13 tests/referees/printer.py --out DIR

For German, Turkish, Arabic and Japanese: what is printed as letters must be read as it was meant, every hyphen and euro
sign included; the code on the paper must decode to the code that was given. Then each fault that the simulator knows:
the kiosk must name it and print nothing. Exits non-zero on the first difference. The pictures stay in DIR: look at them.
"""
import argparse, json, os, pathlib, subprocess, sys, time, urllib.request

CODE = "LPA:1$rsp.truphone.com$QRF-BETTERROAMING-PMRDGIR2EARDEIT5"
TITLES = {
    "de": "Japan – 5 GB, 30 Tage",
    "tr": "Türkiye 5 GB, 30 gün, Iğdır ve Şırnak İli",
    "ar": "اليابان 5 غيغابايت، 30 يومًا",
    "ja": "日本 5 GB・30日間",
}
# As letters on the paper, with the model's own pages; what emupos has no page for is drawn.
MEANT = ["7QK-3M9-X2H", "Sky Mobile GmbH", "Flughafenstraße 1", "12529 Schönefeld", "USt-IdNr. DE123456789", "** K-U-N-D-E-N-B-E-L-E-G **",
         "  Betrag EUR           9,90", "rsp.truphone.com", "QRF-BETTERROAMING-PMRDGIR2EARDEIT5",
         "+49 30 1234567"]
# The Turkish pages are unknown to emupos, so Turkish is printed for a model that has none of them: drawn, like Arabic and
# Japanese, and so are the lines with a euro sign then.
MODELS = {"tr": "safe"}
SALE = ["K07-000123", "22.11.2026 14:05 MEZ", "8944500102198304826"]
MORE = {"de": SALE + ["9,90 €", "1,58 €", "Japan – 5 GB, 30 Tage", "WLAN „Airport Free“: ohne Internet keine"], "tr": SALE,
        "ja": SALE + ["1.58 €", "WLAN „Airport Free“: ohne Internet keine"], "ar": ["WLAN „Airport Free“: ohne Internet keine"]}
FAULTS = {"paper-out": "PaperOut", "cover-open": "CoverOpen"}


def fail(text):
    print("DIFFERENT:", text)
    sys.exit(1)


def kiosk(connection, language, title):
    env = dict(os.environ, REFEREE_CONNECTION=connection, REFEREE_MODEL=MODELS.get(language, "citizen-ct-s"), REFEREE_LANGUAGE=language,
               REFEREE_TITLE=title)
    done = subprocess.run(["cargo", "test", "-q", "--no-default-features", "--features", "sim", "--test", "printer",
                           "referee", "--", "--ignored", "--nocapture"], env=env, capture_output=True, text=True)
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


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=pathlib.Path, default=pathlib.Path("referee-output"))
    out = options.parse_args().out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    receipts = out / "receipts"
    emupos = str(pathlib.Path(sys.executable).parent / "emupos")
    (out / "emupos.yaml").write_text(
        "schema: 1\ndevices:\n  - id: front\n    type: printer\n    profile: epson-tm-t20iii\n"
        f"    receipts_dir: {receipts}\n    job_idle_timeout_ms: 20000\n    connections:\n      - tcp: {{ port: 9127 }}\n")
    played = subprocess.Popen([emupos, "run", "--config", str(out / "emupos.yaml")], cwd=out,
                              stdout=open(out / "emupos.log", "w"), stderr=subprocess.STDOUT)
    try:
        time.sleep(3)
        for language, title in TITLES.items():
            before = set(receipts.rglob("*.txt"))
            said = kiosk("tcp:127.0.0.1:9127", language, title)
            print(language, said)
            if "Confirmed" not in said:
                fail("the kiosk did not call it printed")
            time.sleep(3)
            fresh = [path for path in set(receipts.rglob("*.txt")) - before if CODE.split("$")[2] in path.read_text()]
            if len(fresh) != 1:
                fail(f"{len(fresh)} receipts came out")
            text = fresh[0].read_text()
            for meant in MEANT + MORE[language]:
                if meant not in text:
                    fail(f"{language}: {meant!r} is not on\n{text}")
            read = codes(fresh[0].with_suffix(".png"))
            if read != ([CODE], [CODE]):
                fail(f"{language}: the readers found {read}")
            fresh[0].with_suffix(".png").rename(out / f"{language}.png")
            (out / f"{language}.txt").write_text(text)
        for fault, name in FAULTS.items():
            subprocess.run([emupos, "fault", "set", "front", fault], check=True, capture_output=True)
            said = kiosk("tcp:127.0.0.1:9127", "de", "x")
            print(fault, said)
            if f"Faulty({name})" not in said or "NotPrinted" not in said:
                fail(f"{fault} was not named")
            subprocess.run([emupos, "fault", "clear", "front", fault], check=True, capture_output=True)
        print("as meant: 4 receipts, 2 readers,", len(FAULTS), "faults")
    finally:
        played.terminate()


main()
