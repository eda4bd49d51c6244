/**
 * What became of a log-in or a check, for success rates.
 * - `refused`: by what the client sent: a code or a session that is not valid (any more), data that do not decrypt
 * - `failed`: by this server, its stores, WeChat, or the app's own settings at WeChat
 */
export const appResults = ['ok', 'refused', 'failed'] as const;
export type AppResult = (typeof appResults)[number];

export const loginsMetric = 'wafer_app_logins_total';
export const checksMetric = 'wafer_app_checks_total';
