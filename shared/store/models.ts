import { DataTypes, type Model, type ModelStatic, type Sequelize } from 'sequelize';

/** A row of cAppinfo as its columns are spelled. */
export interface AppInfoRow {
  readonly appid: string;
  readonly secret: string | null;
  readonly login_duration: number | null;
  readonly session_duration: number | null;
  readonly is_default: number;
  readonly previous_secret: string | null;
  readonly session_policy: string;
  readonly max_sessions: number;
  readonly grace_seconds: number;
  readonly watermark_max_age_seconds: number | null;
  readonly revoked_before: number | string;
  readonly phone_data: number;
  readonly allow_sign: number;
  readonly undecrypted: string;
  readonly kind: string;
  readonly component_appid: string | null;
  readonly keep_device: number;
  readonly keep_client_ip: number;
  readonly per_device: number;
}

/** A row of cSessionInfo as its columns are spelled. Datetimes are UTC+8 text. */
export interface SessionInfoRow {
  readonly id: number;
  readonly uuid: string;
  readonly skey: string;
  readonly create_time: string;
  readonly last_visit_time: string;
  readonly open_id: string;
  readonly session_key: string;
  readonly user_info: string;
  readonly user_info_long: string | null;
  readonly appid: string | null;
  readonly user_key: Buffer | null;
  readonly slot: number | null;
  readonly fence: number | string;
  readonly union_id: string | null;
  readonly previous_skey: string | null;
  readonly previous_skey_until: string | null;
  readonly former_keys: string | null;
  readonly ended_skeys: Buffer | null;
  readonly device_kind: string | null;
  readonly device_label: string | null;
  readonly client_ip: string | null;
  readonly profile_fence: number | string;
  readonly caller: string | null;
}

export type AppInfo = ModelStatic<Model<AppInfoRow, Partial<AppInfoRow>>>;
export type SessionInfo = ModelStatic<Model<SessionInfoRow, Partial<SessionInfoRow>>>;

// The datetime columns are declared as text: Sequelize would convert them between zones.
// Functions, because Sequelize writes the column's name into the object that it is given.
const text = () => ({ type: DataTypes.STRING, allowNull: false });
const optionalText = () => ({ type: DataTypes.STRING, allowNull: true });
const optionalNumber = () => ({ type: DataTypes.INTEGER, allowNull: true });

export function defineAppInfo(sequelize: Sequelize): AppInfo {
  return sequelize.define<Model<AppInfoRow, Partial<AppInfoRow>>>(
    'cAppinfo',
    {
      appid: { ...text(), primaryKey: true },
      secret: optionalText(),
      login_duration: optionalNumber(),
      session_duration: optionalNumber(),
      is_default: optionalNumber(),
      previous_secret: optionalText(),
      session_policy: text(),
      max_sessions: optionalNumber(),
      grace_seconds: optionalNumber(),
      watermark_max_age_seconds: optionalNumber(),
      revoked_before: { type: DataTypes.BIGINT, allowNull: false },
      phone_data: optionalNumber(),
      allow_sign: optionalNumber(),
      undecrypted: text(),
      kind: text(),
      component_appid: optionalText(),
      keep_device: optionalNumber(),
      keep_client_ip: optionalNumber(),
      per_device: optionalNumber(),
    },
    { tableName: 'cAppinfo', timestamps: false },
  );
}

export function defineSessionInfo(sequelize: Sequelize): SessionInfo {
  return sequelize.define<Model<SessionInfoRow, Partial<SessionInfoRow>>>(
    'cSessionInfo',
    {
      id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
      uuid: text(),
      skey: text(),
      create_time: text(),
      last_visit_time: text(),
      open_id: text(),
      session_key: text(),
      user_info: text(),
      user_info_long: optionalText(),
      appid: optionalText(),
      user_key: { type: DataTypes.BLOB, allowNull: true },
      slot: optionalNumber(),
      fence: { type: DataTypes.BIGINT, allowNull: false },
      union_id: optionalText(),
      previous_skey: optionalText(),
      previous_skey_until: optionalText(),
      former_keys: optionalText(),
      ended_skeys: { type: DataTypes.BLOB, allowNull: true },
      device_kind: optionalText(),
      device_label: optionalText(),
      client_ip: optionalText(),
      profile_fence: { type: DataTypes.BIGINT, allowNull: false },
      caller: optionalText(),
    },
    { tableName: 'cSessionInfo', timestamps: false },
  );
}
