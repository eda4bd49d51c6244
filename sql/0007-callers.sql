-- Back ends that may call, each with a key of its own in the address that it is given. The key itself is nowhere: only its SHA-256.
create table if not exists cWaferCaller (
  name varchar(64) collate utf8mb4_bin not null,
  key_hash binary(32) not null,
  created_at datetime not null default current_timestamp,
  primary key (name),
  unique key caller_key (key_hash)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
