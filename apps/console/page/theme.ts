import { ref, watchEffect } from 'vue';

export type Theme = 'light' | 'dark' | 'system';

const storageKey = 'wafer-console-theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

export const theme = ref<Theme>((localStorage.getItem(storageKey) as Theme | null) ?? 'system');
export const isDark = ref(systemIsDark.matches);

/** Element Plus, our own styles and the charts go by the class of the document. */
export function followTheme(): void {
  const prefersDark = ref(systemIsDark.matches);
  systemIsDark.addEventListener('change', ({ matches }) => (prefersDark.value = matches));
  watchEffect(() => {
    isDark.value = theme.value === 'system' ? prefersDark.value : theme.value === 'dark';
    document.documentElement.classList.toggle('dark', isDark.value);
    document.documentElement.classList.toggle('light', !isDark.value);
    localStorage.setItem(storageKey, theme.value);
  });
}
