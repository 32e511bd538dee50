#!/usr/bin/env bash
# The whole test suite, slow tests included. Arguments go to pytest: scripts/test.sh -m "not slow"
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
source scripts/environment.sh
exec python -m pytest "$@"
