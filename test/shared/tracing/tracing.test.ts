import test from 'ava';
import { ConfigError, readConfig } from '../../../shared/config/config.ts';
import { createSampler } from '../../../shared/tracing/sampler.ts';
import { parseTraceparent, renderTraceparent } from '../../../shared/tracing/traceparent.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const remote = { traceId, spanId, isSampled: true };

test('a traceparent is read as W3C Trace Context has it', (t) => {
  t.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), remote);
  t.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-00`), { ...remote, isSampled: false });
  t.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-03`), remote);
  // Of a later version what is known of it.
  t.deepEqual(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes-later`), remote);
  t.deepEqual(parseTraceparent(renderTraceparent(remote)), remote);
});

test('what is no traceparent is none', (t) => {
  const wrong = [
    undefined,
    '',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `cc-${traceId}-${spanId}-01-${'x'.repeat(10_000)}`,
  ];
  for (const text of wrong) t.is(parseTraceparent(text), undefined, text);
});

test('a client that traces everything has a hundred requests a second traced', (t) => {
  let nowMs = 5000;
  const sampler = createSampler({ ratio: 0, followsClients: true }, () => nowMs);
  const take = () => Array.from({ length: 1000 }, () => sampler.takes(remote)).filter(Boolean).length;
  t.is(take(), 100);
  t.is(take(), 0);
  nowMs += 1000;
  t.is(take(), 100);
  t.false(sampler.takesNew());
});

test('with a share of its own a process does not heed what clients say', (t) => {
  const all = createSampler({ ratio: 1, followsClients: false });
  t.true(all.takes({ ...remote, isSampled: false }));
  const none = createSampler({ ratio: 0, followsClients: false });
  t.false(none.takes(remote));
  t.false(createSampler({ ratio: 1, followsClients: true }).takes({ ...remote, isSampled: false }));
  t.true(createSampler({ ratio: 1, followsClients: true }).takes(undefined));
});

const required = { DATABASE_URL: 'mysql://user@127.0.0.1/cAuth', REDIS_URL: 'redis://127.0.0.1' };

test('traces are off unless there is a receiver, and one in a hundred by default', (t) => {
  t.is(readConfig({ ...required, OTEL_TRACES_SAMPLER: 'always_on' }).tracing, undefined);
  const endpoint = { ...required, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };
  const byDefault = {
    url: 'http://collector:4318/v1/traces',
    headers: {},
    serviceName: 'wafer-session',
    ratio: 0.01,
    followsClients: true,
  };
  t.deepEqual(readConfig(endpoint).tracing, byDefault);
  t.deepEqual(
    readConfig({
      ...endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20a=b, x-tenant=shop',
      OTEL_SERVICE_NAME: 'shop',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '.5',
    }).tracing,
    {
      ...byDefault,
      headers: { authorization: 'Bearer a=b', 'x-tenant': 'shop' },
      serviceName: 'shop',
      ratio: 0.5,
      followsClients: false,
    },
  );
  t.is(readConfig({ ...endpoint, OTEL_TRACES_SAMPLER: 'parentbased_always_on' }).tracing?.ratio, 1);
  t.is(readConfig({ ...endpoint, OTEL_TRACES_SAMPLER: 'always_off' }).tracing?.ratio, 0);
});

test('every wrong variable of traces is a fault, told without what it holds', (t) => {
  const error = t.throws(
    () =>
      readConfig({
        ...required,
        OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
        OTEL_EXPORTER_OTLP_HEADERS: 'secret-without-a-name',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_SERVICE_NAME: 'x'.repeat(256),
        OTEL_TRACES_SAMPLER: 'jaeger_remote',
        OTEL_TRACES_SAMPLER_ARG: '1.5',
      }),
    { instanceOf: ConfigError },
  );
  t.deepEqual(
    error?.faults.map((fault) => fault.split(' ')[0]),
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_SERVICE_NAME',
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
    ],
  );
  t.false(error?.message.includes('secret-without'));
});
