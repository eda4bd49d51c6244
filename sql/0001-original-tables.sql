-- The two tables of the original, as its own SQL makes them. An existing database has them already and keeps its own.
-- utf8 is utf8mb3 here; this older spelling is the one that MySQL 5.7, MySQL 8 and MariaDB all understand.

create table if not exists cAppinfo (
  appid varchar(200) collate utf8_unicode_ci not null,
  secret varchar(300) collate utf8_unicode_ci not null,
  login_duration int(11) default '30',
  session_duration int(11) default '2592000',
  qcloud_appid varchar(300) collate utf8_unicode_ci default 'appid_qcloud',
  ip varchar(50) collate utf8_unicode_ci default '0.0.0.0',
  primary key (appid)
) engine=InnoDB default charset=utf8 collate=utf8_unicode_ci;

create table if not exists cSessionInfo (
  id int(11) not null auto_increment,
  uuid varchar(100) not null,
  skey varchar(100) not null,
  create_time datetime not null,
  last_visit_time datetime not null,
  open_id varchar(100) not null,
  session_key varchar(100) not null,
  user_info varchar(2048) not null,
  primary key (id),
  key auth (uuid, skey),
  key weixin (open_id, session_key)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
