import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

interface IssuedCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A CA that signs certificates for servers and clients. */
export interface CertificateAuthority {
  readonly caFile: string;
  /** @param subjectAltName as openssl writes it: `IP:127.0.0.1`, `DNS:db.test` */
  issue(commonName: string, subjectAltName: string): IssuedCertificate;
}

export async function createCertificateAuthority(onClose: OnClose): Promise<CertificateAuthority> {
  const folder = await createTemporaryFolder('ca');
  onClose(() => folder.remove());
  const at = (name: string) => join(folder.path, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const caFile = at('ca.crt');
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test CA', '-keyout', at('ca.key'), '-out', caFile);
  return {
    caFile,
    issue(commonName, subjectAltName) {
      const [certFile, keyFile, requestFile] = [
        at(`${commonName}.crt`),
        at(`${commonName}.key`),
        at(`${commonName}.csr`),
      ];
      const extension = ['-addext', `subjectAltName=${subjectAltName}`];
      openssl('req', ...newKey, '-subj', `/CN=${commonName}`, ...extension, '-keyout', keyFile, '-out', requestFile);
      const signer = ['-CA', caFile, '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
      openssl('x509', '-req', '-in', requestFile, ...signer, '-copy_extensions', 'copy', '-out', certFile);
      return { certFile, keyFile };
    },
  };
}
