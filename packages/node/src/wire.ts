/** What the session server answers, as GET /openapi.json describes it; a test of the server compares the two. */

/** The profile as WeChat's ciphertext held it, or what is known of the user after a log-in with the code alone. */
export interface UserInfo {
  openId?: string | undefined;
  nickName?: string | undefined;
  gender?: number | undefined;
  language?: string | undefined;
  city?: string | undefined;
  province?: string | undefined;
  country?: string | undefined;
  avatarUrl?: string | undefined;
  unionId?: string | undefined;
  watermark?: { [field: string]: unknown; appid: string; timestamp: number } | undefined;
  [field: string]: unknown;
}

interface LoginData {
  id: string;
  skey: string;
  user_info: UserInfo | null;
  /** Seconds. */
  duration: number | string;
}

interface AuthData {
  user_info: UserInfo | null;
}

export interface Calls {
  'qcloud.cam.id_skey': {
    para: { code: string; encrypt_data?: string; iv?: string; device?: string; client_ip?: string };
    data: LoginData;
  };
  'qcloud.cam.auth': { para: { id: string; skey: string }; data: AuthData };
  'qcloud.cam.logout': { para: { id: string; skey: string }; data: object };
}
