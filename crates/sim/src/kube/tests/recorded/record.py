"""Sends the steps of steps.json to a real kube-apiserver and writes what it answered to answers.json.

Usage: record.py SERVER TOKEN, such as https://127.0.0.1:6443 and a token of a cluster administrator.
The server should be fresh: the steps create the namespace `team` and objects in `default`.
What differs from run to run (uids, versions, times) is replaced by words, as the test that reads the answers does.
"""

import json
import pathlib
import re
import ssl
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
SERVER, TOKEN = sys.argv[1:3]
CONTEXT = ssl._create_unverified_context()


def send(method, path, body, content_type):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type, "Accept": "application/json"}
    request = urllib.request.Request(SERVER + path, data=body, method=method, headers=headers)
    try:
        response = urllib.request.urlopen(request, context=CONTEXT)
    except urllib.error.HTTPError as error:
        response = error
    text = response.read().decode()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text
    return response.status, response.headers.get_all("Warning") or [], answer


def body_of(step):
    if "raw" in step:
        return step["raw"].encode()
    if "body" not in step:
        return None
    body = step["body"]
    if isinstance(body, dict) and "$file" in body:
        body = json.loads((HERE / body["$file"]).read_text())
    if "version_of" in step:
        current = send("GET", step["version_of"], None, "application/json")[2]
        body["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
    return json.dumps(body).encode()


def normal(value, key=""):
    """Replaces what differs from run to run."""
    if key in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime"):
        return key
    if isinstance(value, dict):
        skipped = ("managedFields", "storageVersionHash")
        return {name: normal(part, name) for name, part in value.items() if name not in skipped}
    if isinstance(value, list):
        parts = [normal(part) for part in value]
        # A server goes through the fields of an object in no order.
        return sorted(parts, key=lambda part: part["field"] + part["message"]) if key == "causes" else parts
    if isinstance(value, str):
        several = re.fullmatch(r"(.* is invalid: \[)(.*)\]", value) if key == "message" else None
        if several:
            value = several[1] + ", ".join(sorted(several[2].split(", "))) + "]"
        value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID", value)
        value = re.sub(r"(record \(|current: )[0-9]+", r"\1VERSION", value)
    return value


def main():
    answers = []
    for step in json.loads((HERE / "steps.json").read_text()):
        content_type = step.get("type", "application/json")
        for _ in range(50):
            code, warnings, answer = send(step["method"], step["path"], body_of(step), content_type)
            conditions = answer.get("status", {}).get("conditions", []) if "wait" in step else []
            if code != 429 and "wait" not in step or any(c["type"] == step["wait"] and c["status"] == "True" for c in conditions):
                break
            time.sleep(0.2)
        recorded = {"name": step["name"], "code": code}
        if step.get("only") != "code":
            recorded |= {"warnings": warnings, "body": normal(answer)}
        answers.append(recorded)
    lines = ",\n".join(json.dumps(answer) for answer in answers)
    (HERE / "answers.json").write_text(f"[\n{lines}\n]\n")


main()
