import { computed, onScopeDispose, ref, shallowRef, type Ref } from 'vue';
import { toProblem, type Problem } from './problem.ts';

/** Something that is read from the console: what came, what went wrong, and whether it is being read. */
export interface Resource<Data> {
  readonly data: Readonly<Ref<Data | undefined>>;
  readonly problem: Readonly<Ref<Problem | undefined>>;
  readonly isLoading: Readonly<Ref<boolean>>;
  reload(): Promise<void>;
}

/** Reads at once, and again by `reload`: the latest call counts, those before are given up. */
export function useResource<Data>(load: (signal: AbortSignal) => Promise<Data>) {
  const data = shallowRef<Data>();
  const problem = shallowRef<Problem>();
  const isLoading = ref(false);
  let current: AbortController | undefined;

  const reload = async () => {
    current?.abort();
    const mine = new AbortController();
    current = mine;
    isLoading.value = true;
    try {
      const loaded = await load(mine.signal);
      if (current !== mine) return;
      data.value = loaded;
      problem.value = undefined;
    } catch (error) {
      if (current === mine) problem.value = toProblem(error);
    } finally {
      if (current === mine) isLoading.value = false;
    }
  };
  onScopeDispose(() => {
    current?.abort();
    current = undefined;
  });
  void reload();
  return { data, problem, isLoading, reload } satisfies Resource<Data>;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** How far a list has been read, and the way to more of it. */
export interface Growing {
  readonly items: Readonly<Ref<readonly unknown[]>>;
  /** The cursor of the next page; null: there is no more. */
  readonly next: Readonly<Ref<string | null>>;
  readonly isLoadingMore: Readonly<Ref<boolean>>;
  loadMore(): Promise<void>;
}

/** A list that grows page by page. */
export function useList<Item>(load: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<Item>>) {
  const more = shallowRef<readonly Item[]>([]);
  const next = ref<string | null>(null);
  const isLoadingMore = ref(false);
  const first = useResource(async (signal) => {
    const page = await load(undefined, signal);
    more.value = [];
    next.value = page.next;
    return page.items;
  });

  const loadMore = async () => {
    if (next.value === null || isLoadingMore.value) return;
    isLoadingMore.value = true;
    const before = first.data.value;
    try {
      const page = await load(next.value, AbortSignal.timeout(60_000));
      // In between the list may have been read anew.
      if (first.data.value !== before) return;
      more.value = [...more.value, ...page.items];
      next.value = page.next;
    } catch (error) {
      first.problem.value = toProblem(error);
    } finally {
      isLoadingMore.value = false;
    }
  };
  const items = computed(() => [...(first.data.value ?? []), ...more.value]);
  return { ...first, items, next, isLoadingMore, loadMore };
}
