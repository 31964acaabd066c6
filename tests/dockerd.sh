# Sourced: a Docker daemon of its own, for as long as it takes. Needs root and Debian's package docker.io.
server=''

# usage: start_dockerd PLACE: below PLACE; sets DOCKER_HOST. Without a network, since there may be no right to make one.
start_dockerd() {
    dockerd --iptables=false --ip6tables=false --ip-masq=false --bridge=none --storage-driver=vfs --oom-score-adjust=0 \
        --data-root "$1/docker" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock" >"$1/log" 2>&1 &
    server=$!
    export DOCKER_HOST=unix://$1/docker.sock
    wait_for_server "$1/log"
}

# usage: wait_for_server LOG: until what DOCKER_HOST names answers
wait_for_server() {
    local begin=$SECONDS
    until docker version >/dev/null 2>&1; do
        if [ $((SECONDS - begin)) -gt 60 ]; then
            tail -20 "$1" >&2
            echo "error: nothing answers at $DOCKER_HOST" >&2
            return 1
        fi
        sleep 0.2
    done
}

# usage: import_marker PLACE NAME: an image of one program, and of a file by which it can be told from this machine
import_marker() {
    mkdir -p "$1/image/bin"
    cp /bin/busybox "$1/image/bin/busybox"
    ln -sf busybox "$1/image/bin/sh"
    ln -sf busybox "$1/image/bin/cat"
    echo marker-in-image >"$1/image/marker"
    tar -C "$1/image" -c . | docker import - "$2" >/dev/null
}

# usage: nothing_is_left: no container and no volume
nothing_is_left() {
    local left
    left=$(docker ps --all --quiet && docker volume ls --quiet)
    [ -z "$left" ] || { echo "error: containers or volumes are left: $left" >&2; return 1; }
}

# usage: stop_server PLACE: and takes away what it has put there
stop_server() {
    if [ -n "$server" ]; then
        kill "$server"
        wait "$server" || true
        server=''
    fi
    # Only the kernel knows what is still mounted there.
    awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l
}
