#!/usr/bin/env bash
# Runs a real Kestra worker: open; fenced by the page's first block, which forbids /etc/ and authorizes core and gcp,
# started by `java` and by its header script that has no `#!`; by its second, which forbids the scripts their threads; by
# rules that forbid them to start programs; and by such rules beside classes that leave Kestra's Docker runner its threads.
# That runner has a Docker daemon of its own here. Takes some minutes as root, and fetches 170 MB from Maven Central the first
# time.
# usage: tests/kestra.sh [OUT]      OUT: where the worker is built, once; default target/kestra
#   JAVA_HOME: a JDK 21 or later to build and run it with
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/kestra/prepare.sh

authorized=$PWD/tests/fixtures/policies/worker-isolation.yml
forbidden=$PWD/tests/fixtures/policies/forbidden-classes.yml
programs=$PWD/tests/fixtures/policies/forbidden-programs.yml
contained=$PWD/examples/policies/kestra-containers.yaml
mock=
. tests/dockerd.sh
finish() {
    [ -z "$mock" ] || kill "$mock" || true
    stop_server "$scratch"
    rm -rf "$scratch"
}
trap finish EXIT

# What core-http and the gcp flows talk to, on loopback.
http=$((20000 + $$ % 10000 * 2)) grpc=$((20001 + $$ % 10000 * 2))
"$JAVA_HOME/bin/java" -cp "$out/plugins/plugin-gcp-1.jar" ringfence.kestra.Mock "$http" "$grpc" >"$scratch/mock" 2>&1 &
mock=$!
timeout 60 bash -c "until grep -q 'mock ready' '$scratch/mock'; do sleep 0.2; done"

start_dockerd "$scratch"
export KESTRA_DOCKER_HOST=$DOCKER_HOST
import_marker "$scratch" ringfence-marker:1

export KESTRA_MOCK_HTTP=http://127.0.0.1:$http KESTRA_MOCK_GRPC=127.0.0.1:$grpc
opens=(--add-opens java.base/java.nio=ALL-UNNAMED --add-opens java.base/java.util=ALL-UNNAMED --add-opens java.base/java.lang=ALL-UNNAMED)
by_java=("$JAVA_HOME/bin/java" -Xmx512m -XX:+UseSerialGC "${opens[@]}" -jar "$out/kestra")
# A script that only logs is first: the log queue's first thread starts on its stack. Those without a refusal come once
# more at the end: the worker must be none the worse for its refusals.
flows=(tests/kestra/flows/groovy-plain.yml tests/kestra/flows/*.yml tests/kestra/flows/{groovy-plain,jython-plain,core-log,gcp-pubsub}.yml)
secret=$(head -1 /etc/passwd)
failed=0

# usage: worker NAME open|authorized|forbidden|programs|contained COMMAND...
worker() {
    local name=$1 mode=$2
    shift 2
    echo "kestra: $name"
    "$@" "${flows[@]}" </dev/null >"$scratch/$name.jsonl" 2>"$scratch/$name.log" || {
        echo "kestra: $name: the worker ended with status $?" >&2
        failed=1
    }
    python3 tests/kestra/check.py "$mode" "$secret" "$scratch/$name.jsonl" "${flows[@]}" || {
        tail -40 "$scratch/$name.log" >&2
        failed=1
    }
    # Nor does a task that was refused in the middle leave anything.
    nothing_is_left || failed=1
    if [ "$mode" = authorized ] && grep -qF "$secret" "$scratch/$name.log"; then
        echo "kestra: $name: the secret line is in the worker's log" >&2
        failed=1
    fi
}

# usage: fence POLICY: the words that start a command behind it
fence() { fenced=(target/release/ringfence run -p "$1" --); }
export MICRONAUT_CONFIG_FILES=$out/confs/base.yml
worker open open "${by_java[@]}"
export MICRONAUT_CONFIG_FILES=$out/confs/base.yml,$authorized
fence "$authorized"
worker authorized-by-java authorized "${fenced[@]}" "${by_java[@]}"
worker authorized-by-header authorized "${fenced[@]}" "$out/kestra"
export MICRONAUT_CONFIG_FILES=$out/confs/base.yml,$forbidden
fence "$forbidden"
worker forbidden-by-header forbidden "${fenced[@]}" "$out/kestra"
export MICRONAUT_CONFIG_FILES=$out/confs/base.yml
fence "$programs"
worker programs-by-java programs "${fenced[@]}" "${by_java[@]}"
export MICRONAUT_CONFIG_FILES=$out/confs/base.yml,$contained
fence "$contained"
worker contained-by-header contained "${fenced[@]}" "$out/kestra"
exit "$failed"
