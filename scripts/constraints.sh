#!/usr/bin/env bash
# Write constraints.txt anew: names and versions only, newest that fit together. Needs the
# `scripts/setup.sh dev` environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# uv does not read pip's find-links; without a CPU build of torch there, its CUDA parts are listed.
if [ -n "${PIP_FIND_LINKS:-}" ]; then export UV_FIND_LINKS="${UV_FIND_LINKS:-$PIP_FIND_LINKS}"; fi

pins="$(.venv/bin/uv pip compile --quiet --upgrade --python .venv/bin/python --python-version 3.11 \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
    packages/*/pyproject.toml --all-extras --group dev -c <(echo torch==2.13.0))"
sed -e '/^-e /d' -e 's/+cpu$//' <<<"$pins" >constraints.txt
