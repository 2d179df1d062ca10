#!/usr/bin/env python3
"""A real browser opens the page of a support bundle, and somebody else's eyes look for what must not be in it.

The kiosk itself sells at the simulators, is killed in the middle of a sale and starts again; a doubtful sale and secrets
of every kind are planted wherever they could enter; the bundle is made by the product's own command line. Chromium then
opens report.html from the disk:

    python3 tests/referees/report.py [--simulator target/debug/esim-kiosk-sim] [--out DIR]

No error may be on its console, nothing may be asked of any network, the timeline of the sale must be there, nothing may
stick out of a narrow screen, and no planted secret may be in the page nor in any file of the bundle. A page that does
what is forbidden must be noticed. Pictures lie in DIR. Needs Debian's chromium; without it exits 3.
"""
import argparse, base64, fcntl, html, json, os, pathlib, shutil, signal, subprocess, sys, tarfile, tempfile, time

from judge import check, fail

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check",
         "--disable-dev-shm-usage", "--remote-debugging-pipe"]

# What is planted, and the part of it that must not be found.
CANARIES = [
    ("LPA:1$smdp.canary.io$CANARY-AC-1", "CANARY-AC-1"),
    ('{"matchingId":"CANARYMATCH2","x":1}', "CANARYMATCH2"),
    ('Profile { matching_id: Some("CANARYDEBUG3") }', "CANARYDEBUG3"),
    ("Authorization: Bearer CANARYbearer4", "CANARYbearer4"),
    ("x-api-key: CANARYkey5", "CANARYkey5"),
    ("eyJhbGciOiJub25lIn0.Q0FOQVJZNg.Q0FOQVJZ", "Q0FOQVJZNg"),
    ("card 4761739001010119", "476173900101"),
    ("claim code 7QK-3M9-X2H", "7QK-3M9-X2H"),
    ("mail canary7@mail.example.com", "canary7@"),
    ("call +43 660 7654321", "7654321"),
    ("https://store.example/x?X-Amz-Signature=CANARYSIG8", "CANARYSIG8"),
    ("mqtts://kiosk:canary9pass@broker.example", "canary9pass"),
    ('password = "correct canary ten"', "canary ten"),
    ('password = ")CANARY11"', "CANARY11"),
    ("userPassword: nullCANARY12", "CANARY12"),
    ("Authorization: ApiKey CANARY-13", "CANARY-13"),
    ("Cookie: a=b; c=CANARY-14", "CANARY-14"),
    ('{"secret":["CANARY-15"]}', "CANARY-15"),
    ("matching id QR-CANARY-16 was sent", "QR-CANARY-16"),
    ("smdp.canary.io$K2-CANARY-17", "K2-CANARY-17"),
    ("wifi psk=CANARY18", "CANARY18"),
    ("call 010-7654-3210", "7654-3210"),
    ("call 06607654323", "06607654323"),
    ('{"phone":{"number":"6607654322"}}', "6607654322"),
    ("ref_4761739001010119x", "476173900101"),
    ("4761.7390.0101.0119", "7390.0101"),
    ("mail jane@canary-b\u00fccher.example", "jane@canary"),
    ("mail canary24\\u0040mail.example.com", "canary24"),
    ("typed 7QK 3M9 X2R", "3M9 X2R"),
    ("the token CANARY-26 was refused", "CANARY-26"),
]


class Browser:
    """Chromium, spoken to over its debugging pipe: JSON that ends with a zero byte."""

    def __init__(self, program, folder):
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (*os.pipe(), *os.pipe())]
        commands, self.to, self.told, answers = ends[0], ends[1], ends[2], ends[3]

        def descriptors():
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        # Without a single font a browser lays nothing out, and then nothing sticks out of any window: it is given the
        # machine's own, whatever the run around it hides from the product.
        seen = {name: value for name, value in os.environ.items() if not name.startswith("FONTCONFIG_")}
        self.process = subprocess.Popen([program, *FLAGS, f"--user-data-dir={folder}", "about:blank"], pass_fds=(3, 4),
                                        env=seen, preexec_fn=descriptors, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(commands)
        os.close(answers)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        target = self.say("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.say("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self.say(f"{part}.enable")

    def one(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.told, 1 << 20)
            if not piece:
                fail("the browser is gone")
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def say(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            told = self.one()
            if told.get("id") == self.number:
                if "error" in told:
                    fail(f"{method}: {told['error']}")
                return told["result"]
            self.events.append(told)

    def open(self, address, width, height, dark=False):
        """Opens a page in a window of this size; gives what was on the console and what was asked of a network."""
        self.events.clear()
        self.say("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)
        self.say("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.say("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.one())
        # A page is measured after it was laid out and drawn: twice, as the first drawing may still ask for another size.
        self.say("Runtime.evaluate", awaitPromise=True,
                 expression="new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        errors, asked = [], []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
                errors.append(str(parameters["args"]))
            elif method == "Runtime.exceptionThrown":
                errors.append(str(parameters["exceptionDetails"].get("text")))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                errors.append(parameters["entry"]["text"])
            elif method == "Network.requestWillBeSent" and parameters["request"]["url"] != address:
                asked.append(parameters["request"]["url"])
        return errors, asked

    def value(self, expression):
        return self.say("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def beyond(self, width):
        """How many pixels of the page lie beyond a window of this width. A narrow browser zooms out until a wide page
        fits, and then calls its own window as wide as the page: the width that was asked for is what counts."""
        return self.value("document.documentElement.scrollWidth") - width

    def picture(self, path):
        data = self.say("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def life(simulator, config, *wishes, killed=False):
    """One life of the kiosk, with a traveller made of code before it."""
    done = subprocess.run([simulator, "kiosk", "--config", config, *wishes], capture_output=True, text=True, timeout=150)
    if (done.returncode != 0) != killed:
        fail(f"a life of the kiosk ended with {done.returncode}: {wishes}: {done.stderr[-2000:]}")


def sell(simulator, folder):
    """A machine in use: a sale with paper, a declined card, a sale that was killed between order and hand-over."""
    stage = subprocess.Popen([simulator, "all", "--dir", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        config = next(line.split("--config ")[1].strip() for line in stage.stdout if "--config" in line)
        life(simulator, config, "--prints")
        life(simulator, config, "--die-at", "7", killed=True)
        life(simulator, config, "--nobody")
        stage.stdin.write("d\n")
        stage.stdin.flush()
        life(simulator, config)
        return pathlib.Path(config)
    finally:
        stage.kill()
        stage.wait()


def plant(simulator, config):
    """Secrets of every kind: in the evidence of a case, the recorder, the devices, the health history, the settings."""
    planted = "\n".join(text for text, _ in CANARIES) + "\n"
    state = config.parent / "state"
    evidence = config.parent / "evidence.txt"
    evidence.write_text(planted)
    subprocess.run([simulator, "doubt", "--config", config, "--evidence", evidence], check=True)
    for name in ("events.txt", "screens.txt", "terminal-line.txt"):
        with open(state / "live" / name, "a") as file:
            file.write(planted)
    devices = json.loads((state / "live" / "devices.json").read_text())
    devices["printer"] = planted
    (state / "live" / "devices.json").write_text(json.dumps(devices))
    with open(state / "health.jsonl", "a") as file:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        file.write(json.dumps({"at": at, "selling": planted, "terminal": "ready", "printer": planted, "online": True}) + "\n")
    with open(config, "a") as file:
        file.writelines(f"# {text}\n" for text, _ in CANARIES)


def bundle(simulator, config, folder, *wishes):
    """The product's own command: progress on standard error, the path alone on standard output."""
    done = subprocess.run([simulator, "command", "report", "--config", config, "--output", f"{folder}/", *wishes],
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        fail(done.stderr)
    path = pathlib.Path(done.stdout.strip())
    check("standard output is the path alone", done.stdout.count("\n") == 1 and path.is_file(), done.stdout)
    check("progress is on standard error", "report.html" in done.stderr.splitlines(), done.stderr)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
        return folder / archive.getnames()[0].split("/")[0]


def look(browser, page, sale, out):
    address = page.as_uri()
    for name, width, height, dark in (("wide", 1280, 900, False), ("narrow", 390, 844, False), ("dark", 1280, 900, True)):
        errors, asked = browser.open(address, width, height, dark)
        check(f"{name}: no error on the console", not errors, errors)
        check(f"{name}: nothing is asked of a network", not asked, asked)
        laid = browser.value("document.querySelector('h1').getBoundingClientRect().width * document.body.offsetHeight")
        check(f"{name}: the page is laid out", laid and laid > width * height / 4, f"{laid}: is there a font on this machine?")
        sticks = browser.beyond(width)
        check(f"{name}: nothing sticks out", sticks <= 0, f"{sticks} pixels")
        browser.picture(out / f"report-{name}.png")
    steps = browser.value(f"[...document.querySelectorAll('#{sale} .kind')].map(e => e.textContent).join(', ')")
    for step in ("chosen", "card asked", "approved", "order sent", "stored", "commit decided", "paid", "exposed"):
        check(f"the timeline has {step!r}", step in steps.split(", "), steps)
    check("the sale that was asked for is open and first",
          browser.value("document.querySelector('details.sale').open && document.querySelector('details.sale').id") == sale)
    check("every record is read", "?" not in steps.split(", ") and browser.value(
        "[...document.querySelectorAll('.kind')].every(e => e.textContent !== '?')"))
    now = browser.value("[...document.querySelectorAll('dl.now dd')].map(e => e.textContent)")
    check("the machine's state is read", len(now) >= 10 and "?" not in now and not any("null" in one for one in now), now)
    check("health is drawn", browser.value("document.querySelectorAll('svg rect').length") >= 8)
    check("a restart is marked", browser.value("document.querySelectorAll('tr.restart').length") >= 1)
    cases = browser.value("document.querySelector('#cases').nextElementSibling.textContent")
    check("the case is told", "order in doubt" in cases, cases)
    goals = browser.value("[...document.querySelectorAll('a[href]')].filter(a => !a.getAttribute('href').startsWith('#') "
                          "|| !document.querySelector(a.getAttribute('href'))).length")
    check("every link leads somewhere on the page", goals == 0, goals)
    return browser.value("document.documentElement.outerHTML + document.documentElement.innerText")


def forbidden(browser, page):
    """A page that does what is forbidden: the judge must see it."""
    text = page.read_text()
    bad = page.with_name("forbidden.html")
    bad.write_text(text.replace("default-src 'none'", "default-src *").replace(
        "</body>", "<img src='https://outside.example/x.png'><div style='width:3000px'>x</div></body>"))
    errors, asked = browser.open(bad.as_uri(), 390, 844)
    check("an outside picture is noticed", any("outside.example" in address for address in asked), asked)
    check("an error on the console is noticed", errors, errors)
    sticks = browser.beyond(390)
    check("what sticks out is noticed", sticks > 0, sticks)
    bad.unlink()


def spared(text):
    """The text as a reader could put it together: entities undone."""
    return text + html.unescape(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulator", default=str(REPOSITORY / "target/debug/esim-kiosk-sim"))
    parser.add_argument("--out", type=pathlib.Path)
    asked = parser.parse_args()
    program = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if program is None:
        print("chromium is needed: apt-get install chromium", file=sys.stderr)
        sys.exit(3)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="esim-kiosk-page-") as folder:
        folder = pathlib.Path(folder)
        out = asked.out or folder
        out.mkdir(parents=True, exist_ok=True)
        config = sell(asked.simulator, folder / "stage")
        plant(asked.simulator, config)
        print(f"     a machine in use after {time.monotonic() - began:.0f} s")
        made = bundle(asked.simulator, config, folder, "--sale", "K07-000001")
        page = made / "report.html"
        browser = Browser(program, folder / "browser")
        try:
            seen = spared(look(browser, page, "K07-000001", out))
            forbidden(browser, page)
        finally:
            browser.close()
        files = [file for file in made.rglob("*") if file.is_file()]
        for text, canary in CANARIES:
            found = [str(file.relative_to(made)) for file in files if canary in spared(file.read_text(errors="replace"))]
            check(f"not in the bundle: {canary}", not found, found)
            check(f"not on the page: {canary}", canary not in seen, text)
        kept = (made / "recorder" / "events.txt").read_text()
        check("lines stay, secrets go", kept.count("•••") >= len(CANARIES) - 2, kept)
        print(json.dumps({"run": "report", "canaries": len(CANARIES), "found": 0, "files": len(files),
                          "page_bytes": page.stat().st_size, "seconds": round(time.monotonic() - began)}))


main()
