#!/usr/bin/env bash
# Resident memory must not grow with the number of pages: reads a folder of 1,000 and of 20,000 saved pages and web archives of as
# many records, and compares the peaks. Linux only (it reads /proc).
# usage: tests/archive.sh PATH-TO-TIDINGS [FEW] [MANY]
set -euo pipefail
cd "$(dirname "$0")/.."
tidings=$(realpath "$1")
few=${2:-1000}
many=${3:-20000}
most=$((300 * 1024)) # KiB
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=fixtures/outlets/independent/amp-live-list/page.html

# One gzip member a record, as in every .warc.gz; the same member over and over is an archive like any other.
body=$(wc -c <"$page")
head=$(printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n' | wc -c)
{
  printf 'WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\n'
  printf 'WARC-Date: 2023-06-14T12:00:00Z\r\nWARC-Target-URI: https://www.independent.co.uk/x-b2357444.html\r\n'
  printf 'Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n' $((head + body))
  printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n'
  cat "$page"
  printf '\r\n\r\n'
} | gzip -9 >"$work/record.gz"

peak() { # pages arguments…
  local pages=$1 peak=0 now start
  shift
  start=$(date +%s%N)
  "$tidings" parse "$@" --format jsonl >"$work/out" 2>"$work/err" &
  local pid=$!
  while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    peak=$now
    sleep 0.02
  done
  wait "$pid" || true
  local took=$((($(date +%s%N) - start) / 1000000)) lines
  lines=$(wc -l <"$work/out")
  printf '%-26s %6d live blogs  %6d ms  peak %4d MiB\n' "$(basename "$1")" "$lines" "$took" $((peak / 1024))
  [ "$lines" = "$pages" ] || { echo "expected $pages"; head -3 "$work/err"; exit 1; }
  [ "$peak" -gt 0 ] && [ "$peak" -lt "$most" ] || { echo "the peak has to be under $((most / 1024)) MiB"; exit 1; }
}

for count in "$few" "$many"; do
  mkdir "$work/folder-$count"
  for number in $(seq "$count"); do ln "$(realpath "$page")" "$work/folder-$count/$number.html" 2>/dev/null || cp "$page" "$work/folder-$count/$number.html"; done
  for _ in $(seq "$count"); do cat "$work/record.gz"; done >"$work/$count.warc.gz"
  peak "$count" "$work/folder-$count"
  peak "$count" "$work/$count.warc.gz"
  rm -rf "$work/folder-$count" "$work/$count.warc.gz"
done
