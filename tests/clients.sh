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

failures=0
serve() { # address, arguments: the server listens, and `base` is where
  "$tidings" serve --listen "$@" >"$work/out" 2>"$work/err" &
  server=$!
  for _ in $(seq 100); do
    grep -q '^Ctrl-C stops' "$work/out" 2>/dev/null && break
    kill -0 "$server" || { cat "$work/err"; exit 1; }
    sleep 0.1
  done
  base=$(sed -n 's/^  page *\(.*\)$/\1/p' "$work/out")
}
stop() {
  kill -TERM "$server"
  wait "$server" && status=0 || status=$?
  server=
  [ "$status" = 0 ] || { echo "the server ended with $status"; failures=$((failures + 1)); }
}

serve 127.0.0.1:0 --store "$work/tidings.db"
cat "$work/out"
entries=$(sed -n 's/^tidings [^:]*: \([0-9]*\) entries.*/\1/p' "$work/out")

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

stop

# A live blog with everything that can happen to entries, told in each way. It is read while it is under way, by readers that
# read it again when it is over: what they have then is what the feed has shown, each once.
life=fixtures/life/guardian-dam
mkdir "$work/life"
"$python" - "$life" "$work/life" <<'PY'
import os, sys, tomllib
life, work = sys.argv[1:]
script = tomllib.load(open(life + "/life.toml", "rb"))
url = "https://www.theguardian.com" + script["path"]
# What breaks off is thrown away by the fetch; here nothing is fetched.
whole = [capture for capture in script["capture"] if "cut_after" not in capture]
for name, captures in (("half", whole[:6]), ("whole", whole)):
    os.mkdir(f"{work}/{name}")
    story = ["title = 'A life'"]
    for capture in captures:
        page = os.path.abspath(os.path.join(life, capture["page"]))
        story += ["[[live_blog]]", f"url = '{url}'", f"outlet = '{script['outlet']}'",
                  f"captured = {capture['at'].strftime('%Y-%m-%dT%H:%M:%SZ')}", f"capture = '{page}'"]
    open(f"{work}/{name}/life.toml", "w").write("\n".join(story))
    open(f"{work}/{name}.toml", "w").write(f"seeds = '{name}'\n")
PY

policies="inplace: stubs:?withdrawn=stub append:?edits=append corrections:?edits=corrections"
nb() { # newsboat, policy, format, feed: rows that it has after reading
  local home=$work/life/newsboat-$1.$2
  mkdir -p "$home"
  echo "$3" >"$home/urls"
  printf 'error-log %s\nbrowser true\n' "$home/errors" >"$home/config"
  HOME=$home timeout 120 newsboat -q -u "$home/urls" -c "$home/cache.db" -C "$home/config" -x reload >/dev/null 2>&1 || return 1
  [ ! -s "$home/errors" ] || { cat "$home/errors"; return 1; }
  sqlite3 "$home/cache.db" 'select guid from rss_item' | sort
}
# Newsboat knows a feed by its address, so that both servers have to listen at one.
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
for stage in half whole; do
  serve "127.0.0.1:$port" --store "$work/life.db" --config "$work/life/$stage.toml"
  blog=$(curl -sf "$base"api/v1/blogs | jq -r '.blogs[0].id' | sed 's/urn:uuid://')
  for policy in $policies; do
    name=${policy%%:*} query=${policy#*:}
    for format in rss atom json; do
      feed="blogs/$blog/feed.$format$query"
      curl -sf "$base$feed" >"$work/life/$stage.$name.$format"
      [ "$format" = json ] || nb "$name" "$format" "$base$feed" >"$work/life/$stage.$name.$format.newsboat" ||
        { failures=$((failures + 1)); echo "$feed newsboat FAILED"; }
      [ "$stage" = whole ] || continue
      # What a program says of it is what a person has read and found right.
      if ! sed "s|$base|https://tidings.example/|g; s|${base%/}|https://tidings.example|g" "$work/life/whole.$name.$format" |
        cmp - "$life/expected/$name.$format"; then
        failures=$((failures + 1))
      fi
      if [ "$format" = json ]; then readers="jsonfeed node-parsers"; else readers="xmllint feedparser newsboat node-parsers"; fi
      for client in $readers; do read_with "$client" "$feed" 1; done
    done
  done
  stop
done
"$python" - "$work/life" <<'PY' || failures=$((failures + 1))
import json, sys
import feedparser

work = sys.argv[1]
for policy in ("inplace", "stubs", "append", "corrections"):
    told = {}
    for stage in ("half", "whole"):
        ids = [item["id"] for item in json.load(open(f"{work}/{stage}.{policy}.json"))["items"]]
        assert len(ids) == len(set(ids)), (policy, stage)
        for format in ("rss", "atom"):
            entries = feedparser.parse(f"{work}/{stage}.{policy}.{format}").entries
            assert [entry.id for entry in entries] == ids, (policy, stage, format)
        told[stage] = set(ids)
    both = told["half"] | told["whole"]
    for format in ("rss", "atom"):
        first = open(f"{work}/half.{policy}.{format}.newsboat").read().split()
        second = open(f"{work}/whole.{policy}.{format}.newsboat").read().split()
        assert sorted(told["half"]) == first, (policy, format, "first reading")
        # An item whose edit is one of its own, or that was taken back, stays with who has read it; nothing comes twice.
        assert sorted(both) == second, (policy, format, sorted(both ^ set(second)))
    entries = {id.split(";")[0] for id in both}
    print(f"{policy}: {len(told['half'])} items under way and {len(told['whole'])} in the end, of {len(entries)} entries; "
          f"newsboat has the {len(both)} that there have been, each once")
PY
echo "failures=$failures"
[ "$failures" = 0 ]
