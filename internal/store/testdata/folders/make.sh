#!/bin/sh
# Makes a small data folder with an older hone, for the test that opens it with
# this one: make.sh COMMIT NAME writes NAME.tar.gz beside this script. It holds a
# linear model with two champions behind it, served predictions with labels, and
# an open run whose candidate waits for approval.
set -eu
commit=$1 name=$2 here=$(cd "$(dirname "$0")" && pwd)
server=
work=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
git clone -q "$(git -C "$here" rev-parse --show-toplevel)" "$work/src"
(cd "$work/src" && git checkout -q "$commit" && CGO_ENABLED=0 go build -o "$work/hone" ./cmd/hone)
cd "$work"
cat > hone.yaml <<END
version: 1
models:
  fraud:
    task: binary
    features: {amount: number, country: category}
    label: {name: is_fraud}
    guards: {cooldown: 0s, max_per_day: 100, min_new_labels: 1}
    rollout: {steps: [{shadow: 20}, {weight: 50%, min_requests: 20}], probation: {labels: 100}}
    approval: manual
    log: durable
END
rows() { # FROM TO SLOPE
	awk -v from="$1" -v to="$2" -v slope="$3" 'BEGIN { srand(from); for (i = from; i < to; i++) { a = int(rand() * 1000); c = rand() < 0.5 ? "FR" : "DE"
		y = (slope * (a - 500) + (c == "FR" ? 100 : -100) + 80 * (rand() - 0.5)) > 0
		printf "%d,u%d,%d,%s,%d\n", i, i % 40, a, c, y } }'
}
{ echo id,user,amount,country,is_fraud; rows 0 300 1; } > history.csv
./hone import history.csv --id id --unit user >/dev/null
./hone serve --json --listen 127.0.0.1:0 > serve.json & server=$!
until [ -s serve.json ]; do sleep 0.1; done
at=$(sed 's/.*"listening":"\([^"]*\)".*/\1/' serve.json)
token=$(cat hone-data/token)
state() { ./hone runs fraud --json 2>/dev/null | tr -d ' \n' | grep -o '"run":"[^"]*","model":"fraud","number":[0-9]*,"state":"[a-z_]*"' | head -1; }
await() { until state | grep -q "$1"; do sleep 0.2; done; }
await awaiting_approval
./hone approve fraud-1 >/dev/null
traffic() { # FROM TO SLOPE
	rows "$1" "$2" "$3" | while IFS=, read -r id user amount country label; do
		printf 'next\nurl = "http://%s/api/v1/models/fraud/predict"\ndata = "{\\"prediction_id\\":\\"p%s\\",\\"unit\\":\\"%s\\",\\"features\\":{\\"amount\\":%s,\\"country\\":\\"%s\\"}}"\n' "$at" "$id" "$user" "$amount" "$country"
		[ $((id % 3)) = 0 ] || printf 'next\nurl = "http://%s/api/v1/models/fraud/feedback"\ndata = "{\\"feedback\\":[{\\"prediction_id\\":\\"p%s\\",\\"label\\":\\"%s\\"}]}"\n' "$at" "$id" "$label"
	done | awk '$0 == "next" { if (n++) print "next"; print "silent"; print "output = /dev/null"; print "header = \"Authorization: Bearer '"$token"'\""; print "header = \"Content-Type: application/json\""; next } { print }' | curl --config -
}
await closed
traffic 1000 1200 1
./hone run fraud --force --reason "the second" >/dev/null
await '"fraud-2".*awaiting_approval'
./hone approve fraud-2 >/dev/null
n=1400
until state | grep -q '"fraud-2".*closed'; do traffic $n $((n + 30)) 1; n=$((n + 30)); done
traffic 3000 3120 -1
./hone run fraud --force --reason "the third" >/dev/null
await '"fraud-3".*awaiting_approval'
./hone status
kill -9 $server # As a machine that loses its process: the write-ahead logs stay.
wait $server 2>/dev/null || true
rm -rf hone-data/runs
tar -cf - hone.yaml hone-data | gzip -9 > "$here/$name.tar.gz"
ls -l "$here/$name.tar.gz"
