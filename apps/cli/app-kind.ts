import { Option } from 'commander';
import { toPlainText } from '../../shared/log/plain-text.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { formatCorps, isCorp, parseCorps } from '../../shared/store/corps.ts';
import type { AppInfoRow } from '../../shared/store/models.ts';
import { kinds } from '../worker/wechat/kinds/index.ts';
import { usualKind } from '../worker/wechat/kinds/kind.ts';
import { CommandFailure, UsageFailure } from './result.ts';

/** What `app set` can change about the kind of an app. */
export interface KindOptions {
  readonly kind?: string;
  readonly component?: string;
  readonly corp?: string;
  readonly removeCorp?: string;
}

export const kindOptions: readonly Option[] = [
  new Option(
    '--kind <kind>',
    'wechat: a mini program with a secret of its own, as a new app is; component: one that has authorised a platform; wecom: one inside WeCom',
  ).choices(kinds.map(({ name }) => name)),
  new Option('--component <appid>', 'of kind component: the platform that it has authorised'),
  new Option('--corp <corpid>', 'of kind wecom: the secret is of this company, which is added if it is new'),
  new Option('--remove-corp <corpid>', 'of kind wecom: people of this company log in no more').conflicts('corp'),
];

/** What the options come to. */
export interface KindChange {
  readonly kind: string;
  readonly isChanged: boolean;
  readonly columns: Partial<AppInfoRow>;
  /** `ask`: as for an app of the usual kind. `none`: nothing is asked, and nothing changes but for what `secretOf` gives. */
  readonly wants: 'ask' | 'none' | { readonly corpid: string };
  /** What is stored of the secret that was given; undefined: it stays as it is. */
  secretOf(given: string | undefined): string | undefined;
}

/** Of the list of a wecom app, which is stored as one secret. */
const maxListLength = 330;

/**
 * @param before the app as it is; undefined: it is new
 * @throws {UsageFailure} options that do not fit its kind
 */
export function changeKind(before: AppWithSecret | undefined, options: KindOptions, keepPrevious: boolean): KindChange {
  const former = before === undefined ? undefined : (before.kind ?? usualKind);
  const kind = options.kind ?? former ?? usualKind;
  const isNew = former !== kind;
  refuseUnfit(kind, options, keepPrevious);
  const common = {
    kind,
    isChanged: before !== undefined && isNew,
    columns: options.kind === undefined ? {} : { kind, ...(isNew && { component_appid: null }) },
  };
  if (kind === 'component') {
    const component = options.component ?? (isNew ? undefined : before?.componentAppid);
    if (component === undefined)
      throw new UsageFailure('an app of kind component needs --component <appid>, the platform that it has authorised');
    const columns =
      options.component === undefined ? common.columns : { ...common.columns, component_appid: component };
    return { ...common, columns, wants: 'none', secretOf: () => (isNew ? '' : undefined) };
  }
  if (kind === 'wecom') return { ...common, ...changeCorps(isNew ? undefined : before, options) };
  return { ...common, wants: 'ask', secretOf: (given) => given };
}

function refuseUnfit(kind: string, { component, corp, removeCorp }: KindOptions, keepPrevious: boolean): void {
  if (component !== undefined && kind !== 'component') throw new UsageFailure('--component is for --kind component');
  if ((corp ?? removeCorp) !== undefined && kind !== 'wecom')
    throw new UsageFailure('--corp and --remove-corp are for --kind wecom');
  if (keepPrevious && kind !== usualKind) throw new UsageFailure(`--keep-previous is for --kind ${usualKind}`);
}

function changeCorps(
  before: AppWithSecret | undefined,
  { corp, removeCorp }: KindOptions,
): Pick<KindChange, 'wants' | 'secretOf'> {
  if (before?.secretFault !== undefined && (corp ?? removeCorp) !== undefined)
    throw new CommandFailure(before.secretFault, 'The companies of this app can not be read here: set WAFER_KEYS.');
  const corps = parseCorps(before?.secret ?? '');
  if (removeCorp !== undefined) {
    const left = corps.filter(({ corpid }) => corpid !== removeCorp);
    if (left.length === corps.length)
      throw new CommandFailure('corp_unknown', `${toPlainText(removeCorp)} is no company of this app.`);
    if (left.length > 0 && left[0] !== corps[0])
      throw new CommandFailure(
        'corp_first',
        'The people of the first company are known by their userid alone: while there are others it stays, or others would take their places.',
      );
    return { wants: 'none', secretOf: () => formatCorps(left) };
  }
  if (corp === undefined) {
    if (before === undefined) throw new UsageFailure('an app of kind wecom needs --corp <corpid>');
    return { wants: 'none', secretOf: () => undefined };
  }
  return {
    wants: { corpid: corp },
    secretOf(given = '') {
      const added = { corpid: corp, secret: given };
      if (!isCorp(added)) throw new UsageFailure('that is no corpid, or no secret of WeCom');
      const isKnown = corps.some(({ corpid }) => corpid === corp);
      const list = formatCorps(
        isKnown ? corps.map((each) => (each.corpid === corp ? added : each)) : [...corps, added],
      );
      if (list.length > maxListLength)
        throw new CommandFailure(
          'too_many_corps',
          'So many companies do not fit one app: set up another appid for the rest.',
        );
      return list;
    },
  };
}

/** In a few words, for a list: '' of the usual kind. */
export function describeKind({ kind = usualKind, componentAppid, secret }: AppWithSecret): string {
  if (kind === 'component') return `component of ${toPlainText(componentAppid ?? '?')}`;
  if (kind === 'wecom')
    return `wecom of ${parseCorps(secret)
      .map(({ corpid }) => corpid)
      .join(', ')}`;
  return toPlainText(kind);
}
