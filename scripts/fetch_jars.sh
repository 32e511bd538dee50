#!/usr/bin/env bash
# The jars of Delta Lake in a folder, for clusters that cannot download them.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

if [[ $# -ne 1 || "$1" == -* ]]; then
    cat >&2 <<'USAGE'
Usage: scripts/fetch_jars.sh DIR

Puts into DIR the jars that spark.jars.packages of conf/spark-local.conf stands for. Then, where
there is no internet: scripts/submit.sh --jars-dir DIR ...
USAGE
    exit 2
fi
mkdir -p -- "$1"
out="$(cd -- "$1" && pwd)"

# shellcheck source=/dev/null
source "$root/scripts/environment.sh"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# spark-submit resolves packages before it looks at the job, and this one does nothing. A cache of
# its own holds these jars and no others.
: >"$work/nothing.py"
spark-submit --properties-file "$root/conf/spark-local.conf" --conf "spark.jars.ivy=$work/ivy" \
    "$work/nothing.py" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
cp "$work"/ivy/jars/*.jar "$out"
printf '%s\n' "$out"/*.jar
