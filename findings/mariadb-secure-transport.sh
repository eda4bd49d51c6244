#!/bin/sh
# Version: MariaDB 10.11.19 (Debian 12's mariadb-server, installed), mysql2 3.24.6
# Guess: with require_secure_transport=ON a login without TLS is refused with 3159, as by MySQL.
# Seen: a right password gets the error of a wrong one. Output, 2026-11-29:
#   OFF: connected
#   ON: 1045 ER_ACCESS_DENIED_ERROR
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix . --silent --no-audit --no-fund mysql2@3.24.6 || exit 2
mariadb-install-db --no-defaults --user=root --datadir="$dir/data" --auth-root-authentication-method=normal > /dev/null 2>&1 || exit 2
port=$(node -e "const s = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })")
mariadbd --no-defaults --user=root --datadir="$dir/data" --socket="$dir/s" --bind-address=127.0.0.1 --port="$port" > log 2>&1 &
server=$!
sql() { mariadb --no-defaults -uroot -S s -e "$1"; }
for _ in $(seq 100); do if sql 'select 1' > /dev/null 2>&1; then break; fi; sleep 0.3; done
sql "create user someone@localhost identified by 'right'" || exit 2
cat > try.cjs <<'E'
const [port, setting] = process.argv.slice(2);
const options = { host: '127.0.0.1', port: Number(port), user: 'someone', password: 'right' };
const connection = require('mysql2').createConnection(options);
connection.connect((error) => {
  console.log(`${setting}: ${error ? `${error.errno} ${error.code}` : 'connected'}`);
  process.exit();
});
E
for setting in OFF ON; do
  sql "set global require_secure_transport=$setting"
  node try.cjs "$port" "$setting"
done | tee output
[ "$(cat output)" = "$(printf 'OFF: connected\nON: 1045 ER_ACCESS_DENIED_ERROR')" ] || exit 1
