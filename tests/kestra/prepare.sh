# Sourced by tests/kestra.sh and tests/kestra-defaults.sh, from the project's directory: builds ringfence and, once, the worker.
# Sets `out`, where the worker is, `scratch`, a directory that the caller removes, and what each worker is started with.
tests/setup.sh --kestra --containers
cargo build --release

out=${1:-$PWD/target/kestra}
if [ -z "${JAVA_HOME:-}" ]; then
    JAVA_HOME=$(dirname "$(dirname "$(compgen -G '/usr/lib/jvm/*25*/bin/javac' | head -1)")")
fi
export JAVA_HOME
[ -x "$JAVA_HOME/bin/javac" ] || { echo "kestra: error: JAVA_HOME must name a JDK 21 or later, with javac" >&2; exit 1; }
[ -x "$out/kestra" ] || tests/kestra/build.sh "$out"

scratch=$(mktemp -d)
export RF_STORAGE=$scratch/storage KESTRA_JAVA_OPTS="-Xmx512m -XX:+UseSerialGC" KESTRA_PLUGINS_PATH=$out/plugins
