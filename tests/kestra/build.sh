#!/usr/bin/env bash
# Builds the worker and its plugins from published artifacts (Maven Central only) and the sources beside this file.
# usage: JAVA_HOME=JDK tests/kestra/build.sh OUT      the JDK is 21 or later; OUT/{kestra,lib/,plugins/,confs/}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUT}
work=${out%/}.build
rm -rf "$work" "$out"
mkdir -p "$work" "$out/plugins" "$out/confs"
cp -r "$here"/{pom.xml,host,plugins} "$work"/
(cd "$work" && MAVEN_OPTS="${MAVEN_OPTS:--Xmx1g}" mvn -q -B package -DskipTests)
cp -r "$work/host/target/lib" "$out/lib"
cp "$here/conf/application.yml" "$out/confs/base.yml"
for plugin in groovy jython shell gcp; do
    cp "$work/plugins/$plugin/target/$plugin-1.jar" "$out/plugins/plugin-$plugin-1.jar"
done
cat "$here/header.txt" "$work/host/target/host.jar" >"$out/kestra"
chmod 755 "$out/kestra"
rm -rf "$work"
