#!/usr/bin/env bash
# Makes .venv hold the package (editable), customer-mart, spark-submit and what the tests need,
# and finds a Java for Spark or installs one. Quick when nothing has changed.
#
#   scripts/environment.sh          then .venv/bin/customer-mart, .venv/bin/spark-submit, ...
#
# The other scripts source it, to have .venv first on PATH as well. Settings, from the environment:
#
#   CUSTOMER_MART_VENV              folder of the virtual environment, below the repository [.venv]
#   CUSTOMER_MART_PYSPARK           another PySpark than pyproject.toml pins; needs ...
#   CUSTOMER_MART_DELTA             ... the delta-spark that goes with it
if [[ $- == *i* ]]; then
    echo "Run scripts/environment.sh, do not source it; then: source .venv/bin/activate" >&2
    return 2
fi
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/${CUSTOMER_MART_VENV:-.venv}"
stamp="$venv/customer-mart.stamp"
oldest_java=17 # of Spark 4
oldest_python=3.10

say() { echo "environment: $*" >&2; }
give_up() {
    say "$@"
    exit 2
}

as_root() {
    if [[ "$(id -u)" -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

# Fails where this user cannot install packages, or there is no such package.
apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root true 2>/dev/null || return 1
    say "Installing $* with apt-get."
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" </dev/null >&2
}

apt_update() {
    command -v apt-get >/dev/null || return 0
    as_root apt-get update -q >/dev/null 2>&1 || true
}

# --- Java ---------------------------------------------------------------------------------------

# The major version of a java command, 0 when it does not run.
java_version() {
    local version
    version="$("$1" -version 2>&1 | sed -n 's/.* version "\([0-9][0-9]*\).*/\1/p' | head -n 1)" || true
    echo "${version:-0}"
}

recent_enough() { [[ "$(java_version "$1")" -ge "$oldest_java" ]]; }

# Sets java_home: empty when what Spark takes by itself will do, else the home to point it to.
find_java() {
    java_home=""
    local usual="${JAVA_HOME:+$JAVA_HOME/bin/}java" home
    if recent_enough "$usual"; then return 0; fi
    if [[ -n "${JAVA_HOME:-}" ]] && recent_enough java; then
        # JAVA_HOME goes before PATH for Spark, so that it has to be replaced.
        java_home="$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p')"
        return 0
    fi
    for home in /usr/lib/jvm/* "$(/usr/libexec/java_home -v "$oldest_java+" 2>/dev/null || true)"; do
        if [[ -x "$home/bin/java" ]] && recent_enough "$home/bin/java"; then
            java_home="$home"
            return 0
        fi
    done
    return 1
}

# The package of the oldest Java that will do: the one that Spark has been tested with longest.
java_package() {
    apt-cache search --names-only '^openjdk-[0-9]+-jre-headless$' |
        sed -n 's/^openjdk-\([0-9]*\)-jre-headless .*/\1/p' | sort -n |
        awk -v oldest="$oldest_java" '$1 >= oldest { print "openjdk-" $1 "-jre-headless"; exit }'
}

prepare_java() {
    local package
    if ! find_java; then
        say "Spark needs Java $oldest_java or later, and there is none here."
        apt_update
        package="$(java_package 2>/dev/null || true)"
        if [[ -n "$package" ]]; then apt_install "$package" || true; fi
        find_java || give_up "Install a Java runtime $oldest_java or later (Debian, Ubuntu:" \
            "sudo apt-get install ${package:-openjdk-$oldest_java-jre-headless}; macOS: brew install" \
            "openjdk@$oldest_java), set JAVA_HOME to it or put its java on PATH, and run this again."
    fi
    if [[ -n "$java_home" ]]; then export JAVA_HOME="$java_home"; fi
}

# --- Python -------------------------------------------------------------------------------------

python_will_do() {
    "$1" -c "import sys; sys.exit(sys.version_info < (${oldest_python/./, }))" 2>/dev/null
}

find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if python_will_do "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

uv_will_do() { command -v uv >/dev/null && uv pip install --help 2>/dev/null | grep -q -- --group; }

make_venv() {
    local python package
    if uv_will_do; then
        uv venv --quiet --python "$(find_python || echo ">=$oldest_python")" "$venv"
        return
    fi
    python="$(find_python)" || give_up "Python $oldest_python or later is needed;" \
        "python3 is $(python3 --version 2>/dev/null || echo "not on PATH")."
    if ! has_venv "$python"; then
        package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        apt_update
        apt_install "$package" || true
        has_venv "$python" || give_up "$python cannot make virtual environments: install its venv" \
            "module (Debian, Ubuntu: sudo apt-get install $package) and run this again."
    fi
    "$python" -m venv "$venv"
}

# One that still works where it lies: its scripts hold its path, so that a moved one does not.
venv_is_sound() {
    python_will_do "$venv/bin/python" && [[ ! -f "$stamp" || "$(head -n 1 "$stamp")" == "$venv" ]]
}

install_packages() {
    local packages=(--editable ".[local]" --group dev)
    if [[ -n "${CUSTOMER_MART_PYSPARK:-}" ]]; then
        packages=(--editable . --group dev
            "pyspark==$CUSTOMER_MART_PYSPARK" "delta-spark==$CUSTOMER_MART_DELTA")
    fi
    cd "$root"
    if uv_will_do; then
        uv pip install --quiet --python "$venv/bin/python" "${packages[@]}"
        return
    fi
    # A virtual environment that uv made has no pip; dependency groups came with pip 25.1.
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null
    "$venv/bin/python" -m pip install --quiet "pip>=25.1"
    "$venv/bin/python" -m pip install --quiet "${packages[@]}"
}

# What .venv has been made from; any difference is a reason to install again.
wanted() {
    echo "$venv"
    echo "pyspark ${CUSTOMER_MART_PYSPARK:-pinned}, delta-spark ${CUSTOMER_MART_DELTA:-pinned}"
    cat "$root/pyproject.toml"
}

prepare_venv() {
    if venv_is_sound && [[ -f "$stamp" && "$(cat "$stamp")" == "$(wanted)" ]]; then return 0; fi
    if ! venv_is_sound; then
        if [[ -e "$venv" && ! -f "$venv/pyvenv.cfg" ]]; then
            give_up "$venv is there and is no virtual environment: move it away and run this again."
        fi
        rm -rf "$venv"
        make_venv
    fi
    say "Installing Spark, Delta Lake and the rest into $venv: a few minutes the first time."
    rm -f "$stamp"
    (install_packages)
    wanted >"$stamp.new"
    mv "$stamp.new" "$stamp"
}

# --- Spark's own shell scripts ------------------------------------------------------------------

# Replaces a file rather than writing into it: installers may share it with their cache.
replace() {
    local content
    content="$(cat)"
    if [[ -f "$1" && "$(cat "$1")" == "$content" ]]; then return 0; fi
    echo "$content" >"$1.new"
    if [[ -x "$1" ]]; then chmod +x "$1.new"; fi
    mv "$1.new" "$1"
}

# Lines for a shell: settings that the one who starts Spark has made already stay as they are.
spark_settings() {
    local python java
    python="$(printf %q "$venv/bin/python")"
    java="$(printf %q "$java_home")"
    echo "# Written by scripts/environment.sh."
    echo "export PYSPARK_PYTHON=\${PYSPARK_PYTHON:-$python}"
    if [[ -n "$java_home" ]]; then
        echo "if [[ -x $java/bin/java ]]; then export JAVA_HOME=$java; fi"
    fi
}

# PySpark's scripts look for Spark, and for the Python to run a job with, in whichever python3 is
# first on PATH. .venv/bin/spark-submit is to use .venv, also where nobody activated it.
prepare_spark() {
    local homes=("$venv"/lib/python3.*/site-packages/pyspark)
    local spark_home="${homes[0]}"
    {
        spark_settings
        echo "export SPARK_HOME=\${SPARK_HOME:-$(printf %q "$spark_home")}"
    } | replace "$venv/bin/find-spark-home"
    # A session that Python starts reads this one. Spark cannot read it below a path with a blank.
    mkdir -p "$spark_home/conf"
    if [[ "$spark_home" == *[[:space:]]* ]]; then
        rm -f "$spark_home/conf/spark-env.sh"
    else
        spark_settings | replace "$spark_home/conf/spark-env.sh"
    fi
}

# --- All of it, one at a time -------------------------------------------------------------------

if [[ -n "${CUSTOMER_MART_PYSPARK:-}" && -z "${CUSTOMER_MART_DELTA:-}" ]]; then
    give_up "CUSTOMER_MART_PYSPARK needs CUSTOMER_MART_DELTA beside it."
fi
if command -v flock >/dev/null; then
    exec 9<"$root"
    if ! flock -n 9; then
        say "Waiting for another run of scripts/environment.sh."
        flock 9 || true
    fi
fi
prepare_java
prepare_venv
prepare_spark
exec 9<&-

# Whatever Spark this shell was set up for, the scripts use the one in .venv.
unset SPARK_HOME SPARK_CONF_DIR PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYTHONPATH
export VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH"
