#!/usr/bin/env bash
# The test suite. Arguments go to pytest: scripts/test.sh -m "not slow"
#
# Without arguments all of it, slow tests included, as two runs side by side with a Spark session
# each: most of these tests wait for a driver that works alone, so that one run leaves cores idle.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
source scripts/environment.sh

if [[ $# -gt 0 ]]; then
    exec python -m pytest "$@"
fi

# About half of the suite's time: above all what starts processes of its own.
beside=(
    tests/cluster tests/connect tests/faults tests/incremental tests/object_storage tests/scripts
    tests/jobs/test_observability.py tests/jobs/test_spark_submit.py
)
log="$(mktemp)"
run() { python -m pytest -p no:cacheprovider --durations=15 "$@"; }

run "${beside[@]}" >"$log" 2>&1 &
other=$!
# Interrupted, both runs still say what they have run and what was the matter.
trap 'kill -INT "$other" 2>/dev/null || true' INT TERM
failed=0
run "${beside[@]/#/--ignore=}" || failed=1
wait "$other" || failed=1
cat "$log"
rm -f "$log"
exit "$failed"
