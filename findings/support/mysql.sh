# Sourced: unpacks Debian sid's MySQL into $dir and starts it on a socket alone. `sql TEXT` runs as root; needs root and mmdebstrap.
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$dir"' EXIT
uri=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
mmdebstrap --quiet --variant=extract --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
  --include=mysql-server-core,mysql-client-core sid "$dir" \
  "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri sid main" > "$dir.log" 2>&1 || { cat "$dir.log"; exit 2; }
rm "$dir.log"
for name in lib lib64 bin sbin; do [ -e "$dir/$name" ] || ln -s "usr/$name" "$dir/$name"; done
mkdir -p "$dir/data" "$dir/dev" "$dir/tmp" "$dir/run" "$dir/var/lib/mysql-files"
for name in null urandom; do [ -e "$dir/dev/$name" ] || cp -a "/dev/$name" "$dir/dev/"; done
mysqld() { chroot "$dir" /usr/sbin/mysqld --no-defaults --user=root --datadir=/data "$@" > "$dir/log" 2>&1; }
sql() { chroot "$dir" /usr/bin/mysql --no-defaults -uroot -S /tmp/s -N -e "$1" 2>&1; }
mysqld --initialize-insecure || exit 2
chroot "$dir" /usr/sbin/mysqld --no-defaults --user=root --datadir=/data --socket=/tmp/s --skip-networking --mysqlx=OFF > "$dir/log" 2>&1 &
server=$!
for _ in $(seq 100); do if sql 'select 1' > /dev/null; then break; fi; sleep 0.3; done
sql 'select version()' || exit 2
