import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Files that a connection to a store over TLS needs, all PEM. */
export interface StoreTls {
  /** The CA that must have signed the server's certificate; undefined: those that Node knows. */
  readonly caFile?: string;
  /** Our own certificate with its key, for a server that asks for one. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** What is in them. */
export interface StoreTlsContents {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files anew: certificates are renewed while a process runs.
 * @throws {TypeError} with what is wrong, never with what is in them
 */
export function readStoreTls({ caFile, certFile, keyFile }: StoreTls): StoreTlsContents {
  return {
    ...(caFile === undefined ? {} : { ca: read('CA', caFile, checkCertificates) }),
    ...(certFile === undefined ? {} : { cert: read('certificate', certFile, checkCertificates) }),
    ...(keyFile === undefined ? {} : { key: read('key', keyFile, (text) => void createPrivateKey(text)) }),
  };
}

/** The contents of last time for as long as the files can't be used: a renewal may be under way. */
export function createStoreTlsReader(tls: StoreTls): () => StoreTlsContents {
  let last: StoreTlsContents | undefined;
  return () => {
    try {
      last = readStoreTls(tls);
    } catch (error) {
      if (last === undefined) throw error;
    }
    return last;
  };
}

const blocks = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function checkCertificates(text: string): void {
  const found = text.match(blocks) ?? [];
  if (found.length === 0) throw new Error('none');
  for (const block of found) void new X509Certificate(block);
}

function read(what: string, file: string, check: (text: string) => void): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string };
    throw new TypeError(`names a file for the ${what} that can not be read (${code})`, { cause: error });
  }
  try {
    check(text);
  } catch (error) {
    throw new TypeError(`names a file for the ${what} that holds none in PEM, without a passphrase`, { cause: error });
  }
  return text;
}
