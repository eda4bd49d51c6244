-- kind: how its users log in, by the name of a file in shared/wechat/kinds. component_appid: of kind component, the appid of the
-- platform that it has authorised.
alter table cAppinfo
  add column kind varchar(20) not null default 'wechat',
  add column component_appid varchar(200) null default null;
