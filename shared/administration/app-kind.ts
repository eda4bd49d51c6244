import { toPlainText } from '../log/plain-text.ts';
import type { AppWithSecret } from '../store/app-reader.ts';
import { formatCorps, isCorp, parseCorps } from '../store/corps.ts';
import type { AppInfoRow } from '../store/models.ts';
import { kinds } from '../wechat/kinds/index.ts';
import { usualKind } from '../wechat/kinds/kind.ts';
import { AdministrationFailure, UnfitRequest } from './failure.ts';

export { usualKind };

/** Kinds of apps that there are. */
export const kindNames: readonly string[] = kinds.map(({ name }) => name);

/** What can be changed about the kind of an app. */
export interface KindSettings {
  readonly kind?: string | undefined;
  /** Of kind component: the appid of the platform that it has authorised. */
  readonly componentAppid?: string | undefined;
  /** Of kind wecom: the secret is of this company, which is added if it is new. */
  readonly corpid?: string | undefined;
  /** Of kind wecom: people of this company log in no more. */
  readonly removeCorpid?: string | undefined;
  /** The secret before stays good as well. */
  readonly keepPrevious?: boolean | undefined;
}

/** What the settings come to. */
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
 * @throws {UnfitRequest} settings that do not fit its kind
 */
export function changeKind(before: AppWithSecret | undefined, settings: KindSettings): KindChange {
  const former = before === undefined ? undefined : (before.kind ?? usualKind);
  const kind = settings.kind ?? former ?? usualKind;
  const isNew = former !== kind;
  refuseUnfit(kind, settings);
  const common = {
    kind,
    isChanged: before !== undefined && isNew,
    columns: settings.kind === undefined ? {} : { kind, ...(isNew && { component_appid: null }) },
  };
  if (kind === 'component') {
    const component = settings.componentAppid ?? (isNew ? undefined : before?.componentAppid);
    if (component === undefined)
      throw new UnfitRequest('an app of kind component needs the appid of the platform that it has authorised');
    const columns =
      settings.componentAppid === undefined ? common.columns : { ...common.columns, component_appid: component };
    return { ...common, columns, wants: 'none', secretOf: () => (isNew ? '' : undefined) };
  }
  if (kind === 'wecom') return { ...common, ...changeCorps(isNew ? undefined : before, settings) };
  return { ...common, wants: 'ask', secretOf: (given) => given };
}

function refuseUnfit(kind: string, { componentAppid, corpid, removeCorpid, keepPrevious }: KindSettings): void {
  if (!kindNames.includes(kind)) throw new UnfitRequest(`there is no kind of app "${toPlainText(kind)}"`);
  if (componentAppid !== undefined && kind !== 'component')
    throw new UnfitRequest('a platform is for apps of kind component alone');
  if ((corpid ?? removeCorpid) !== undefined && kind !== 'wecom')
    throw new UnfitRequest('companies are for apps of kind wecom alone');
  if (corpid !== undefined && removeCorpid !== undefined)
    throw new UnfitRequest('a company is added or removed, not both at once');
  if (keepPrevious === true && kind !== usualKind)
    throw new UnfitRequest(`a previous secret is kept for apps of kind ${usualKind} alone`);
}

function changeCorps(
  before: AppWithSecret | undefined,
  { corpid: corp, removeCorpid: removeCorp }: KindSettings,
): Pick<KindChange, 'wants' | 'secretOf'> {
  if (before?.secretFault !== undefined && (corp ?? removeCorp) !== undefined)
    throw new AdministrationFailure(
      before.secretFault,
      'The companies of this app can not be read here: set WAFER_KEYS.',
    );
  const corps = parseCorps(before?.secret ?? '');
  if (removeCorp !== undefined) {
    const left = corps.filter(({ corpid }) => corpid !== removeCorp);
    if (left.length === corps.length)
      throw new AdministrationFailure('corp_unknown', `${toPlainText(removeCorp)} is no company of this app.`);
    if (left.length > 0 && left[0] !== corps[0])
      throw new AdministrationFailure(
        'corp_first',
        'The people of the first company are known by their userid alone: while there are others it stays, or others would take their places.',
      );
    return { wants: 'none', secretOf: () => formatCorps(left) };
  }
  if (corp === undefined) {
    if (before === undefined) throw new UnfitRequest('an app of kind wecom needs a company and its secret');
    return { wants: 'none', secretOf: () => undefined };
  }
  return {
    wants: { corpid: corp },
    secretOf(given = '') {
      const added = { corpid: corp, secret: given };
      if (!isCorp(added)) throw new UnfitRequest('that is no corpid, or no secret of WeCom');
      const isKnown = corps.some(({ corpid }) => corpid === corp);
      const list = formatCorps(
        isKnown ? corps.map((each) => (each.corpid === corp ? added : each)) : [...corps, added],
      );
      if (list.length > maxListLength)
        throw new AdministrationFailure(
          'too_many_corps',
          'So many companies do not fit one app: set up another appid for the rest.',
        );
      return list;
    },
  };
}
