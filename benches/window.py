#!/usr/bin/env python3
"""Figures of the shipped program in a window of 1080 x 1920 under Xvfb, with its journal open and a catalogue of
3 000 plans loaded: start to first frame, memory, press to changed pixel, size on disk.

    cargo build --release && cargo build --features sim --bin esim-kiosk-sim
    benches/window.py target/release/esim-kiosk target/debug/esim-kiosk-sim

Needs Xvfb and python-xlib (`pip install python-xlib`). One JSON object at the end. Machines differ and are busy: read
the figures beside a bare window's, which is measured in the same run with `--beside PROGRAM`.
"""
import argparse, json, os, pathlib, signal, statistics, subprocess, sys, tempfile, time

from Xlib import X, display
from Xlib.ext import xtest

WIDTH, HEIGHT = 1080, 1920


def pixels(root, x, y, width=1, height=1):
    return root.get_image(x, y, width, height, X.ZPixmap, 0xFFFFFFFF).data


def screen(number):
    """An X server without anything on it."""
    server = subprocess.Popen(
        ["Xvfb", f":{number}", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            return server, display.Display(f":{number}")
        except Exception:
            time.sleep(0.05)
    sys.exit("Xvfb does not start: install xvfb")


def first_frame(command, environment, root):
    """Seconds from exec until the middle of the screen is no longer the empty root."""
    spots = [(x, y) for x in (40, WIDTH // 2, WIDTH - 40) for y in (40, HEIGHT // 2, HEIGHT - 40)]
    empty = [pixels(root, *spot) for spot in spots]
    start = time.monotonic()
    program = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.monotonic() - start < 30:
        changed = sum(pixels(root, *spot) != before for spot, before in zip(spots, empty))
        if changed >= len(spots) // 2:
            return program, time.monotonic() - start
        time.sleep(0.001)
    program.kill()
    sys.exit("no frame within 30 s: run the program by hand and read what it says")


def pss_kb(pid):
    """Proportional set size of a process and its children."""
    total = 0
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            total += int(line.split()[1])
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            total += pss_kb(int(child))
    return total


def answering(connection, root, x, y, rounds):
    """Seconds from a press to the first changed pixel around it, and how many presses changed nothing."""
    spans, deaf = [], 0
    left, top, side = max(0, x - 60), max(0, y - 30), 48
    for _ in range(rounds):
        xtest.fake_input(connection, X.MotionNotify, x=x, y=y)
        connection.sync()
        time.sleep(0.12)
        before = pixels(root, left, top, side, side)
        start = time.monotonic()
        xtest.fake_input(connection, X.ButtonPress, 1)
        connection.flush()
        while time.monotonic() - start < 1:
            if pixels(root, left, top, side, side) != before:
                spans.append(time.monotonic() - start)
                break
        else:
            deaf += 1
        # Off the part before the finger is lifted: nothing is chosen.
        xtest.fake_input(connection, X.MotionNotify, x=2, y=HEIGHT - 2)
        xtest.fake_input(connection, X.ButtonRelease, 1)
        connection.sync()
        time.sleep(0.15)
    return spans, deaf


def figures(values):
    values = sorted(values)
    return {"p50": round(statistics.median(values) * 1000, 1), "max": round(values[-1] * 1000, 1), "of": len(values)}


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("kiosk")
    asked.add_argument("simulators")
    asked.add_argument("--starts", type=int, default=7)
    asked.add_argument("--presses", type=int, default=40)
    asked.add_argument("--at", default="540,1490", help="where the attract screen's start button stands")
    asked.add_argument("--beside", nargs="*", help="another program, measured in the same run from start to first frame")
    asked.add_argument("--picture", help="keeps what was on the screen as this file (needs ImageMagick)")
    asked = asked.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    server, connection = screen(97)
    root = connection.screen().root
    environment = {**os.environ, "DISPLAY": ":97", "SLINT_FULLSCREEN": "1", "RUST_LOG": "warn"}
    environment.pop("WAYLAND_DISPLAY", None)
    stage = subprocess.Popen([asked.simulators, "all", "--dir", str(folder)], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL)
    command = [asked.kiosk, "run", "--config", str(folder / "kiosk.toml")]
    found = {}
    try:
        while not (folder / "kiosk.toml").exists():
            time.sleep(0.1)
        # Once to fetch the catalogue, so that the measured starts load it from disk.
        program, _ = first_frame(command, environment, root)
        kept = folder / "state"
        until = time.monotonic() + 60
        while time.monotonic() < until and not any("catalogue" in path.name for path in kept.rglob("*")):
            time.sleep(0.5)
        time.sleep(3)
        found["catalogue_bytes"] = sum(p.stat().st_size for p in kept.rglob("*") if "catalogue" in p.name)
        program.send_signal(signal.SIGTERM)
        program.wait(20)
        starts, beside = [], []
        for turn in range(asked.starts):
            if asked.beside:
                other, span = first_frame(asked.beside, environment, root)
                beside.append(span)
                other.kill()
                other.wait()
                time.sleep(0.5)
            program, span = first_frame(command, environment, root)
            starts.append(span)
            if turn + 1 < asked.starts:
                program.send_signal(signal.SIGTERM)
                program.wait(20)
                time.sleep(0.5)
        found["start_to_first_frame_ms"] = figures(starts)
        if beside:
            found["beside_ms"] = figures(beside)
            found["start_ratio"] = round(statistics.median(starts) / statistics.median(beside), 2)
        time.sleep(10)
        found["pss_mb"] = round(pss_kb(program.pid) / 1024, 1)
        if asked.picture:
            subprocess.run(["import", "-display", ":97", "-window", "root", asked.picture], check=True)
        x, y = (int(part) for part in asked.at.split(","))
        spans, deaf = answering(connection, root, x, y, asked.presses)
        if not spans:
            sys.exit(f"no press at {x},{y} changed a pixel: give the button's place with --at")
        found["press_to_pixel_ms"] = figures(spans)
        found["presses_without_answer"] = deaf
        found["program_mb"] = round(os.path.getsize(asked.kiosk) / 1e6, 1)
        program.send_signal(signal.SIGTERM)
        program.wait(20)
    finally:
        stage.kill()
        server.kill()
    found["load"] = os.getloadavg()[0]
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
