/** What an operator of the console may do; each may all that those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;

export type Role = (typeof roles)[number];

export function isAtLeast(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}

export function isRole(text: unknown): text is Role {
  return roles.includes(text as Role);
}
