-- allow_sign: qcloud.cam.sign signs for this app's users with their session_key.
-- undecrypted: what a log-in does whose user data no key opens: refuse, as the original, or without-profile, as if none had been sent.
alter table cAppinfo
  add column allow_sign tinyint not null default 0,
  add column undecrypted varchar(20) not null default 'refuse';
