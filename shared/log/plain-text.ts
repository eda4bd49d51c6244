/**
 * What a terminal, or whoever reads one, may take for something else than a character of the text: control characters (C0, DEL, C1), line and
 * paragraph separators, and what shows nothing of itself, as marks of direction, zero-width characters and fillers do.
 */
const deceptive = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Cs}]/gu;

/** Text of strangers, such as a nickname, for one line on a terminal: what it might obey or hide is spelled out, as `\u009b`. */
export function toPlainText(text: string): string {
  return text.replaceAll(deceptive, spell);
}

/** The same for text of several lines. */
export function toPlainLines(text: string): string {
  return text.replaceAll(deceptive, (character) => (character === '\n' ? character : spell(character)));
}

/** JSON with the same characters spelled out, as its own escapes: it parses to the very same value. */
export function toPlainJson(value: unknown): string {
  return toPlainLines(JSON.stringify(value, null, 2));
}

/** As JSON spells it: one escape for each unit of UTF-16. */
function spell(character: string): string {
  return Array.from({ length: character.length }, (_, index) => spellUnit(character.charCodeAt(index))).join('');
}

function spellUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
