#!/usr/bin/env bash
# The quick tests against each Spark that the package supports, every one in an environment of
# its own (.venv-spark-4.0, ...).
#
#   scripts/test_spark_versions.sh              all of them
#   scripts/test_spark_versions.sh 4.0 4.2      these
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# PySpark and the delta-spark that goes with it: the oldest one and the newest of each minor.
pairs="4.0.1 4.4.0
4.1.4 4.4.0
4.2.0 4.4.0"

outcomes=""
status=0
chosen=("${@:-all}")
while read -r pyspark delta; do
    minor="${pyspark%.*}"
    [[ " ${chosen[*]} " == *" all "* || " ${chosen[*]} " == *" $minor "* ]] || continue
    printf '\n== PySpark %s, Delta Lake %s\n' "$pyspark" "$delta"
    outcome=passed
    CUSTOMER_MART_VENV=".venv-spark-$minor" \
        CUSTOMER_MART_PYSPARK="$pyspark" \
        CUSTOMER_MART_DELTA="$delta" \
        CUSTOMER_MART_TEST_PACKAGES="io.delta:delta-spark_${minor}_2.13:$delta" \
        scripts/test.sh -m "not slow" </dev/null || outcome="failed ($?)"
    [[ "$outcome" == passed ]] || status=1
    outcomes+="PySpark $pyspark, Delta Lake $delta: $outcome"$'\n'
done <<<"$pairs"

if [[ -z "$outcomes" ]]; then
    echo "No such Spark here: $*. There are (with their Delta Lake):" >&2
    echo "$pairs" >&2
    exit 2
fi
printf '\n%s' "$outcomes"
exit "$status"
