#!/usr/bin/env bash
# A job on a Spark cluster, by spark-submit with the properties file of that kind of cluster.
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
    cat <<'USAGE'
Usage: scripts/submit.sh --master URL [--conf-file FILE] [--jars-dir DIR] [OPTION ...] JOB [FLAG ...]

Submits JOB, such as jobs/build_customer_mart.py, with its flags. OPTIONs are spark-submit's own.

  --master URL      local[*], spark://HOST:7077, yarn or k8s://https://HOST:6443; chooses
                    conf/spark-local.conf, -standalone.conf, -yarn.conf or -kubernetes.conf
  --conf-file FILE  another properties file; its spark.master will do in place of --master
  --jars-dir DIR    Delta Lake from the jars in DIR (scripts/fetch_jars.sh) in place of a download;
                    other jars come by --jars then, not by the property spark.jars, and packages
                    by --packages, for those of the properties file are not fetched

From the environment:

  SPARK_HOME             the Spark whose spark-submit to use, else the one on PATH or in .venv
  PYSPARK_DRIVER_PYTHON  the Python of the driver, with the package and what it imports; on
                         Kubernetes it is the property spark.pyspark.driver.python
  DELTA_JARS             the same as --jars-dir
USAGE
}

wrong_usage() {
    echo "$1" >&2
    usage >&2
    exit 2
}

conf_for() {
    case "$1" in
    local | local\[*) echo "$root/conf/spark-local.conf" ;;
    spark://*) echo "$root/conf/spark-standalone.conf" ;;
    yarn) echo "$root/conf/spark-yarn.conf" ;;
    k8s://*) echo "$root/conf/spark-kubernetes.conf" ;;
    *) wrong_usage "--master: no file in conf/ is for '$1'; name one with --conf-file." ;;
    esac
}

# The jars of a folder as --jars takes them.
comma_separated() {
    local found=("$1"/*.jar) IFS=,
    local delta
    [[ "$1" != *,* ]] ||
        wrong_usage "--jars-dir: '$1' has a comma, at which spark-submit would divide it."
    delta="$(compgen -G "$1/*delta-spark_*.jar")" ||
        wrong_usage "--jars-dir: '$1' has no jar of Delta Lake; scripts/fetch_jars.sh fetches them."
    [[ "$delta" != *$'\n'* ]] ||
        wrong_usage "--jars-dir: '$1' has several versions of Delta Lake; keep one."
    echo "${found[*]}"
}

# Whether the property spark.jars is set, which spark-submit leaves out where there is a --jars.
has_spark_jars() {
    local option
    for option in "${submit[@]}"; do
        [[ "$option" != spark.jars=?* ]] || return 0
    done
    grep -Eqs '^[[:space:]]*spark\.jars[[:space:]=:]+[^[:space:]=:]' -- "$conf_file"
}

spark_submit() {
    if [[ -n "${SPARK_HOME:-}" ]]; then
        echo "$SPARK_HOME/bin/spark-submit"
    else
        command -v spark-submit || echo "$root/.venv/bin/spark-submit"
    fi
}

require_spark_submit() {
    command -v "${submit[0]}" >/dev/null ||
        wrong_usage "There is no ${submit[0]}: set SPARK_HOME, or run scripts/environment.sh."
}

submit=("$(spark_submit)")
master="" conf_file="" jars_dir="${DELTA_JARS:-}" jars=""
while [[ "${1:-}" == -* ]]; do
    case "$1" in
    -h | --help)
        usage
        exit 0
        ;;
    # It takes no job, and so no cluster.
    --version)
        require_spark_submit
        exec "${submit[0]}" --version
        ;;
    # spark-submit's other options without a value.
    -v | --verbose | --supervise | --load-spark-defaults | --usage-error)
        submit+=("$1")
        shift
        continue
        ;;
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    esac
    [[ $# -ge 2 ]] || wrong_usage "$1 needs a value."
    # An empty one is a variable that is not set, and no wish for the default.
    case "$1" in
    --conf-file | --properties-file | --jars-dir | --master)
        [[ -n "$2" ]] || wrong_usage "$1 needs a value."
        ;;
    esac
    case "$1" in
    --conf-file | --properties-file) conf_file="$2" ;;
    --jars-dir) jars_dir="$2" ;;
    --jars) jars="${jars:+$jars,}$2" ;;
    --master)
        master="$2"
        submit+=("$1" "$2")
        ;;
    *) submit+=("$1" "$2") ;;
    esac
    shift 2
done
[[ -n "$master$conf_file" ]] || wrong_usage "Say where to: --master URL or --conf-file FILE."
[[ -n "$conf_file" ]] || conf_file="$(conf_for "$master")"
[[ $# -gt 0 ]] || wrong_usage "Say which job: jobs/build_customer_mart.py, for one."
if [[ -n "$jars_dir" ]]; then
    delta="$(comma_separated "$jars_dir")"
    ! has_spark_jars ||
        wrong_usage "--jars-dir: spark.jars would be left out; name those jars with --jars."
    # Before the options, of which the last counts: packages of one's own are fetched all the same.
    submit=("${submit[0]}" --conf spark.jars.packages= "${submit[@]:1}")
    # spark-submit goes by the last --jars alone.
    jars="$delta${jars:+,$jars}"
fi
[[ -z "$jars" ]] || submit+=(--jars "$jars")
require_spark_submit

exec "${submit[@]}" --properties-file "$conf_file" "$@"
