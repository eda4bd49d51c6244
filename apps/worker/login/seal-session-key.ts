import { sessionKeyOf, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import type { SessionWriter } from './write-session.ts';

/** A writer that is given session_keys in plain text and writes them encrypted, if a key is configured. */
export function sealSessionKeys(writer: SessionWriter, cipher: ColumnCipher): SessionWriter {
  return {
    ...writer,
    write: (login) =>
      writer.write({ ...login, sessionKey: cipher.seal(sessionKeyOf(login.appid, login.openId), login.sessionKey) }),
  };
}
