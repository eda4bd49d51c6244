#!/bin/sh
# Version: MariaDB 10.11.19 (Debian 12's mariadb-server, installed), mysql2 3.24.6
# Guess: who polls information_schema.innodb_trx every 20 ms sees a transaction that waits for a lock some 20 ms later.
# Seen: it never does as long as it polls so often, since each look keeps the copy of before alive; every 200 ms it does. Output, 2026-11-29:
#   every 20 ms for 3 s: not seen
#   every 200 ms for 3 s: seen
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix . --silent --no-audit --no-fund mysql2@3.24.6 || exit 2
mariadb-install-db --no-defaults --user=root --datadir="$dir/data" --auth-root-authentication-method=normal > /dev/null 2>&1 || exit 2
mariadbd --no-defaults --user=root --datadir="$dir/data" --socket="$dir/s" --skip-networking > log 2>&1 &
server=$!
for _ in $(seq 100); do if mariadb --no-defaults -uroot -S s -e 'select 1' > /dev/null 2>&1; then break; fi; sleep 0.3; done
cat > try.cjs <<'E2'
const { createConnection } = require('mysql2/promise');
const connect = () => createConnection({ socketPath: 's', user: 'root' });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
(async () => {
  const [holder, waiter, watcher] = [await connect(), await connect(), await connect()];
  await holder.query('create database d');
  await holder.query('create table d.t (id int primary key) engine=InnoDB');
  await holder.query('insert into d.t values (1)');
  for (const everyMs of [20, 200]) {
    const look = async () =>
      (await watcher.query("select trx_id from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"))[0].length > 0;
    // From before the lock is there, as who waits for it polls.
    let seen = false;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        seen ||= await look();
        await sleep(everyMs);
      }
    })();
    await sleep(500);
    await holder.query('begin');
    await holder.query('select id from d.t where id = 1 for update');
    const waiting = waiter.query('update d.t set id = 2 where id = 1');
    await sleep(3000);
    isOver = true;
    await watching;
    await holder.query('rollback');
    await waiting;
    await waiter.query('update d.t set id = 1');
    console.log(`every ${everyMs} ms for 3 s: ${seen ? 'seen' : 'not seen'}`);
  }
  process.exit();
})();
E2
node try.cjs | tee output
[ "$(cat output)" = "$(printf 'every 20 ms for 3 s: not seen\nevery 200 ms for 3 s: seen')" ] || exit 1
