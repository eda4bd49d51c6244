/** Where processes publish their figures in Redis (figures.ts). One slot of a cluster. */
export const snapshotKey = (instance: string) => `wafer:{metrics}:of:${instance}`;
/** Marks a process as added to what is kept, with what was added. */
export const endedKey = (instance: string) => `wafer:{metrics}:ended:${instance}`;
/** Names of the group's processes, by when they last published. */
export const groupKey = (group: string) => `wafer:{metrics}:group:${group}`;
/** What ended ones had counted. */
export const keptKey = (group: string) => `wafer:{metrics}:kept:${group}`;
/** Names of all groups, by when one of theirs last published. */
export const groupsKey = 'wafer:{metrics}:groups';

/** Gauges of a process that has not published for so long are not shown any more. */
export const freshMs = 12_000;
/** A group of which nobody is left is forgotten. */
export const keptForMs = 7 * 86_400_000;
