import type { AppResult } from '../../../shared/metrics/app-results.ts';
import type { FailureName } from '../../../shared/protocol/return-codes.ts';
import type { Failure } from '../../../shared/protocol/outcome.ts';

/** Each says that the client sent something which is not good, or not good any more. */
const refusals = new Set<FailureName>(['parameterError', 'codeRefused', 'loginDecryptFailed', 'sessionInvalid']);
/** What WeChat refuses a client's code for; its other errcodes are about the app, its quota, or WeChat itself. */
const clientErrcodes = new Set(['wechat:40029', 'wechat:40163', 'wechat:40226', 'wechat:45011', 'wechat:41008']);
/** Of a refused code, and not the client's doing either. */
const appReasons = new Set(['component_not_authorized']);

/** Whose doing an outcome is. */
export function appResultOf(outcome: { readonly ok: true } | Failure): AppResult {
  if (outcome.ok) return 'ok';
  const { failure, reason = '' } = outcome;
  if (!refusals.has(failure) || appReasons.has(reason)) return 'failed';
  return reason.startsWith('wechat:') && !clientErrcodes.has(reason) ? 'failed' : 'refused';
}
