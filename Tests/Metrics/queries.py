"""Runs every query of the alert rules and of the dashboard against a Prometheus, and says which answer nothing.

queries.py URL RULES DASHBOARD: a query that Prometheus refuses, or one that names a metric which the scrape does not have and that is not
told only now and then, is an error.
"""

import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Told only where there is something to tell: a backup, a closed gate, a limit, a webhook.
SELDOM = {
    "chorus_last_backup_timestamp_seconds",
    "chorus_engine_gate_closed_seconds",
    "chorus_engine_gate_used_ratio",
    "chorus_webhook_deliveries_total",
    "chorus_spans_exported_total",
    "chorus_spans_dropped_total",
}


def ask(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=10) as answer:
        return json.load(answer)["data"]


def dashboard_queries(path):
    for panel in json.load(open(path))["panels"]:
        for target in panel.get("targets", []):
            yield f"dashboard: {panel['title']}", target["expr"].replace("$__rate_interval", "1m")


def main(url, rules, dashboard):
    # The rules as Prometheus read them.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        groups = ask(url, "rules")["groups"]
        known = set(ask(url, "label/__name__/values"))
        if groups and groups[0]["rules"][0]["health"] == "ok" and "chorus_worker_slots" in known:
            break
        time.sleep(0.5)
    queries = [(f"alert {rule['name']}", rule["query"]) for group in groups for rule in group["rules"]]
    if len(queries) != open(rules).read().count("- alert:"):
        sys.exit(f"Prometheus has {len(queries)} of the rules in {rules}")
    firing = [rule["name"] for group in groups for rule in group["rules"] if rule["state"] == "firing"]
    queries += dashboard_queries(dashboard)
    faults, silent = [], []
    for place, query in queries:
        try:
            answer = ask(url, "query", query=query)["result"]
        except urllib.error.HTTPError as error:
            faults.append(f"{place}: {error.read().decode()}")
            continue
        names = set(re.findall(r"\b((?:chorus|process)_[a-z_]+)\b", query))
        unknown = names - known - SELDOM
        if unknown:
            faults.append(f"{place}: nobody tells {', '.join(sorted(unknown))}")
        if not answer and place.startswith("dashboard") and not names & SELDOM:
            silent.append(place)
    for place in silent:
        print(f"answers nothing: {place}")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(queries)} queries, {len(faults)} faults, {len(silent)} of the dashboard answer nothing; firing: {firing or 'none'}")
    if faults or silent:
        sys.exit(1)


main(*sys.argv[1:])
