#!/usr/bin/env python3
"""Prometheus itself reads what the kiosk tells, and fires the alerts that we ship.

    python3 tests/referees/metrics.py [--simulator target/debug/esim-kiosk-sim]

promtool checks the grammar of docs/monitoring/alerts.yaml and tries every alert on series of a well kiosk (which must
stay silent) and of one that is not (which must fire that alert, with its summary written out). The page that a real
kiosk serves while it sells at the simulators passes promtool's checks; a real Prometheus scrapes it, and every
expression of the dashboard gives a value. A broken rule and a broken page must be noticed. Needs Debian's prometheus;
without it exits 3.
"""
import argparse, json, pathlib, re, shutil, socket, subprocess, sys, tempfile, time, urllib.parse, urllib.request

from judge import check, fail

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
MONITORING = REPOSITORY / "docs/monitoring"
# The longest that anything here may take; what is waited for is asked for again and again.
PATIENCE = 90

# What a well kiosk tells, and for each alert the series that must fire it, in promtool's notation (value, step x count;
# a step is a minute). `lasts` is when the alert is looked at.
WELL = {
    'up{job="esim-kiosk"}': "1x800",
    'esim_kiosk_selling{esim_kiosk_selling="paused"}': "0x800",
    'esim_kiosk_selling{esim_kiosk_selling="open"}': "1x800",
    "esim_kiosk_terminal_ready": "1x800",
    "esim_kiosk_printer_ready": "1x800",
    "esim_kiosk_paper_low": "0x800",
    "esim_kiosk_sales_doubtful": "0x800",
    'esim_kiosk_sales_closed_total{how="delivered"}': "0+1x800",
    'esim_kiosk_sales_closed_total{how="lost"}': "0x800",
    "esim_kiosk_journal_ok": "1x800",
    "esim_kiosk_state_free_bytes": "4000000000x800",
    'esim_kiosk_provider_answers{account="roamify"}': "1x800",
    "esim_kiosk_clock_synced": "1x800",
    "process_resident_memory_bytes": "60000000x800",
    "esim_kiosk_uptime_seconds": "0+60x800",
}
ILL = {
    "KioskGone": ('up{job="esim-kiosk"}', "0x800"),
    "KioskPaused": ('esim_kiosk_selling{esim_kiosk_selling="paused"}', "1x800"),
    "KioskTerminal": ("esim_kiosk_terminal_ready", "0x800"),
    "KioskPrinter": ("esim_kiosk_printer_ready", "0x800"),
    "KioskPaperLow": ("esim_kiosk_paper_low", "1x800"),
    "KioskDoubtfulSale": ("esim_kiosk_sales_doubtful", "1x800"),
    "KioskLost": ('esim_kiosk_sales_closed_total{how="lost"}', "0x780 1x20"),
    "KioskJournal": ("esim_kiosk_journal_ok", "0x800"),
    "KioskDisk": ("esim_kiosk_state_free_bytes", "100000000x800"),
    "KioskProvider": ('esim_kiosk_provider_answers{account="roamify"}', "0x800"),
    "KioskClock": ("esim_kiosk_clock_synced", "0x800"),
    "KioskMemoryGrows": ("process_resident_memory_bytes", "60000000+20000x800"),
    "KioskRestarts": ("esim_kiosk_uptime_seconds", "0+60x780 0 60 0 60 0 60 0 60x10"),
}
LOOKED_AT = "13h15m"
MACHINE = "kiosk-7:9464"


def told(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def of_machine(series):
    """The series with the labels that a scrape adds."""
    name, _, labels = series.partition("{")
    labels = [f'instance="{MACHINE}"', *(label for label in [labels.rstrip("}")] if label)]
    return f"{name}{{{','.join(labels)}}}"


def rules(folder):
    """Every alert is silent on a well kiosk, and fires where it should."""
    alerts = MONITORING / "alerts.yaml"
    failed, words = told("promtool", "check", "rules", str(alerts))
    check("the alert rules are well formed", not failed, words)
    text = alerts.read_text()
    names = re.findall(r"- alert: (\w+)", text)
    check("every alert has a series that must fire it", sorted(names) == sorted(ILL), set(names) ^ set(ILL))
    summary = dict(re.findall(r"- alert: (\w+)\n.*?summary: '([^\n]*)'", text, re.S))
    severity = dict(re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", text, re.S))
    tests = []
    for ill in [None, *names]:
        series = dict(WELL)
        if ill:
            series[ILL[ill][0]] = ILL[ill][1]
        asked = []
        for name in names:
            alert = {"eval_time": LOOKED_AT, "alertname": name, "exp_alerts": []}
            if name == ill:
                labels = dict(re.findall(r'(\w+)="([^"]*)"', ILL[ill][0])) if ill != "KioskLost" else {"how": "lost"}
                labels["instance"] = MACHINE
                written = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], summary[ill])
                alert["exp_alerts"] = [{"exp_labels": {**labels, "severity": severity[ill]},
                                        "exp_annotations": {"summary": written}}]
            asked.append(alert)
        tests.append({"name": ill or "well", "interval": "1m", "alert_rule_test": asked,
                      "input_series": [{"series": of_machine(name), "values": values} for name, values in series.items()]})
    file = folder / "alerts-test.json"  # YAML, too
    file.write_text(json.dumps({"rule_files": [str(alerts)], "evaluation_interval": "1m", "tests": tests}))
    failed, words = told("promtool", "test", "rules", str(file))
    check(f"{len(names)} alerts: silent on a well kiosk, each fires where it should", not failed, words[-3000:])
    broken = folder / "broken.yaml"
    broken.write_text(text.replace("esim_kiosk_paper_low == 1", "esim_kiosk_paper_low == 2"))
    file.write_text(file.read_text().replace(str(alerts), str(broken)))
    check("an alert that cannot fire is noticed", told("promtool", "test", "rules", str(file))[0], "it passed")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def page_of(port):
    ask = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(ask, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def wait_for(what, asked):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            found = asked()
            if found:
                return found
        except (OSError, ValueError) as error:
            what = f"{what.split(' (')[0]} ({error})"
        time.sleep(0.2)
    fail(f"waited for in vain: {what}")


def query(port, expression):
    address = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.load(answer)["data"]["result"]


def scraped(simulator, folder):
    """A kiosk that sells, and a Prometheus that looks."""
    own, prometheus = free_port(), free_port()
    running = []
    try:
        stage = subprocess.Popen([simulator, "all", "--dir", folder / "stage"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        running.append(stage)
        config = next(line.split("--config ")[1].strip() for line in stage.stdout if "--config" in line)
        with open(config, "a") as file:
            file.write(f'\n[metrics]\nlisten = "127.0.0.1:{own}"\n')
        running.append(subprocess.Popen([simulator, "kiosk", "--config", config, "--rounds", "500"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        kind, page = wait_for("the kiosk's page", lambda: page_of(own))
        check("the page says what it is", kind.startswith("application/openmetrics-text"), kind)
        page = wait_for("a finished sale on the page", lambda: re.search(
            r'sales_closed_total\{[^}]*how="delivered"[^}]*\} [1-9]', page_of(own)[1]) and page_of(own)[1])
        settings = folder / "prometheus.yml"
        settings.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{MONITORING / 'alerts.yaml'}']\n"
            f"scrape_configs: [{{job_name: esim-kiosk, static_configs: [{{targets: ['127.0.0.1:{own}']}}]}}]\n")
        running.append(subprocess.Popen(
            ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={folder / 'series'}",
             f"--web.listen-address=127.0.0.1:{prometheus}", "--log.level=error"]))
        wait_for("a second scrape", lambda: float(query(
            prometheus, 'count_over_time(up{job="esim-kiosk"}[5m])')[0]["value"][1]) >= 3
            if query(prometheus, "up") else None)
        check("Prometheus takes the page", query(prometheus, "up")[0]["value"][1] == "1", query(prometheus, "up"))
        dashboard = json.loads((MONITORING / "dashboard.json").read_text())
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        for expression in asked:
            wait_for(expression, lambda expression=expression: query(prometheus, expression))
        print(f"ok   {len(asked)} expressions of the dashboard give values")
        check("what is not told gives none", not query(prometheus, "esim_kiosk_unknown"), "it gave some")
        failed, words = told("promtool", "check", "metrics", text=classic(page))
        check("promtool has nothing against the page", not failed, words)
        failed, _ = told("promtool", "check", "metrics", text=classic(page).replace("# TYPE ", "# TYPE x ", 1))
        check("a broken page is noticed", failed, "it passed")
        return len(asked), len(page)
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()


def classic(page):
    """OpenMetrics as the older text that promtool lints: without EOF and units, families by their samples' names."""
    lines = []
    endings = {"counter": "_total", "info": "_info"}
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M))
    for line in page.splitlines():
        word = line.split(" ", 3)
        if line == "# EOF" or word[:2] == ["#", "UNIT"]:
            continue
        if word[0] == "#":
            word[2] += endings.get(kinds.get(word[2]), "")
            line = " ".join(word)
        lines.append(line.replace(" stateset", " gauge").replace(" info", " gauge") if line.startswith("# TYPE") else line)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulator", default=str(REPOSITORY / "target/debug/esim-kiosk-sim"))
    asked = parser.parse_args()
    if not (shutil.which("promtool") and shutil.which("prometheus")):
        print("prometheus is needed: apt-get install prometheus", file=sys.stderr)
        sys.exit(3)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="esim-kiosk-metrics-") as folder:
        folder = pathlib.Path(folder)
        rules(folder)
        expressions, size = scraped(asked.simulator, folder)
    print(json.dumps({"run": "metrics", "alerts": len(ILL), "expressions": expressions, "page_bytes": size,
                      "seconds": round(time.monotonic() - began)}))


main()
