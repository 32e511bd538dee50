#!/usr/bin/env bash
# The jars of Delta Lake in a folder, for clusters that cannot download them.
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

if [[ $# -lt 1 || $# -gt 2 || -z "$1" || "$1" == -* || -z "${2-CONF}" ]]; then
    cat >&2 <<'USAGE'
Usage: scripts/fetch_jars.sh DIR [CONF]

Puts into DIR the jars that spark.jars.packages of CONF stands for: conf/spark-local.conf, or
conf/spark-s3.conf for object storage too. Then, where there is no internet:
scripts/submit.sh --jars-dir DIR ...
USAGE
    exit 2
fi
mkdir -p -- "$1"
out="$(cd -- "$1" && pwd)"
conf="$(realpath -- "${2:-$root/conf/spark-local.conf}")"

# shellcheck source=/dev/null
source "$root/scripts/environment.sh"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# spark-submit resolves packages before it looks at the job, and this one does nothing. A cache of
# its own holds these jars and no others.
: >"$work/nothing.py"
spark-submit --properties-file "$conf" --conf "spark.jars.ivy=$work/ivy" \
    "$work/nothing.py" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
# Jars of another version beside them would be sent along, and which of them counts is chance.
for jar in "$out"/*delta-spark_*.jar; do
    if [[ -e "$jar" && ! -e "$work/ivy/jars/${jar##*/}" ]]; then
        echo "$jar is of another version of Delta Lake: delete the old jars, or name another DIR." >&2
        exit 1
    fi
done
cp "$work"/ivy/jars/*.jar "$out"
printf '%s\n' "$out"/*.jar
