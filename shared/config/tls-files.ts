import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Where the certificate (with its chain) and its private key lie, both as PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  readonly validTo: Date;
}

/** Thrown for files that can't be used; `faults` names the variable of each. Never with what is in them. */
class TlsFilesError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('; '));
    this.name = 'TlsFilesError';
    this.faults = faults;
  }
}

/** @throws {TlsFilesError} with all faults */
export function readKeyPair({ certFile, keyFile }: TlsFiles): KeyPair {
  const faults: string[] = [];
  const attempt = <Value>(fault: string, work: () => Value): Value | undefined => {
    try {
      return work();
    } catch (error) {
      const { code } = error as { code?: unknown };
      faults.push(`${fault} (${typeof code === 'string' ? code : 'unknown'})`);
      return undefined;
    }
  };
  const cert = attempt('TLS_CERT_FILE can not be read', () => readFileSync(certFile, 'utf8'));
  const key = attempt('TLS_KEY_FILE can not be read', () => readFileSync(keyFile, 'utf8'));
  const certificate =
    cert === undefined
      ? undefined
      : attempt('TLS_CERT_FILE holds no certificate in PEM', () => new X509Certificate(cert));
  const privateKey =
    key === undefined
      ? undefined
      : attempt('TLS_KEY_FILE holds no private key in PEM without a passphrase', () => createPrivateKey(key));
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey))
    faults.push('TLS_KEY_FILE is not the key of the certificate in TLS_CERT_FILE');
  if (faults.length > 0 || cert === undefined || key === undefined || certificate === undefined)
    throw new TlsFilesError(faults);
  return { cert, key, validTo: new Date(certificate.validTo) };
}

interface TlsVariables {
  readonly TLS_CERT_FILE?: string | undefined;
  readonly TLS_KEY_FILE?: string | undefined;
}

/** undefined: web speaks plain HTTP. */
export function tlsFilesOf({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }: TlsVariables): TlsFiles | undefined {
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}

/** What is wrong with the two variables and their files, each fault with the name of its variable. */
export function findTlsFaults(env: TlsVariables): readonly string[] {
  const files = tlsFilesOf(env);
  if (files === undefined) {
    if (env.TLS_CERT_FILE !== undefined) return ['TLS_KEY_FILE is missing: TLS_CERT_FILE is set'];
    return env.TLS_KEY_FILE === undefined ? [] : ['TLS_CERT_FILE is missing: TLS_KEY_FILE is set'];
  }
  try {
    readKeyPair(files);
    return [];
  } catch (error) {
    if (error instanceof TlsFilesError) return error.faults;
    throw error;
  }
}
