import { componentKind } from './component.ts';
import type { KindOfApp } from './kind.ts';
import { wechatKind } from './wechat.ts';
import { wecomKind } from './wecom.ts';

/** Every kind of app that there is. */
export const kinds: readonly KindOfApp[] = [wechatKind, componentKind, wecomKind];
