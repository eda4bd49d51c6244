#!/bin/sh
# Version: MySQL 9.7.4 (Debian sid's mysql-server-core). Run as root: it unpacks the server beside.
# Guess: md5() is there, as in every MySQL and MariaDB before, or an error names the function.
# Seen: without a component it is gone, and without a database the error speaks of that. Output, 2026-11-29:
#   ERROR 1046 (3D000) at line 1: No database selected
#   0cc175b9c0f1b6a831c399e269772661        (after install component)
# Exit status: 0 if it is still so, 1 if it changed.
set -eu
. "$(dirname "$0")/support/mysql.sh"
sql "select md5('a')" > "$dir/before" || true
sql "install component 'file://component_classic_hashing'; select md5('a')" > "$dir/after"
cat "$dir/before" "$dir/after"
grep -q '^ERROR 1046' "$dir/before" || exit 1
