#!/usr/bin/env bash
# Feed readers beyond those of tests/clients.sh, each of which reads twice: nothing may fail, nothing may be there twice, and
# who asks whether there is something new is told 304. The readers' scripts lie in ../shared/clients; without them this is
# skipped.
#   usage: tests/readers.sh PATH-TO-TIDINGS            the seeds, as they are served
#          tests/readers.sh PATH-TO-TIDINGS full       and each real page, by every reader in every format it reads
set -euo pipefail
cd "$(dirname "$0")/.."
tidings=$(realpath "$1")
clients=../shared/clients
if [ ! -x "$clients/setup.sh" ]; then
  echo "skipped: the readers' scripts are not at $clients"
  exit 0
fi

work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT

"$clients/setup.sh" >"$work/setup.log" 2>&1 || { tail -20 "$work/setup.log"; exit 1; }

failures=0
fail() { failures=$((failures + 1)); echo "$*"; }

read_with() { # client feed entries
  if "$clients/$1.sh" "$2" "$3" >"$work/log" 2>&1; then
    echo "$(basename "$2") $(tail -1 "$work/log")"
  # Its script takes a headline with "error" in it (or "terror") for a message of the reader.
  elif [ "$1" = rsstail ] && ! grep -i error "$work/log" | grep -qv '^Title:' && [ "$(entries_of "$work/log")" -ge "$3" ]; then
    echo "$(basename "$2") $(tail -1 "$work/log" | sed 's/result=fail/result=ok/')"
  else
    tail -5 "$work/log"
    fail "$2 $1 FAILED"
  fi
}
entries_of() { sed -n 's/^client=.* entries=\([0-9]*\) .*/\1/p' "$1"; }

# The proof that it can fail: a feed that lacks its end, one that says everything twice, and one of fewer entries than told.
"$tidings" parse fixtures/outlets/independent/amp-live-list/page.html --format rss >"$work/good.rss" 2>/dev/null
head -c 3000 "$work/good.rss" >"$work/cut.rss"
for wrong in "feedparser cut.rss 1" "xmllint cut.rss 1" "reader good.rss 999" "rsstail good.rss 999"; do
  read -r client file least <<<"$wrong"
  if (failures=0; read_with "$client" "$work/$file" "$least" >"$work/told"; [ "$failures" = 0 ]); then fail "$client takes $file"; fi
done

printf "seeds = '%s'\nlog_requests = true\n" "$PWD/seeds" >"$work/config.toml"
"$tidings" serve --config "$work/config.toml" --listen 127.0.0.1:0 >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
  grep -q '^Ctrl-C stops' "$work/out" 2>/dev/null && break
  kill -0 "$server" || { cat "$work/err"; exit 1; }
  sleep 0.1
done
base=$(sed -n 's/^  page *\(.*\)$/\1/p' "$work/out")
entries=$(sed -n 's/^tidings [^:]*: \([0-9]*\) entries.*/\1/p' "$work/out")
for feed in feed.rss feed.atom feed.json; do read_with reader "$base$feed" "$entries"; done
for feed in feed.rss feed.atom; do read_with rsstail "$base$feed" "$entries"; done
for feed in feed.atom feed.json; do read_with node-parsers "$base$feed" "$entries"; done
read_with rss2email "${base}feed.rss" "$entries"

# Those that ask for what is new only were told each time that there is nothing.
for agent in "python-reader/ /feed.rss" "python-reader/ /feed.atom" "python-reader/ /feed.json" "feedparser/ /feed.rss"; do
  read -r name path <<<"$agent"
  if ! grep "path=$path " "$work/err" | grep -F "$name" | grep -q ' status=304 '; then
    fail "$name was not told 304 for $path when it asked again"
  fi
done
if grep -q ' status=5' "$work/err"; then fail "$(grep ' status=5' "$work/err")"; fi
kill -TERM "$server"
wait "$server" || fail "the server ended with $?"
server=

if [ "${2:-}" = full ]; then
  count=0
  for page in ../shared/corpus/pages/*/* ../shared/seeds/*.txt; do
    name=$(echo "${page#../shared/}" | tr '/' '-')
    # What is refused, or no page at all, has no feed.
    "$tidings" parse "$page" >"$work/blog.json" 2>/dev/null || [ -s "$work/blog.json" ] || continue
    least=$(python3 -c 'import json, sys; print(len(json.load(sys.stdin)["entries"]))' <"$work/blog.json")
    [ "$least" -gt 0 ] || continue
    for format in rss atom json; do "$tidings" parse "$page" --format "$format" >"$work/$name.$format" 2>/dev/null || true; done
    for client in feedparser xmllint newsboat sfeed rsstail rss2email node-parsers reader; do
      for format in rss atom; do read_with "$client" "$work/$name.$format" "$least"; done
    done
    for client in jsonfeed node-parsers reader; do read_with "$client" "$work/$name.json" "$least"; done
    count=$((count + 1))
  done
  echo "$count real pages read by every reader"
  [ "$count" -gt 0 ] || fail "there are no real pages"
fi
echo "failures=$failures"
[ "$failures" = 0 ]
