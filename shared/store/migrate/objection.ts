/** Why this server can't work with what is in a database. */
export interface Objection {
  /** What is there, as the rest of a sentence that begins with the database. */
  readonly found: string;
  readonly remedy: string;
}
