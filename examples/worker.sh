#!/bin/sh
# A worker that knows nothing of the fence: it tries to read, list and write, by itself and by
# programs that it starts, and prints a line for each try. Inside the built-in policy
# `credentials` everything under $HOME/reports is granted, everything else is refused:
#
#     HOME=$PWD/examples/home ringfence run -- examples/worker.sh
#
# Without a fence the same lines all say "granted".
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
ln -s "$HOME/.aws/credentials" "$scratch/innocent"

try() {
    name=$1
    shift
    if message=$("$@" 2>&1 >/dev/null); then
        echo "granted  $name"
    elif [ "${message%Permission denied}" != "$message" ]; then
        echo "refused  $name"
    else
        echo "failed   $name: $message"
    fi
}

try 'read a report' cat "$HOME/reports/today.csv"
try 'list the reports' ls "$HOME/reports"
try 'write a report' sh -c ': >>"$HOME/reports/today.csv"'
try 'read the AWS credentials' cat "$HOME/.aws/credentials"
try '  through a symbolic link' cat "$scratch/innocent"
try '  through ..' cat "$HOME/reports/../.aws/credentials"
try '  in a shell without a program' sh -c 'read -r line <"$HOME/.aws/credentials"'
try '  by a child without environment' env -i /bin/cat "$HOME/.aws/credentials"
try 'list the SSH keys' ls "$HOME/.ssh"
try 'overwrite an SSH key' sh -c ': >>"$HOME/.ssh/id_example"'
