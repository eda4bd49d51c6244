import { computed, shallowRef } from 'vue';
import { ask } from './api/client.ts';
import { Problem } from './api/problem.ts';
import type { Me, Role } from './api/types.ts';

/** Who is signed in; undefined: nobody, or not known yet. */
export const me = shallowRef<Me>();

const rank: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export function may(role: Role): boolean {
  return me.value !== undefined && rank[me.value.role] >= rank[role];
}

export const isOperator = computed(() => may('operator'));
export const isAdmin = computed(() => may('admin'));

/** @returns undefined if nobody is signed in. @throws {Problem} for every other failure */
export async function findMe(): Promise<Me | undefined> {
  try {
    me.value = await ask<Me>('GET', '/me', { mayBeSignedOut: true });
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error;
    me.value = undefined;
  }
  return me.value;
}
