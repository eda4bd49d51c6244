import { toPlainText } from '../../log/plain-text.ts';
import { BaseError } from 'sequelize';
import type { Config } from '../../config/config.ts';
import { createColumnCipher } from '../../keys/column-cipher.ts';
import type { KeyRing } from '../../keys/key-ring.ts';
import { readAppsWithSecrets } from '../../store/app-reader.ts';
import { openDatabase } from '../../store/database.ts';
import { defineAppInfo } from '../../store/models.ts';
import {
  countOthers,
  countSecrets,
  describeCounts,
  missingVersions,
  sampleSessionKeys,
} from '../keys/count-versions.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { patienceMs } from '../patience.ts';

const check = 'keys';

/** Whether what is encrypted can be read with WAFER_KEYS, and whether anything lies there in plain text that should not. */
export async function checkKeys({ primary }: Config['database'], ring: KeyRing): Promise<Finding[]> {
  const sequelize = openDatabase(primary, { poolSize: 3, connectTimeoutMs: patienceMs });
  try {
    const [secrets, { sessionKeys, formerKeys }, apps] = await Promise.all([
      countSecrets(sequelize),
      sampleSessionKeys(sequelize),
      readAppsWithSecrets(defineAppInfo(sequelize), createColumnCipher(ring)),
    ]);
    const missing = [
      ...new Set([secrets, sessionKeys, formerKeys].flatMap((counts) => missingVersions(counts, ring.keys))),
    ];
    if (missing.length > 0) {
      const names = missing.map((version) => `key ${version}`).join(', ');
      return [
        fault(
          check,
          `WAFER_KEYS lacks ${names}: log-ins of those apps are answered 1006, calls about those sessions 1001 (key_missing)`,
          'Add it to WAFER_KEYS here and for every worker. If it is lost, make a new one under a new number (docs/production.md, "Lost keys"), then: npx wafer app set <appid>',
        ),
      ];
    }
    const broken = apps.filter(({ secretFault }) => secretFault !== undefined);
    if (broken.length > 0) {
      const names = broken.map(({ appid }) => toPlainText(appid)).join(', ');
      return [
        fault(
          check,
          `the secret of ${names} does not decrypt: another key bears that version, or the value was changed`,
          'Correct WAFER_KEYS: a new key needs a new number (docs/production.md, "Lost keys"). Or set the secret again: npx wafer app set <appid>',
        ),
      ];
    }
    const found = `app secrets: ${describeCounts(secrets)}; oldest and newest session_keys: ${describeCounts(sessionKeys)}`;
    if ([secrets, sessionKeys, formerKeys].some((counts) => countOthers(counts, ring.writes) > 0)) {
      return [warning(check, found, `npx wafer keys ${ring.writes === undefined ? 'plain' : 'rotate'}`)];
    }
    return [
      ring.keys.size === 0
        ? ok(
            check,
            'secrets are stored in MySQL in plain text, as with the original; WAFER_KEYS encrypts them (docs/production.md, "Keys at rest")',
          )
        : ok(check, found),
    ];
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    return [
      warning(
        check,
        'not checked: the database can not be read',
        'Repair that first, then run this again: npx wafer doctor',
      ),
    ];
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}
