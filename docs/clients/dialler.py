"""Dial only numbers that may be called now. Give the numbers on standard input, one a line.

    OPTIN_MAY_KEY=optin_may_… python dialler.py https://optin.example.com follow-up-phone < numbers.txt

Asks right before each call, and treats every error as a no. Needs nothing but Python.
"""

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime


def ask(site: str, who: str, purpose: str, channel: str) -> dict:
    """Return the answer of the gate. Raises OSError when there is none."""
    question = json.dumps({"who": who, "purpose": purpose, "channel": channel}).encode()
    headers = {"Authorization": f"Bearer {os.environ['OPTIN_MAY_KEY']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{site}/may", question, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def is_permission(answer: dict, who: str, purpose: str) -> bool:
    """Tell whether an answer is a yes, about this person and purpose, that is still valid."""
    about = hashlib.sha256(bytes.fromhex(answer["salt"]) + who.encode()).hexdigest()
    same = answer["about"] == about and answer["purpose"] == purpose
    return answer["may"] is True and same and datetime.now(UTC).isoformat() < answer["valid_until"]


def dial(number: str, duties: list) -> None:
    """Stands for your telephone system. The duties belong on the agent's screen."""
    print(f"dialling {number}")
    for duty in duties:
        print(f"  {duty['text']}")


def main(site: str, purpose: str) -> None:
    """Ask about each number, and dial those with a yes."""
    for number in filter(None, map(str.strip, sys.stdin)):
        try:
            answer = ask(site, number, purpose, "phone")
        except urllib.error.HTTPError as problem:
            print(f"not dialled: {json.load(problem).get('detail') or problem.reason}")
            time.sleep(int(problem.headers.get("Retry-After") or 0))
        except OSError:
            print("not dialled: no answer")
        else:
            if is_permission(answer, number, purpose):
                dial(number, answer["duties"])
            else:
                print(f"not dialled: {answer['reason']}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
