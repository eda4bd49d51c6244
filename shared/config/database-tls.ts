import { readStoreTls, type StoreTls } from './store-tls.ts';
import { parseUrlParameters } from './url-parameters.ts';

const modes = ['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'] as const;

/** TLS to MySQL, with the words and the meaning of MySQL's own clients. */
export interface DatabaseTls extends StoreTls {
  readonly mode: (typeof modes)[number];
}

/**
 * Parses `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key`. Without a mode a CA means VERIFY_CA, as for MySQL's clients, and a
 * certificate of our own REQUIRED; without anything the connection is in plain text.
 * @throws {TypeError} with what is wrong
 */
export function parseDatabaseTls(query: string | undefined): DatabaseTls {
  const given = parseUrlParameters(query, ['ssl-mode', 'ssl-ca', 'ssl-cert', 'ssl-key']);
  const { 'ssl-ca': caFile, 'ssl-cert': certFile, 'ssl-key': keyFile } = given;
  if ((certFile === undefined) !== (keyFile === undefined)) throw new TypeError('needs ssl-cert and ssl-key together');
  const asked = given['ssl-mode']?.toUpperCase();
  const mode = asked === undefined ? impliedMode(given) : modes.find((known) => known === asked);
  if (mode === undefined) throw new TypeError(`has an ssl-mode that is none of ${modes.join(', ')}`);
  const isVerified = mode === 'VERIFY_CA' || mode === 'VERIFY_IDENTITY';
  if (isVerified && caFile === undefined)
    throw new TypeError(`needs ssl-ca with ssl-mode=${mode}: the file of the CA that signed the server's certificate`);
  if (mode === 'DISABLED' && Object.keys(given).length > 1)
    throw new TypeError('has ssl-mode=DISABLED beside other ssl parameters, which would do nothing');
  const tls = {
    mode,
    // Below VERIFY_CA MySQL's clients do not look at the CA.
    ...(isVerified && caFile !== undefined ? { caFile } : {}),
    ...(certFile === undefined || keyFile === undefined ? {} : { certFile, keyFile }),
  };
  readStoreTls({ ...tls, ...(caFile === undefined ? {} : { caFile }) });
  return tls;
}

function impliedMode(given: Readonly<Record<string, string | undefined>>): DatabaseTls['mode'] {
  if (given['ssl-ca'] !== undefined) return 'VERIFY_CA';
  return given['ssl-cert'] === undefined ? 'DISABLED' : 'REQUIRED';
}
