#!/bin/sh
# Creates .venv with exactly the packages of requirements.lock (hashes checked) and the project itself, editable.
# `setup.sh uv` only prints the uv to use. PYTHON names the interpreter.
set -eu

python=${PYTHON:-python3}
fail() { echo "setup: $1" >&2; exit 1; }

find_uv() {
    for candidate in .venv/bin/uv uv; do
        if "$candidate" --version >/dev/null 2>&1; then echo "$candidate"; return; fi
    done
    .venv/bin/python -m pip install --quiet --disable-pip-version-check uv >&2 || return 1
    echo .venv/bin/uv
}

create_venv() {
    [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && return
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    uv venv --quiet --python "$python" .venv 2>/dev/null && return
    fail "'$python -m venv' does not work here; on Debian and Ubuntu: apt-get install python3-venv (or install uv)"
}

if [ "${1:-}" = uv ]; then find_uv; exit; fi

command -v "$python" >/dev/null || fail "no $python; install Python 3.11 or newer, or: make setup PYTHON=/path/to/python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || fail "$("$python" --version) is too old; Python 3.11 or newer is needed: make setup PYTHON=/path/to/python"

echo "setup: installing into .venv (about a minute the first time)"
create_venv
uv=$(find_uv) || fail "uv could not be installed with pip; delete .venv and try again"
# Compiled once: otherwise every process compiles what it imports where PYTHONDONTWRITEBYTECODE is set or the folder is
# read-only.
"$uv" pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock
"$uv" pip install --quiet --python .venv/bin/python --no-deps -e .
