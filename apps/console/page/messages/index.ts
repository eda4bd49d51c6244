import { computed, ref, watchEffect } from 'vue';
import { en } from './en.ts';
import { zh } from './zh.ts';

export type Language = 'en' | 'zh';

const storageKey = 'wafer-console-language';
const tables = { en, zh } as const;

function findLanguage(): Language {
  const chosen = localStorage.getItem(storageKey);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  const spoken = navigator.languages.find((each) => /^(en|zh)\b/i.test(each));
  return spoken?.toLowerCase().startsWith('zh') === true ? 'zh' : 'en';
}

export const language = ref<Language>(findLanguage());

/** Everything that the page says, in the language that is chosen. */
export const words = computed(() => tables[language.value]);

export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(storageKey, chosen);
  language.value = chosen;
}

export function followLanguage(): void {
  watchEffect(() => (document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'));
}

/** What the page says about a word that the console sent; the word itself where the page does not know it. */
export function sayWord(table: Readonly<Record<string, string>>, word: string): string {
  return Object.hasOwn(table, word) ? (table[word] as string) : word;
}
