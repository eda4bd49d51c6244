import { z } from 'zod';
import { revokeSessions } from '../../../shared/administration/revoke.ts';
import { stateOf } from '../../../shared/administration/session-state.ts';
import { getSessions, type SessionSelector } from '../../../shared/administration/sessions.ts';
import { toApps } from '../../../shared/session/app-settings.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { readApps } from '../../../shared/store/app-reader.ts';
import type { Administration } from '../administration.ts';

export const revocation = z.object({
  dryRun: z.boolean(),
  sessions: z.int().describe('How many are meant, those that are over included'),
  live: z.int().describe('How many of them somebody could use before'),
});

/** Ends sessions, or says how many it would end. @throws {AdministrationFailure} session_unknown */
export async function revoke(
  administration: Administration,
  selector: SessionSelector,
  dryRun: boolean,
): Promise<z.input<typeof revocation>> {
  const apps = toApps(await readApps(administration.appInfo));
  const sessions = dryRun
    ? await getSessions(administration, selector)
    : await revokeSessions(administration, selector, administration.actor);
  const live = sessions.filter((session) => stateOf(session, apps, nowSeconds()) === 'live').length;
  return { dryRun, sessions: sessions.length, live };
}
