import { onScopeDispose, ref } from 'vue';
import { addressOf, type Query } from './client.ts';

export type StreamState = 'closed' | 'connecting' | 'open' | 'broken';

const retryMs = 3000;

/**
 * Reads server-sent events while the component lives. When the line breaks, the browser connects again by itself; after an answer that is
 * no stream, as while a store is away, it does not.
 * @param handlers by the name of the event; what they are given is parsed JSON
 * @param isKept connects again after such an answer, too
 */
export function useStream(
  handlers: Readonly<Record<string, (data: never) => void>>,
  { isKept = false }: { readonly isKept?: boolean } = {},
) {
  const state = ref<StreamState>('closed');
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
    state.value = 'closed';
  };
  const open = (path: string, query: Query = {}) => {
    close();
    const opened = new EventSource(addressOf(path, query));
    source = opened;
    state.value = 'connecting';
    opened.addEventListener('open', () => (state.value = 'open'));
    opened.addEventListener('error', () => {
      if (source !== opened) return;
      const isOver = opened.readyState === EventSource.CLOSED;
      state.value = isOver ? 'broken' : 'connecting';
      if (isOver && isKept) retry = setTimeout(() => open(path, query), retryMs);
    });
    for (const [name, handle] of Object.entries(handlers))
      opened.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data) as never));
  };
  onScopeDispose(close);
  return { state, open, close };
}
