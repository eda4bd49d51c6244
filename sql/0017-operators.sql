-- Who may use the console. kind: password, a person with a password; oidc, a person whom the identity provider vouches for; token, a program.
-- sign_ins: changed to end all sign-ins; random, so that nobody who is added again meets those of before. Of password, link and token the hash
-- alone is kept; totp_secret is encrypted with WAFER_KEYS. totp_step: the last time step whose code was taken.
create table if not exists cWaferOperator (
  id int unsigned not null auto_increment,
  name varchar(64) collate utf8mb4_bin not null,
  kind varchar(10) not null,
  role varchar(10) not null,
  is_disabled tinyint not null default 0,
  sign_ins int unsigned not null,
  password_hash varchar(255) null default null,
  link_hash binary(32) null default null,
  link_until datetime null default null,
  totp_secret varchar(255) null default null,
  totp_on tinyint not null default 0,
  totp_step int unsigned not null default 0,
  subject_hash binary(32) null default null,
  token_hash binary(32) null default null,
  token_until datetime null default null,
  created_at datetime not null,
  signed_in_at datetime null default null,
  primary key (id),
  unique key operator_name (name),
  unique key operator_link (link_hash),
  unique key operator_subject (subject_hash),
  unique key operator_token (token_hash)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
