#!/usr/bin/env bash
# Runs a real Kestra worker whose task defaults stand in ringfence's policy alone, the last two blocks of Kestra's page on
# worker isolation, and looks at what its executions made of them: where no container can be had, and where one can, from a
# Docker daemon of its own. Built as by tests/kestra.sh.
# usage: tests/kestra-defaults.sh [OUT]      OUT: where the worker is built, once; default target/kestra
#   JAVA_HOME: a JDK 21 or later to build and run it with
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/kestra/prepare.sh

. tests/dockerd.sh
finish() {
    stop_server "$scratch"
    rm -rf "$scratch"
}
trap finish EXIT
# The worker's own configuration has a default too, at another level: it must stay in the list.
cat >"$scratch/policy.yml" <<'POLICY'
kestra:
  plugins:
    defaults:
    - type: io.kestra.plugin.core.log.Log
      forced: true
      values:
        level: ERROR
---
kestra:
  tasks:
    defaults:
      - type: io.kestra.plugin.scripts.shell.Commands
        forced: true
        values:
          containerImage: ubuntu:latest
          taskRunner:
            type: io.kestra.plugin.scripts.runner.docker.Docker
POLICY
cat >"$scratch/local.yml" <<'FLOW'
id: local
namespace: rf
tasks:
  - id: t
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ["cat /marker 2>/dev/null || echo ran-on-the-worker-$((6*7))"]
FLOW

export MICRONAUT_CONFIG_FILES=$out/confs/base.yml
# No container can be had from here, so a task that is forced into one fails; and says that it asked for one.
export DOCKER_HOST=unix://$scratch/no-docker.sock

# usage: worker NAME COMMAND...
worker() {
    local name=$1
    shift
    echo "kestra-defaults: $name"
    "$@" "$out/kestra" tests/kestra/flows/core-log.yml "$scratch/local.yml" </dev/null \
        >"$scratch/$name.jsonl" 2>"$scratch/$name.log" || { tail -40 "$scratch/$name.log" >&2; exit 1; }
    python3 - "$name" "$scratch/$name.jsonl" <<'CHECK' || { tail -40 "$scratch/$name.log" >&2; exit 1; }
import json, sys
name, output = sys.argv[1:]
lines = [json.loads(line) for line in open(output) if line.startswith("{")]
runs = {line["flow"]: line for line in lines if "flow" in line}
ready = next(line for line in lines if "ready" in line)
level = {log["level"] for log in runs["core-log"]["logs"] if "marker-core-log" in log["message"]}
said = json.dumps([runs["local"]["tasks"], runs["local"]["logs"]])
fenced, contained = name == "fenced", name == "contained"
wanted = [
    ("the level of the log task", level, {"WARN"} if name == "open" else {"ERROR"}),
    ("whether the shell task ran on the worker", "ran-on-the-worker-42" in said, name == "open"),
    ("whether it ran in a container", "marker-in-image" in said, contained),
    ("the entries that the worker has", len(ready["pluginDefaults"]), {"open": 1, "fenced": 3, "contained": 4}[name]),
]
if contained:
    wanted.append(("the state of the shell task", runs["local"]["state"], "SUCCESS"))
if fenced:
    wanted.append(("the state of the shell task", runs["local"]["state"], "FAILED"))
    wanted.append(("whether it asked for a container", "docker" in said.lower(), True))
wrong = [(what, found, right) for what, found, right in wanted if found != right]
for what, found, right in wrong:
    print(f"kestra-defaults: {name}: {what}: {found}, not {right}: {said}", file=sys.stderr)
print(f"kestra-defaults: {name}: {len(wanted)} looks, {len(wrong)} mistakes")
sys.exit(1 if wrong else 0)
CHECK
}

worker open sh
worker fenced target/release/ringfence run -p "$scratch/policy.yml" --
grep -F 'reach this Kestra worker' "$scratch/fenced.log"

# The same with a daemon, which the policy names. It does so in one more entry for the task: Kestra does not look for entries
# for the runner that an entry has given.
start_dockerd "$scratch"
import_marker "$scratch" ubuntu:latest
cat >>"$scratch/policy.yml" <<POLICY
---
kestra:
  tasks:
    defaults:
      - type: io.kestra.plugin.scripts.shell.Commands
        forced: true
        values: {taskRunner: {host: "$DOCKER_HOST", pullPolicy: NEVER, networkMode: none}}
---
ringfence: {version: 1, processes: {forbidden: [io.kestra.plugin.scripts.shell]}}
POLICY
worker contained target/release/ringfence run -p "$scratch/policy.yml" --
nothing_is_left
