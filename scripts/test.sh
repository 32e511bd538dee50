#!/usr/bin/env bash
# The test suite. Arguments go to pytest: scripts/test.sh -m "not slow"
#
# Without arguments all of it, slow tests included, as two runs side by side with a Spark session
# each: most of these tests wait for a driver that works alone, so that one run leaves cores idle.
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
source scripts/environment.sh

if [[ $# -gt 0 ]]; then
    exec python -m pytest "$@"
fi

# About half of the suite's time: above all what starts processes of its own.
beside=(
    tests/cluster tests/connect tests/faults tests/object_storage tests/scripts
    tests/erasure/test_killed_erasure.py tests/erasure/test_unlocked.py
    tests/incremental/test_equals_rebuild.py tests/incremental/test_killed.py
    tests/incremental/test_tier_changes.py
    tests/jobs/test_observability.py tests/jobs/test_spark_submit.py
)
pytest=(python -m pytest -p no:cacheprovider --durations=15)
log="$(mktemp)"
runs=()

# Whatever ends this script, what both runs had to say is shown, and neither goes on without it.
finish() {
    kill "${runs[@]}" 2>/dev/null || true
    wait || true
    cat "$log"
    rm -f "$log"
}
trap finish EXIT
trap 'exit 130' INT TERM

"${pytest[@]}" "${beside[@]}" >"$log" 2>&1 &
runs+=("$!")
"${pytest[@]}" "${beside[@]/#/--ignore=}" &
runs+=("$!")
failed=0
for run in "${runs[@]}"; do
    wait "$run" || failed=1
done
exit "$failed"
