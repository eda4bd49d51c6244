import { code2Session } from '../code2session.ts';
import { askWithSecrets } from '../secrets.ts';
import { createStableTokenSource, createTokenServiceSource } from '../token-source.ts';
import { traceCalls } from '../traced-calls.ts';
import { everyUserCall, usualKind, type KindOfApp } from './kind.ts';

/** A mini program with an AppSecret of its own, which is what nearly all are. */
export const wechatKind: KindOfApp = {
  name: usualKind,
  create({ config, wechat, connect, watch, installation }) {
    const { tokenUrl } = config.wechat;
    const service = tokenUrl === undefined ? undefined : connect(tokenUrl);
    return {
      exchange({ app, code, caller, timeoutMs, context }) {
        const { appid } = app;
        const calls = traceCalls(wechat, context.span);
        const askWith = (secret: string, ms: number) => code2Session(calls, { appid, secret, code }, ms);
        const ask = () => askWithSecrets(app, askWith, timeoutMs, context.log);
        return watch.ask({ appid, api: 'code2session', code, caller }, ask);
      },
      tokenOf:
        service === undefined
          ? createStableTokenSource(wechat, watch)
          : ({ appid }) =>
              createTokenServiceSource(service, watch, {
                key: appid,
                appid,
                api: 'token_service',
                query: { appid },
                installation,
              }),
      calls: everyUserCall,
    };
  },
};
