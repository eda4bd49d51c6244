-- Who is to be forgotten. person: a fingerprint under a key, of a user or of what was asked for; '' is a row that erasures and first log-ins
-- take turns by. erased_before: log-ins made before write nothing of this user; microseconds since 1970. todo: sealed, what is still to be
-- done. Rows without a todo go after a day.
create table if not exists cWaferErasure (
  person varchar(32) collate utf8mb4_bin not null,
  erased_before bigint unsigned not null,
  todo mediumtext null default null,
  at datetime not null,
  primary key (person)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
