-- Since when log-ins count, for what was revoked as a whole. A row of cAppinfo can't keep it: it goes with the app, and the original
-- deletes and inserts it.
-- what: 'app <appid>', 'rows without an app' or 'everything'. revoked_before: microseconds since 1970.
-- Its key is longer than the 767 bytes of the row format that a server may have by default.
create table if not exists cWaferRevocation (
  what varchar(204) collate utf8mb4_bin not null,
  revoked_before bigint unsigned not null,
  primary key (what)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci row_format=dynamic;
