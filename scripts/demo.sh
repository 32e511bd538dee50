#!/usr/bin/env bash
# From a fresh clone to a customer mart: made-up customers in, both tables out.
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
    cat <<'USAGE'
Usage: scripts/demo.sh [--customers N] [--out DIR]

Makes up the staging tables of N customers (20000), builds the customer mart from them and shows
what is in it. DIR (./demo) gets the staging tables, the mart and Spark's log. A second run makes
the staging tables anew and builds on the mart that is there.
USAGE
}

wrong_usage() {
    echo "$1" >&2
    usage >&2
    exit 2
}

customers=20000
out=demo
while [[ $# -gt 0 ]]; do
    case "$1" in
    -h | --help)
        usage
        exit 0
        ;;
    --customers=* | --out=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    --customers | --out)
        [[ $# -ge 2 && -n "$2" ]] || wrong_usage "$1 needs a value."
        if [[ "$1" == --out ]]; then out="$2"; else customers="$2"; fi
        shift 2
        ;;
    *) wrong_usage "Unknown argument: $1" ;;
    esac
done
[[ "$customers" =~ ^[1-9][0-9]{0,8}$ ]] ||
    wrong_usage "--customers is a whole number from 1 to 999999999, not '$customers'."
mkdir -p -- "$out" 2>/dev/null || wrong_usage "--out: '$out' is no folder and cannot be made one."
out="$(cd -- "$out" && pwd)"
log="$out/spark.log"

cat <<PLAN
1. environment: Python packages, Spark and Delta Lake in .venv, unless they are there already
2. staging:     the tables of $customers made-up customers in $out/staging
3. mart:        dim_customer and customer_ltv_scoring in $out/mart, as of 2025-01-01
4. summary:     what the mart says
What Spark has to say goes to $log.
PLAN

step() { printf '\n== %s\n' "$1"; }

run() {
    local status=0
    echo "+ $*" >>"$log"
    "$@" 2>>"$log" || status=$?
    [[ $status -ne 0 ]] || return 0
    {
        printf '\nThis failed (exit code %d): %s\nThe last lines of %s:\n\n' "$status" "$*" "$log"
        tr '\r' '\n' <"$log" | tail -n 20
    } >&2
    exit "$status"
}

step environment
# shellcheck source=/dev/null
source "$root/scripts/environment.sh"
cd "$root"
: >"$log"
# No progress bar: it would only fill the log.
submit=(spark-submit --properties-file conf/spark-local.conf
    --conf spark.ui.showConsoleProgress=false)

step staging
run "${submit[@]}" scripts/generate_data.py --out "$out/staging" --customers "$customers"

step mart
run "${submit[@]}" jobs/build_customer_mart.py \
    --sources "$out/staging" --mart "$out/mart" --as-of 2025-01-01T00:00:00Z

step summary
run customer-mart summary --mart "$out/mart"
