-- Tables that the original does not know.

-- The key that seals queue traffic; the first process that needs it makes it.
create table if not exists cWaferKey (
  name varchar(50) not null,
  value varbinary(255) not null,
  created_at datetime not null default current_timestamp,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

-- What 0004 deleted from cSessionInfo, without its secrets (skey, session_key, user_info).
create table if not exists cWaferDropped (
  id int unsigned not null auto_increment,
  row_id bigint not null comment 'id of the deleted row in cSessionInfo',
  uuid varchar(100) collate utf8mb4_bin not null,
  open_id varchar(100) collate utf8mb4_bin not null,
  last_visit_time datetime not null,
  kept_id bigint not null comment 'id of the row of this uuid that stays',
  reason varchar(50) not null,
  dropped_at datetime not null default current_timestamp,
  primary key (id),
  key kept (kept_id)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
