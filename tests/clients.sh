#!/usr/bin/env bash
# Serves the seeds from an empty store, without a network, and lets real feed readers read every feed.
# usage: tests/clients.sh PATH-TO-TIDINGS     The readers' scripts lie in ../shared/clients; without them this is skipped.
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

"$tidings" serve --listen 127.0.0.1:0 --store "$work/tidings.db" >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
  grep -q '^Ctrl-C stops' "$work/out" 2>/dev/null && break
  kill -0 "$server" || { cat "$work/err"; exit 1; }
  sleep 0.1
done
cat "$work/out"
base=$(sed -n 's/^  page *\(.*\)$/\1/p' "$work/out")
entries=$(sed -n 's/^tidings [^:]*: \([0-9]*\) entries.*/\1/p' "$work/out")

failures=0
read_with() { # client path entries
  if "$clients/$1.sh" "$base$2" "$3" >"$work/log" 2>&1; then
    echo "$2 $(tail -1 "$work/log")"
  else
    failures=$((failures + 1))
    tail -5 "$work/log"
    echo "$2 $1 FAILED"
  fi
}
for feed in feed.rss feed.atom outlets/sputnik/feed.rss outlets/independent/feed.atom; do
  least=10
  case "$feed" in feed.*) least=$entries ;; esac
  for client in xmllint feedparser newsboat sfeed; do read_with "$client" "$feed" "$least"; done
done
read_with jsonfeed feed.json "$entries"
read_with node-parsers feed.rss "$entries"
read_with rss2email feed.atom "$entries"

# Every entry with its id, its UTC time and its author, as PyPI's feedparser sees them.
python=${CLIENTS_RUN:-${TMPDIR:-/tmp}/feed-clients}/venv/bin/python
"$python" - "$base" "$entries" <<'PY' || failures=$((failures + 1))
import calendar, datetime, json, sys, urllib.request
import feedparser

base, count = sys.argv[1], int(sys.argv[2])
items = json.load(urllib.request.urlopen(base + "feed.json"))["items"]
def instant(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
truth = [(item["id"], instant(item["date_published"]), [author["name"] for author in item["authors"]]) for item in items]
assert len(truth) == count, (len(truth), count)
for path in ("feed.rss", "feed.atom"):
    feed = feedparser.parse(base + path)
    assert feed.bozo == 0, (path, feed.bozo_exception)
    seen = [(e.id, calendar.timegm(e.published_parsed), [a["name"] for a in e.authors if a.get("name")] or [e.author]) for e in feed.entries]
    assert seen == truth, next((a, b) for a, b in zip(seen, truth) if a != b)
    again = feedparser.parse(base + path, etag=feed.etag, modified=feed.get("modified"))
    assert again.status == 304, (path, again.status)
    print(f"{path}: feedparser sees all {len(seen)} entries with id, UTC time and author; the second reading is a 304")
PY

kill -TERM "$server"
wait "$server" && status=0 || status=$?
server=
[ "$status" = 0 ] || { echo "the server ended with $status"; failures=$((failures + 1)); }
echo "failures=$failures"
[ "$failures" = 0 ]
