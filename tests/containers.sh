#!/usr/bin/env bash
# Runs the tests of tasks in containers with what CI does not have: Debian's Docker daemon, podman's service asked by
# Docker's client, and podman run by an ordinary user. Each has storage of its own, and is stopped and removed at the end.
# Takes some minutes, and must be root: it installs what is missing, and makes a user for its time.
# usage: tests/containers.sh [docker|service|rootless]...      default: all three
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "containers: error: must be root" >&2; exit 1; }
tests/setup.sh --containers
[ $# -gt 0 ] || set -- docker service rootless

cargo build --release --package ringfence-shim --package ringfence-launcher
tests=$(cargo test -p ringfence --test it --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
# Not built again by each test.
export RINGFENCE_TEST_RELEASE=$PWD/target/release
place=$(mktemp -d /tmp/ringfence-containers-XXXXXX)
chmod 755 "$place"
user='' runtime=''
. tests/dockerd.sh

finish() {
    stop_server "$place"
    if [ -n "$user" ]; then
        # What podman keeps for a user from one call to the next.
        ps -o pid= -u "$user" | xargs -r kill -KILL || true
        userdel --force "$user" || true
    fi
    rm -rf "$place" ${runtime:+"$runtime"}
}
trap finish EXIT

# usage: check NAME WORDS-FOR-THE-TESTS...: the daemon's images are those of all tests, so one at a time
check() {
    local name=$1
    shift
    echo "containers: $name"
    ${user:+as_user} "$tests" --test-threads=1 --include-ignored "$@" tasks::containers tasks::page tasks::many::forty_containers
}

docker_() {
    start_dockerd "$place"
    export RINGFENCE_TEST_CONTAINER_CLI=docker
    check "$(docker version --format 'docker {{.Client.Version}}, its daemon {{.Server.Version}}')"
    nothing_is_left
    stop_server "$place"
    unset DOCKER_HOST RINGFENCE_TEST_CONTAINER_CLI
}

# podman's configuration, as the tests write it for each of theirs.
configure() {
    cat >"$1/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
runtime = "runc"
CONF
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$1" "$1" >"$1/storage.conf"
}

# Docker's client does not pass on why podman's service could not start a program: such a task is refused with 125.
service() {
    mkdir "$place/service"
    configure "$place/service"
    CONTAINERS_CONF=$place/service/containers.conf CONTAINERS_STORAGE_CONF=$place/service/storage.conf \
        podman system service --time=0 "unix://$place/podman.sock" >"$place/log" 2>&1 &
    server=$!
    export DOCKER_HOST=unix://$place/podman.sock RINGFENCE_TEST_CONTAINER_CLI=docker
    wait_for_server "$place/log"
    check "$(docker version --format 'docker {{.Client.Version}}, {{(index .Server.Components 0).Name}} {{.Server.Version}}')" \
        --skip what_is_missing_is_named_and_nothing_else_is_run
    nothing_is_left
    stop_server "$place"
    unset DOCKER_HOST RINGFENCE_TEST_CONTAINER_CLI
}

# Old control groups are root's alone: with them the test that limits memory cannot pass.
rootless() {
    local skip=() name=ringfence-$$
    [ -e /sys/fs/cgroup/cgroup.controllers ] || skip=(--skip a_container_is_made_as_its_runner_says)
    useradd --create-home --home-dir "$place/home" "$name"
    user=$name
    # As a login makes it. Its path must be short: podman has sockets far below it.
    runtime=/run/user/$(id -u "$user")
    install -d -o "$user" -m 700 "$runtime" "$place/tmp"
    as_user test -x "$tests" -a -r docs/tasks.md || { echo "containers: error: $PWD must be open to other users" >&2; exit 1; }
    check "podman $(podman version --format '{{.Client.Version}}') by an ordinary user" "${skip[@]}"
}

as_user() {
    runuser -u "$user" -- env -i PATH="$PATH" HOME="$place/home" XDG_RUNTIME_DIR="$runtime" TMPDIR="$place/tmp" \
        RINGFENCE_TEST_RELEASE="$RINGFENCE_TEST_RELEASE" "$@"
}

unset CONTAINERS_CONF CONTAINERS_STORAGE_CONF
for engine; do
    case $engine in
        docker) docker_ ;;
        service | rootless) "$engine" ;;
        *) echo "usage: tests/containers.sh [docker|service|rootless]..." >&2; exit 2 ;;
    esac
done
echo "containers: all is well"
