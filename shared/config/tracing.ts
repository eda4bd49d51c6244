/** Where traces go, and which requests have one. */
export interface TracingSettings {
  /** Of the receiver, with the path of traces. */
  readonly url: string;
  /** May hold a secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly ratio: number;
  readonly followsClients: boolean;
}

export const samplers = [
  'parentbased_traceidratio',
  'traceidratio',
  'parentbased_always_on',
  'always_on',
  'parentbased_always_off',
  'always_off',
] as const;

/** @throws {TypeError} */
export function parseRatio(text: string): number {
  const ratio = /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(ratio <= 1)) throw new TypeError('must be a share of the requests from 0 to 1, such as 0.01');
  return ratio;
}

/**
 * Parses `name=value,name=value`, where values may be percent-encoded
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables).
 * @throws {TypeError} without the text: it may hold a secret
 */
export function parseTraceHeaders(text: string): Record<string, string> {
  const pairs = text
    .split(',')
    .map((pair) => /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*([\x21-\x7e](?:[\x20-\x7e]*))$/.exec(pair));
  try {
    return Object.fromEntries(
      pairs.map((pair) => {
        const value = decodeURIComponent((pair?.[2] ?? '%').trim());
        if (!/^[\x20-\x7e]+$/.test(value)) throw new TypeError();
        return [(pair?.[1] ?? '').toLowerCase(), value];
      }),
    );
  } catch {
    throw new TypeError('must be a list such as authorization=Bearer%20…,x-tenant=shop, percent-encoded');
  }
}

interface TracingVariables {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS: Record<string, string>;
  readonly OTEL_SERVICE_NAME: string;
  readonly OTEL_TRACES_SAMPLER: (typeof samplers)[number];
  readonly OTEL_TRACES_SAMPLER_ARG: number;
}

/** undefined: nothing is traced */
export function tracingSettingsOf(env: TracingVariables): TracingSettings | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER: sampler } = env;
  if (endpoint === undefined) return undefined;
  const fixed = sampler.endsWith('always_on') ? 1 : sampler.endsWith('always_off') ? 0 : undefined;
  return {
    url: `${endpoint}/v1/traces`,
    headers: env.OTEL_EXPORTER_OTLP_HEADERS,
    serviceName: env.OTEL_SERVICE_NAME,
    ratio: fixed ?? env.OTEL_TRACES_SAMPLER_ARG,
    followsClients: sampler.startsWith('parentbased_'),
  };
}
