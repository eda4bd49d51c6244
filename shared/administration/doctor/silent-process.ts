import { toPlainText } from '../../log/plain-text.ts';
import { readFileSync } from 'node:fs';
import { machineName, type LastHeard } from '../../redis/presence.ts';
import { fault, ok, warning, type Finding } from './finding.ts';

/** Silent for less than this it may be there and hang. */
const recentMs = 15_000;

/** Why a process that should be there does not answer. On this machine its pid tells. */
export function describeSilent({ instance, silentMs }: LastHeard, isReplaced: boolean): Finding {
  const [, role = 'web', machine = '', pid = ''] = /^(web|worker|console)-(.*)-(\d+)-[0-9a-f]+$/.exec(instance) ?? [];
  const check = `processes.${role}`;
  const name = toPlainText(instance);
  const state = machine === machineName ? readState(pid) : 'unknown';
  const restart = `npx pm2 restart ${role}`;
  const heard = `last heard of ${Math.round(silentMs / 1000)} s ago`;
  if (state === 'stopped') {
    return fault(
      check,
      `${name} is stopped (SIGSTOP): ${role === 'console' ? '' : 'others do its work, '}its connections hang`,
      `Let it go on: kill -CONT ${pid}; or end it: kill -9 ${pid}`,
      'process_stopped',
    );
  }
  if (isReplaced && (state === 'gone' || (state === 'unknown' && silentMs >= recentMs)))
    return ok(
      check,
      `${name} ended without a farewell (killed, or out of memory), ${heard}; another has taken its place`,
    );
  if (state === 'gone') {
    return warning(
      check,
      `${name} ended without a farewell (killed, or out of memory), ${heard}`,
      `Look for the reason: npx pm2 logs ${role}, or dmesg | grep -i oom. pm2 and containers start another by themselves; else: npm run ${role}`,
      'process_died',
    );
  }
  if (state === 'running' || silentMs < recentMs) {
    return fault(
      check,
      `${name} does not answer, ${heard}: it hangs, is stopped, or can not reach Redis`,
      `${restart}; before that, see its log and what it does (top -p ${pid})`,
      'process_hangs',
    );
  }
  return warning(
    check,
    `${name} does not answer, ${heard}: it ended without a farewell, hangs, or can not reach Redis`,
    `Look on its machine: npx pm2 list. If it is gone, pm2 and containers start another by themselves; else: ${restart}`,
    'process_lost',
  );
}

/** Of a process on this machine. Without /proc one that is stopped counts as running. */
function readState(pid: string): 'running' | 'stopped' | 'gone' {
  try {
    const [, state] = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    if (state === 'T' || state === 't') return 'stopped';
    // A zombie has ended; its parent has not looked yet.
    return state === 'Z' || state === 'X' ? 'gone' : 'running';
  } catch {
    return isAlive(Number(pid)) ? 'running' : 'gone';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
