/**
 * Where a password is set. The secret stands behind a #, which browsers send to nobody.
 * @param consoleUrl without a slash at its end
 */
export function linkUrl(consoleUrl: string, secret: string): string {
  return `${consoleUrl}/set-password#token=${secret}`;
}
