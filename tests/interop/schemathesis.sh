#!/usr/bin/env bash
# Fuzzes both REST APIs from their OpenAPI documents with schemathesis (PyPI), in an environment of its own:
#   bash tests/interop/schemathesis.sh [EXAMPLES an operation, 100] [SEED, 1] [FOLDER for the reports]
# Ends with 1 where a service answered with 5xx (501 is what the API says of what is not there yet), not at all, or no longer lives.
set -euo pipefail
cd "$(dirname "$0")/../.."
examples="${1:-100}" seed="${2:-1}" reports="${3:-$(mktemp -d)}"
scratch="$(mktemp -d)"
python="${DAK_SCHEMATHESIS_VENV:-$scratch/venv}"
if [ ! -x "$python/bin/schemathesis" ]; then
	python3 -m venv "$python"
	"$python/bin/pip" install --quiet schemathesis==4.32.5
fi

node --import tsx --conditions @dak/source tests/interop/serve-small.ts >"$scratch/ports" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
	[ -s "$scratch/ports" ] && break
	sleep 0.3
done

# Uploads of chance bytes take a second's reading each, so streams and uploads have their own tests.
status=0
for service in train embed; do
	port="$(node -pe "JSON.parse(require('fs').readFileSync('$scratch/ports'))['$service']")"
	mkdir -p "$reports"
	"$python/bin/schemathesis" --config-file tests/interop/schemathesis.toml run "http://127.0.0.1:$port/openapi.json" --checks not_a_server_error \
		--max-examples "$examples" --seed "$seed" --request-timeout 20 --workers 1 --no-color \
		--generation-database none --exclude-path-regex "/events$" \
		--report junit --report-dir "$reports/$service" >"$reports/$service.txt" 2>&1 || status=1
	tail -25 "$reports/$service.txt"
	curl -sf "http://127.0.0.1:$port/readyz" >/dev/null || { echo "$service no longer answers"; status=1; }
done
kill -0 "$server" || { echo "the services ended"; status=1; }
exit "$status"
