import { statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { readKeyPair, type TlsFiles } from '../../../shared/config/tls-files.ts';
import { describeError, type Log } from '../../../shared/log/log.ts';

/** Certificate and key for `tls`, and what they are replaced by when the files change. */
export interface Certificate {
  readonly options: SecureContextOptions;
  /** Looks at the files now and then, and gives a new certificate to `use`. Ends with the process or with `stop`. */
  watch(use: (options: SecureContextOptions) => void): { stop(): void };
}

/** Certificates are renewed weeks before they end; and what comes in two files should come together. */
const defaultLookEveryMs = 5000;

/** @throws {TlsFilesError} if the files can't be used at the start; later that is a line in the log, and the old ones stay */
export function openCertificate(files: TlsFiles, log: Log, lookEveryMs = defaultLookEveryMs): Certificate {
  let seen = stateOf(files);
  const options = load(files);
  return {
    options,
    watch(use) {
      let used = seen;
      let told = seen;
      /** Tries again at each look, and says once that it failed: what can't be read now may be readable without having changed. */
      const reload = (state: string): void => {
        try {
          use(load(files));
          used = state;
          log.info('the certificate has been renewed');
        } catch (error) {
          if (state !== told) {
            log.error({ err: describeError(error) }, 'the new certificate can not be used, the old one stays');
          }
        }
        told = state;
      };
      const timer = setInterval(() => {
        const state = stateOf(files);
        // Two looks in a row have to see the same: a file may be half written, or its companion still to come.
        if (state === seen && state !== used) reload(state);
        seen = state;
      }, lookEveryMs);
      timer.unref();
      return { stop: () => clearInterval(timer) };
    },
  };
}

function load(files: TlsFiles): SecureContextOptions {
  const { cert, key } = readKeyPair(files);
  const options = { cert, key, minVersion: 'TLSv1.2' } as const;
  // What tls itself would refuse it has to refuse before it is in use.
  createSecureContext(options);
  return options;
}

/** Times, sizes and inodes: a symbolic link that is turned, as Kubernetes does, changes them too. */
function stateOf({ certFile, keyFile }: TlsFiles): string {
  const states = [certFile, keyFile].map((file) => {
    try {
      const { ino, size, mtimeMs } = statSync(file);
      return `${ino} ${size} ${mtimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return states.join(', ');
}
