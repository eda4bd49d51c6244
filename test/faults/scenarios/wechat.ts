import { createCertificates, type TestCertificate } from '../../support/certificates.ts';
import { startHostileWechat, type HostileWechat, type WechatMood } from '../../support/hostile-wechat.ts';
import { startTestWechat } from '../../support/wechat.ts';
import { alwaysHolds, describeErrors, must, mustWithin, recoversWithin, type Fault } from '../support/fault.ts';
import { startSite } from '../support/site.ts';
import { errorCount, total } from '../support/tally.ts';

const deadlineMs = 8000;
/** What a log-in may be told while WeChat is as it is; `overloaded` while those before it still wait for WeChat. */
const expected = /^(1005 wechat_|1007 wechat_|1006 overloaded$|1006 deadline$)/;

interface Certificates {
  /** The one that workers vouch for. */
  readonly right: TestCertificate;
  readonly wrong: TestCertificate;
}

type Step = (wechat: HostileWechat, certificates: Certificates) => Promise<void> | void;

/**
 * WeChat is not itself for a while.
 * @param withTls only where it matters: this process, which also sends the load, would be busy with handshakes
 */
function wechatIll(name: string, title: string, begin: Step, end: Step, { withTls = false } = {}): Fault {
  return {
    name,
    title,
    holds: 'log-ins fail clearly, then are shed, and work again; checks do not notice',
    async run({ onClose, underLoad, lengths }) {
      const createCertificate = await createCertificates(onClose);
      const certificates = { right: createCertificate('right'), wrong: createCertificate('wrong') };
      const { url: upstream } = await startTestWechat({ onClose, latencyMs: 30 });
      const wechat = await startHostileWechat({
        onClose,
        upstream,
        ...(withTls ? { certificate: certificates.right } : {}),
      });
      const env = { WECHAT_API_BASE: wechat.url, NODE_EXTRA_CA_CERTS: certificates.right.certFile };
      const site = await startSite({ onClose, env });
      const seen = await underLoad(site, async (load) => {
        await begin(wechat, certificates);
        await load.last(lengths.outageMs);
        await end(wechat, certificates);
      });
      const { during } = seen.tally.counts.login;
      const all = total(seen.tally, 'login');
      const others = [...all.errors.keys()].filter((code) => !expected.test(code));
      const atOnce = (during.errors.get('1005 wechat_breaker') ?? 0) + (during.errors.get('1006 overloaded') ?? 0);
      const calls = [...wechat.asked.values()].reduce((sum, count) => sum + count, 0);
      return {
        ...seen,
        checks: [
          ...alwaysHolds(seen),
          must('log-ins fail meanwhile', errorCount(during) > 0, describeErrors(during.errors)),
          must('log-ins get 1005 or 1007, or are refused at once', others.length === 0, others.join()),
          must(
            'most that fail are shed at once',
            atOnce > errorCount(during) / 2,
            `${atOnce} of ${errorCount(during)}`,
          ),
          must('at most 1.1 calls for a log-in', calls <= all.sent * 1.1, `${calls} for ${all.sent}`),
          mustWithin('a log-in is answered', deadlineMs + 100, all.slowestMs),
          mustWithin('a check is answered, while WeChat is ill,', 1000, seen.tally.counts.check.during.slowestMs),
          ...recoversWithin(5000, seen),
        ],
      };
    },
  };
}

const inMood = (mood: WechatMood, title: string): Fault =>
  wechatIll(
    `wechat-${mood}`,
    title,
    (wechat) => void (wechat.mood = mood),
    (wechat) => void (wechat.mood = 'well'),
  );

const wechatDown = wechatIll(
  'wechat-down',
  'WeChat down',
  (wechat) => wechat.stop(),
  (wechat) => wechat.start(),
);

const wrongCertificate = wechatIll(
  'wechat-wrong-certificate',
  'WeChat with a certificate that nobody vouches for',
  (wechat, { wrong }) => wechat.show(wrong),
  (wechat, { right }) => wechat.show(right),
  { withTls: true },
);

export const wechatFaults: readonly Fault[] = [
  inMood('slow', 'WeChat slow: 6 s'),
  wechatDown,
  inMood('resetting', 'WeChat resets connections'),
  inMood('garbage', 'WeChat answers garbage'),
  inMood('huge', 'WeChat answers 10 MB'),
  inMood('endless', 'WeChat answers without an end'),
  wrongCertificate,
];
