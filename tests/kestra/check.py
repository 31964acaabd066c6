"""Checks what a Kestra worker printed about its flows.

usage: check.py open|authorized|forbidden|programs|contained SECRET OUTPUT.jsonl FLOW...
SECRET is the first line of /etc/passwd; FLOW... are the files that the worker was given.
"""

import json
import pathlib
import sys

# How each flow ends without a fence, what is then in its outputs or logs, and how it ends where /etc/ is forbidden.
# `SECRET` stands for the secret line: there without a fence, nowhere with one.
FLOWS = {
    "core-log": ("SUCCESS", "marker-core-log", "SUCCESS"),
    "core-http": ("SUCCESS", "marker-http-body", "SUCCESS"),
    "gcp-gcs": ("SUCCESS", "marker-blob", "SUCCESS"),
    "gcp-pubsub": ("SUCCESS", "marker-published-2", "SUCCESS"),
    "groovy-plain": ("SUCCESS", "marker-groovy-385", "SUCCESS"),
    "jython-plain": ("SUCCESS", "marker-jython-45", "SUCCESS"),
    "groovy-read": ("SUCCESS", "SECRET", "FAILED"),
    "jython-read": ("SUCCESS", "SECRET", "FAILED"),
    # The child fails; its script goes on and returns the child's message.
    "groovy-child": ("SUCCESS", "SECRET", "SUCCESS"),
}
# Flows whose plugin creates a thread, how they end without a fence, and what is then in their outputs; with either of
# the page's class rules they fail, with the plugin's refusal in the task's log. The shell plugin's runners read what its
# commands print on threads of their own.
CREATORS = {
    "groovy-thread": ("SUCCESS", "marker-thread-ran", "groovy.Eval"),
    "groovy-pool": ("SUCCESS", "marker-thread-ran", "groovy.Eval"),
    "groovy-vthread": ("SUCCESS", "marker-thread-ran", "groovy.Eval"),
    "groovy-masquerade": ("SUCCESS", "marker-thread-ran", "groovy.Eval"),
    "jython-thread": ("SUCCESS", "marker-thread-ran", "jython.Eval"),
    "shell-echo": ("WARNING", "marker-42", "shell.Commands"),
    "shell-read": ("SUCCESS", "SECRET", "shell.Commands"),
    "shell-docker": ("SUCCESS", "marker-in-image", "shell.Commands"),
}
# The creators that rules leave their threads: all or none, unless they are named.
LEFT = {"open": CREATORS, "programs": CREATORS, "contained": {"shell-docker"}}
# Flows whose plugin starts a program, and the plugin: where scripts may start none they fail, with the refusal in the
# task's log.
STARTERS = {
    "groovy-child": "groovy.Eval",
    "shell-echo": "shell.Commands",
    "shell-read": "shell.Commands",
}
REFUSALS = ("Permission denied", "AccessDeniedException", "denied read of /etc/passwd")


def of_starter(name, run):
    """Yields what is wrong with a run of a flow whose plugin starts a program, and may not."""
    logs = json.dumps(run["logs"], ensure_ascii=False)
    message = f"ringfence: io.kestra.plugin.scripts.{STARTERS[name]} may not start a program (processes.forbidden "
    if run["state"] != "FAILED" or message not in logs or "Cannot run program" not in logs:
        yield f"{name}: {run['state']}, not FAILED with its refusal in the log: {json.dumps(run)}"


def of_creator(name, run, open_, secret):
    """Yields what is wrong with a run of a flow whose plugin creates a thread."""
    open_state, marker, plugin = CREATORS[name]
    said = json.dumps([run["tasks"], run["logs"]], ensure_ascii=False)
    logs = json.dumps(run["logs"], ensure_ascii=False)
    if open_:
        if run["state"] != open_state or (secret if marker == "SECRET" else marker) not in said:
            yield f"{name}: {run['state']}, not {open_state} with {marker}: {said}"
        return
    message = f"ringfence: io.kestra.plugin.scripts.{plugin} may not create a thread ("
    if run["state"] != "FAILED" or message not in logs:
        yield f"{name}: {run['state']}, not FAILED with its refusal in the log: {said}"
    if "marker-thread-ran" in said:
        yield f"{name}: its thread ran: {said}"


def mistakes(mode, secret, lines, expected):
    """Yields a sentence for everything that is not as it must be."""
    # Only the page's first block forbids a path.
    fenced = mode == "authorized"
    by_flow = {}
    for line in lines:
        if "flow" in line:
            by_flow.setdefault(line["flow"], []).append(line)
    ready = [line for line in lines if "ready" in line]
    done = [line for line in lines if "done" in line]
    if len(ready) != 1 or len(done) != 1 or ready[0]["pid"] != done[0]["pid"]:
        yield "the worker did not come up and end by itself, as one process"
        return
    if fenced and ready[0].get("forbiddenPaths") != ["/etc/"]:
        yield f"the worker itself read other forbidden paths: {ready[0].get('forbiddenPaths')}"

    for name in expected:
        runs = by_flow.get(name, [])
        if len(runs) != expected.count(name):
            yield f"{name}: ran {len(runs)} times, not {expected.count(name)}"
        if mode in ("programs", "contained") and name in STARTERS:
            for run in runs:
                yield from of_starter(name, run)
            continue
        if name in CREATORS:
            for run in runs:
                yield from of_creator(name, run, name in LEFT.get(mode, ()), secret)
            continue
        open_state, marker, fenced_state = FLOWS[name]
        reads = marker == "SECRET"
        for run in runs:
            said = json.dumps([run["tasks"], run["logs"]], ensure_ascii=False)
            state = fenced_state if fenced else open_state
            if run["state"] != state:
                yield f"{name}: {run['state']}, not {state}: {said}"
            if reads and fenced:
                if not any(refusal in said for refusal in REFUSALS):
                    yield f"{name}: does not say that it was refused: {said}"
            elif (secret if reads else marker) not in said:
                yield f"{name}: {marker} is neither in its outputs nor in its logs: {said}"


def main():
    mode, secret, output, *flows = sys.argv[1:]
    text = pathlib.Path(output).read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    found = list(mistakes(mode, secret, lines, [pathlib.Path(f).stem for f in flows]))
    if mode == "authorized" and secret in text:
        found.append("the secret line is in the worker's output")
    for mistake in found:
        print(f"kestra: {mode}: {mistake}", file=sys.stderr)
    print(f"kestra: {mode}: {len(flows)} flows, {len(found)} mistakes")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
