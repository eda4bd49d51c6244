/** Of 64 at most: what people call themselves, or their e-mail address. It stands in logs and in the audit log. */
const shape = /^[a-z0-9][a-z0-9._@+-]{0,63}$/;

/**
 * Names are the same in small and in capital letters.
 * @returns undefined if this is no name
 */
export function readOperatorName(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  return shape.test(name) ? name : undefined;
}
