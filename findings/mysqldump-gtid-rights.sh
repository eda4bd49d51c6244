#!/bin/sh
# Version: MySQL 9.7.4 and its mysqldump (Debian sid). Run as root: it unpacks the server beside.
# Guess: a user with all rights on a database can dump it with --single-transaction.
# Seen: gtid_mode is ON unless set, so mysqldump flushes tables, which wants RELOAD, and ends with 2 before any table;
#   with --set-gtid-purged=OFF it dumps. Output, 2026-11-29:
#   AUTO: status 2, 0 tables
#   OFF: status 0, 1 tables
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
. "$(dirname "$0")/support/mysql.sh"
sql "create database d; create table d.t (a int); create user u identified by 'p'; grant all on d.* to u" || exit 2
for purged in AUTO OFF; do
  status=0
  MYSQL_PWD=p chroot "$dir" /usr/bin/mysqldump --no-defaults -uu -S /tmp/s --single-transaction --no-tablespaces \
    --set-gtid-purged="$purged" d > "$dir/dump.sql" 2> "$dir/errors" || status=$?
  echo "$purged: status $status, $(grep -c '^CREATE TABLE' "$dir/dump.sql" || true) tables"
done | tee "$dir/output"
[ "$(cat "$dir/output")" = "$(printf 'AUTO: status 2, 0 tables\nOFF: status 0, 1 tables')" ] || exit 1
