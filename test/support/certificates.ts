import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/** A certificate for 127.0.0.1 that vouches for itself, with its key, in files. */
export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  /** Puts both in the place of others, one after the other. */
  readonly replace: (other: Pick<TestCertificate, 'certFile' | 'keyFile'>) => void;
}

/** Makes certificates with openssl, each with the name that it is given. */
export async function createCertificates(
  onClose: OnClose,
): Promise<(commonName: string, curve?: string) => TestCertificate> {
  const folder = await createTemporaryFolder('tls');
  onClose(() => folder.remove());
  return (commonName, curve = 'prime256v1') => {
    const certFile = join(folder.path, `${commonName}.crt`);
    const keyFile = join(folder.path, `${commonName}.key`);
    const files = ['-keyout', keyFile, '-out', certFile];
    const kind = ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes', '-days', '2'];
    const names = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files], { stdio: 'pipe' });
    return {
      certFile,
      keyFile,
      cert: readFileSync(certFile, 'utf8'),
      replace(other) {
        copyFileSync(certFile, other.certFile);
        copyFileSync(keyFile, other.keyFile);
      },
    };
  };
}
