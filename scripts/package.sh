#!/usr/bin/env bash
# What a cluster needs of this repository, in one folder.
set -euo pipefail

# With CDPATH, cd may go elsewhere, and says where it went.
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
    cat <<'USAGE'
Usage: scripts/package.sh [--python PYTHON] [OUT_DIR]

Puts into OUT_DIR (dist):

  customer_mart-VERSION-py3-none-any.whl         for pip install
  customer_mart-VERSION.zip                      for spark-submit --py-files: the package alone
  environment-VERSION-PYTHON-PLATFORM.tar.gz     for spark-submit --archives: the package and all
                                                 that it imports, but for PySpark

Wheels of other versions are removed from OUT_DIR.

The environment links to its Python at the path that it has here. Where the machines that run the
driver have another one, name that, such as --python /usr/bin/python3.
USAGE
}

wrong_usage() {
    echo "$1" >&2
    usage >&2
    exit 2
}

python=
out=dist
while [[ $# -gt 0 ]]; do
    case "$1" in
    -h | --help)
        usage
        exit 0
        ;;
    --python)
        [[ $# -ge 2 && -n "$2" ]] || wrong_usage "$1 needs a value."
        python="$2"
        shift 2
        ;;
    --python=?*)
        python="${1#--python=}"
        shift
        ;;
    -*) wrong_usage "Unknown argument: $1" ;;
    *)
        out="$1"
        shift
        [[ $# -eq 0 ]] || wrong_usage "One OUT_DIR, not also $1."
        ;;
    esac
done
mkdir -p -- "$out" 2>/dev/null || wrong_usage "OUT_DIR: '$out' is no folder and cannot be made one."
out="$(cd -- "$out" && pwd)"
# A name means what it does now, not the .venv that is about to come first (unless it is active).
# One that is unknown here may be a version that uv knows.
[[ "$python" == */* ]] || python="$(command -v -- "$python" || echo "$python")"
if [[ "$python" == */* ]]; then
    # From here on paths are those of the repository. Links stay: they say where a Python is found.
    [[ "$python" == /* ]] || python="$PWD/$python"
    [[ -f "$python" && -x "$python" ]] || wrong_usage "--python: there is no $python to run."
fi

# shellcheck source=/dev/null
source "$root/scripts/environment.sh"
python="${python:-python}"
cd "$root"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

version="$(python -c 'import customer_mart; print(customer_mart.__version__)')"
wheel="customer_mart-$version-py3-none-any.whl"
# uv made a .venv without pip: build would take one from ensurepip, which Debian's Python lacks.
installer=pip
if uv_will_do; then installer=uv; fi
python -m build --installer "$installer" --wheel --outdir "$work" . >"$work/build.log" 2>&1 || {
    cat "$work/build.log" >&2
    exit 1
}

# A Python without ensurepip, as Debian's is without its package for it, takes uv.
if has_venv "$python"; then
    "$python" -m venv "$work/environment"
    install=("$work/environment/bin/python" -m pip install --quiet)
elif uv_will_do; then
    uv venv --quiet --python "$python" "$work/environment"
    install=(uv pip install --quiet --python "$work/environment/bin/python")
else
    wrong_usage "$python cannot make virtual environments: install its venv module, or uv."
fi
# The Python half of Delta Lake says that it needs PySpark, which is the cluster's to bring.
"${install[@]}" "$work/$wheel"
"${install[@]}" --no-deps "$(grep -o 'delta-spark==[0-9.]*' pyproject.toml)"
if [[ -x "$work/environment/bin/pip" ]]; then
    "$work/environment/bin/python" -m pip uninstall --quiet --yes pip
fi
built_for="$("$work/environment/bin/python" -c 'import sys, sysconfig
print("cp%d%d" % sys.version_info[:2], sysconfig.get_platform().replace("-", "_"), sep="-")')"
environment="environment-$version-$built_for.tar.gz"
venv-pack --quiet --prefix "$work/environment" --output "$work/$environment"
chmod 644 "$work/$environment"

# Who takes dist/*.whl, as an image does, means one wheel. Zips and environments are named with their
# version, by jobs that may still be of an older one.
remove_other_wheels() {
    local file
    for file in "$out"/customer_mart-*-py3-none-any.whl; do
        if [[ -f "$file" && "${file##*/}" != "$wheel" ]]; then
            echo "Removing $file, of another version." >&2
            rm -f -- "$file"
        fi
    done
}

# A wheel is a zip, and this one is of Python and data alone: Python imports it as it is.
cp "$work/$wheel" "$out/customer_mart-$version.zip"
mv "$work/$wheel" "$work/$environment" "$out"
remove_other_wheels
printf '%s\n' "$out/$wheel" "$out/customer_mart-$version.zip" "$out/$environment"
