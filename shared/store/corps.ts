/** A company whose people may log in to a mini program of kind wecom, with the secret of its own app in WeCom. */
export interface Corp {
  readonly corpid: string;
  readonly secret: string;
}

const form = /^([\w-]{1,64}):([!-9;-~]{1,128})$/;

/** Both are words, so the list is one: it lies where the one secret of other apps does, and is encrypted with it. */
export function parseCorps(secret: string): Corp[] {
  return secret.split(' ').flatMap((text) => {
    const [, corpid, of] = form.exec(text) ?? [];
    return corpid === undefined || of === undefined ? [] : [{ corpid, secret: of }];
  });
}

export function formatCorps(corps: readonly Corp[]): string {
  return corps.map(({ corpid, secret }) => `${corpid}:${secret}`).join(' ');
}

export function isCorp({ corpid, secret }: Corp): boolean {
  return form.test(`${corpid}:${secret}`);
}
