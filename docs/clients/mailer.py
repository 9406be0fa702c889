"""Split a mailing list by who may be mailed now. Reads a CSV with a column email, writes it with two more.

    OPTIN_MAY_KEY=optin_may_… python mailer.py https://optin.example.com tips-email < list.csv > asked.csv

Mail only rows with may = yes, within the minute that the answer is valid. Needs nothing but Python.
"""

import csv
import json
import os
import sys
import time
import urllib.error
import urllib.request

TRIES = 5


def ask(site: str, who: str, purpose: str) -> dict:
    """Return the answer about an address; a no with the reason where it cannot be had."""
    question = json.dumps({"who": who, "purpose": purpose, "channel": "email"}).encode()
    headers = {"Authorization": f"Bearer {os.environ['OPTIN_MAY_KEY']}", "Content-Type": "application/json"}
    for _ in range(TRIES):
        request = urllib.request.Request(f"{site}/may", question, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as problem:
            if problem.code not in (429, 503):
                return {"may": False, "reason": json.load(problem).get("detail") or problem.reason}
            time.sleep(int(problem.headers.get("Retry-After") or 1))  # too many questions: wait, ask again
    return {"may": False, "reason": "no answer"}


def main(site: str, purpose: str) -> None:
    """Write each row with the answer, and why not."""
    rows = csv.DictReader(sys.stdin)
    out = csv.DictWriter(sys.stdout, [*(rows.fieldnames or []), "may", "why_not"])
    out.writeheader()
    for row in rows:
        answer = ask(site, row["email"], purpose)
        out.writerow({**row, "may": "yes" if answer["may"] else "no", "why_not": answer["reason"] or ""})


if __name__ == "__main__":
    main(*sys.argv[1:3])
