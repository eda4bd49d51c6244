import { choice, dashboard, figures, lines, times } from './panels.js';

// Series of workers come with every front end of every machine, each time the same: the greatest of them is it.
const once = (expr) => `max without (instance) (${expr})`;
const rate = (series) => `rate(${series}[$__rate_interval])`;
const ofWorkers = (by, series) => `sum by (${by}) (${once(rate(series))})`;
const ofWeb = (by, series) => `sum by (${by}) (${rate(series)})`;

/** Each machine shows its own front ends, and all workers. */
const ofBoth = (by, series, wrap = (expr) => expr) =>
  `sum by (${by}) (${wrap(`${series}{role="web"}`)}) or sum by (${by}) (${once(wrap(`${series}{role="worker"}`))})`;
const loginSeconds = 'wafer_request_seconds_bucket{interface="qcloud.cam.id_skey"}';
const checkSeconds = 'wafer_request_seconds_bucket{interface="qcloud.cam.auth"}';
const ofRequests = (q, series) => `histogram_quantile(${q}, sum by (le) (${rate(series)}))`;

const loginFailures = lines(
  'Log-ins that fail',
  'Through no fault of the client, by app. Above 5 % WaferLoginsFail fires.',
  'percentunit',
  { '{{app}}': 'app:wafer_logins_failed:ratio_rate5m' },
  { max: 1, red: 0.05 },
);
const oldestJob = lines(
  'Oldest waiting job',
  'Near 0 as long as there are workers. Above 5 s WaferJobsWait fires.',
  's',
  { '{{queue}}': 'max by (queue) (wafer_queue_oldest_seconds)' },
  { red: 5 },
);
const wechatAnswers = lines(
  'What WeChat answers',
  'ok, an errcode, or why there was no answer. wechat_breaker: not asked, since it does not answer.',
  'reqps',
  { '{{api}} {{result}}': ofWorkers('api, result', 'wafer_wechat_calls_total') },
  { isStacked: true },
);

export const overview = dashboard('wafer-overview', 'wafer-session: on call', [
  {
    title: 'What users notice',
    panels: [
      loginFailures,
      lines(
        'Checks that fail',
        'Through no fault of the client, by app. Above 1 % WaferChecksFail fires.',
        'percentunit',
        { '{{app}}': 'app:wafer_checks_failed:ratio_rate5m' },
        { max: 1, red: 0.01 },
      ),
      lines(
        'Time of a log-in',
        'As the client waits. Of one of a hundred above 3 s WaferLoginsSlow fires.',
        's',
        { half: ofRequests(0.5, loginSeconds), '1 of 100': 'job:wafer_login_seconds:p99_5m' },
        { red: 3 },
      ),
    ],
  },
  {
    title: 'How much there is to do',
    panels: [
      lines(
        'Log-ins',
        'refused: by what the client sent, such as a used code.',
        'reqps',
        { '{{result}}': ofWeb('result', 'wafer_app_logins_total') },
        { isStacked: true },
      ),
      lines(
        'Checks',
        'refused: the session is over, or never was.',
        'reqps',
        { '{{result}}': ofWeb('result', 'wafer_app_checks_total') },
        { isStacked: true },
      ),
      lines('Not let in', 'Requests that no caller of ours sent. Above 10 a second WaferStrangers fires.', 'reqps', {
        '{{reason}}': ofWeb('reason', 'wafer_refused_requests_total'),
      }),
    ],
  },
  {
    title: 'Why',
    panels: [
      wechatAnswers,
      times('WeChat refuses or is away', 'Each app and call counts: 0 is well.', {
        'refuses: {{errcode}}': 'max by (errcode) (wafer_wechat_alert)',
        'away: {{api}}': 'max by (api) (wafer_wechat_breaker)',
      }),
      oldestJob,
      lines('Refused at once', 'More calls than the workers can do (overloaded), or than an app may have.', 'reqps', {
        '{{queue}} {{reason}}': ofWeb('queue, reason', 'wafer_calls_refused_total'),
      }),
    ],
  },
  {
    title: 'Processes',
    panels: [
      figures('Machines that answer', 'Scraped front ends: 1 is well.', 'short', {
        '{{instance}}': 'up{job="wafer-session"}',
      }),
      lines('Event loop stands still', 'The longest of a hundred, in the worst process.', 's', {
        '{{role}}': 'max by (role) (nodejs_eventloop_lag_p99_seconds)',
      }),
      lines('CPU', 'Cores, of all processes of a role.', 'short', {
        '{{role}}': ofBoth('role', 'process_cpu_seconds_total', rate),
      }),
      lines('Memory', 'Resident, of all processes of a role.', 'bytes', {
        '{{role}}': ofBoth('role', 'process_resident_memory_bytes'),
      }),
    ],
  },
]);

const ofApp = (series) => `${series}{app=~"$app"}`;
const ofStages = (stages) => rate(`wafer_login_stage_seconds_bucket{stage${stages}}`);
// One stage is in front ends.
const stageQuantile = (q) =>
  `histogram_quantile(${q}, sum by (stage, le) (${ofStages('="admitted"')} or ${once(ofStages('!="admitted"'))}))`;

export const logIns = dashboard(
  'wafer-log-ins',
  'wafer-session: log-ins',
  [
    {
      title: 'By app',
      panels: [
        lines('Log-ins', 'By app and what became of them.', 'reqps', {
          '{{app}} {{result}}': ofWeb('app, result', ofApp('wafer_app_logins_total')),
        }),
        lines('Checks', 'By app and what became of them.', 'reqps', {
          '{{app}} {{result}}': ofWeb('app, result', ofApp('wafer_app_checks_total')),
        }),
        lines('Live sessions', 'About, once a minute from the indexes of MySQL.', 'short', {
          '{{app}}': `max by (app) (${ofApp('wafer_app_sessions_live')})`,
        }),
      ],
    },
    {
      title: 'Where the time goes',
      panels: [
        lines('Half of the log-ins', 'Each stage takes at most so long.', 's', { '{{stage}}': stageQuantile(0.5) }),
        lines('All but five of a hundred', 'Each stage takes at most so long.', 's', {
          '{{stage}}': stageQuantile(0.95),
        }),
        lines('The whole log-in', 'As the client waits.', 's', {
          half: ofRequests(0.5, loginSeconds),
          '5 of 100': ofRequests(0.95, loginSeconds),
          '1 of 100': ofRequests(0.99, loginSeconds),
        }),
      ],
    },
    {
      title: 'What went wrong',
      panels: [
        lines('Answers by return code', 'Of log-ins. 0 is well.', 'reqps', {
          '{{code}}': ofWeb('code', 'wafer_requests_total{interface="qcloud.cam.id_skey"}'),
        }),
        wechatAnswers,
        lines('Time that WeChat takes', 'All but five of a hundred calls.', 's', {
          '{{api}}': `histogram_quantile(0.95, sum by (api, le) (${once(rate('wafer_wechat_seconds_bucket'))}))`,
        }),
        lines('User data', 'What became of encrypted data.', 'reqps', {
          '{{call}} {{result}}': ofWorkers('call, result', 'wafer_user_data_total'),
        }),
      ],
    },
    {
      title: 'How sessions end',
      panels: [
        lines('Checks that find no valid session', 'By what ended it. unknown: the skey proves nothing.', 'reqps', {
          '{{reason}}': ofWeb('reason', 'wafer_sessions_refused_total'),
        }),
        lines('Time of a check', 'As the client waits.', 's', {
          half: ofRequests(0.5, checkSeconds),
          '1 of 100': ofRequests(0.99, checkSeconds),
        }),
        lines('Jobs of workers', 'By call and return code; dropped: nobody waited any more.', 'reqps', {
          '{{call}} {{code}}': ofWorkers('call, code', 'wafer_jobs_total'),
        }),
      ],
    },
  ],
  [choice('app', 'App', 'wafer_app_logins_total')],
);

export const stores = dashboard('wafer-stores', 'wafer-session: stores and queue', [
  {
    title: 'Cache',
    panels: [
      lines(
        'Where sessions are found',
        'remembered by the process, cached in Redis, confirmed from MySQL. Above half from MySQL WaferCacheMissed fires.',
        'reqps',
        { '{{result}}': ofWeb('result', 'wafer_session_lookups_total') },
        { isStacked: true },
      ),
      lines('Reads of sessions from MySQL', 'Statements, and ids asked for in them.', 'ops', {
        statements: `sum(${rate('wafer_session_reads_total')})`,
        ids: `sum(${rate('wafer_session_read_ids_total')})`,
      }),
      lines(
        'Visits on their way',
        'Not in Redis yet; above 100,000 WaferVisitsPending fires.',
        'short',
        { '{{instance}}': 'sum by (instance) (wafer_visits_pending)' },
        { red: 100_000 },
      ),
    ],
  },
  {
    title: 'Queue',
    panels: [
      oldestJob,
      lines('Jobs', 'Each carries up to 32 calls.', 'short', {
        '{{queue}} {{state}}': 'max by (queue, state) (wafer_queue_jobs)',
      }),
      lines('Calls that wait', 'Beside the most that may, of all front ends.', 'short', {
        waiting: 'sum(wafer_calls_waiting)',
        'most: {{queue}}': 'sum by (queue) (wafer_calls_limit)',
      }),
      lines('Jobs taken from dead workers', 'Workers that are dead, or stand still for seconds.', 'ops', {
        '{{queue}}': ofWorkers('queue', 'wafer_jobs_stalled_total'),
      }),
    ],
  },
  {
    title: 'MySQL',
    panels: [
      lines('Connections', 'Of all processes of a role, beside the most that there may be (DATABASE_POOL).', 'short', {
        '{{role}} {{state}}': ofBoth('role, state', 'wafer_database_connections'),
        '{{role}} most': ofBoth('role', 'wafer_database_connections_limit'),
      }),
      lines('Statements that wait for a connection', '0, unless MySQL is slow or DATABASE_POOL small.', 'short', {
        '{{role}}': ofBoth('role', 'wafer_database_waiting'),
      }),
      lines('Time of the write of a session', 'All but five of a hundred.', 's', {
        mysql: `histogram_quantile(0.95, sum by (le) (${once(rate('wafer_login_stage_seconds_bucket{stage="mysql"}'))}))`,
      }),
      lines('Visits written', 'By workers.', 'ops', { visits: `sum(${once(rate('wafer_visits_written_total'))})` }),
    ],
  },
  {
    title: 'What goes on behind',
    panels: [
      lines('Rows that leave', 'By the retention.', 'ops', {
        '{{rows}}': ofWorkers('rows', 'wafer_retention_removed_total'),
      }),
      lines(
        'Last run of the retention',
        'How long ago; above two days WaferRetentionLate fires. Nothing, if there is no retention.',
        's',
        { age: 'max(wafer_retention_last_run_age_seconds)' },
        { red: 172_800 },
      ),
      lines('Events', 'By endpoint and what became of them.', 'ops', {
        '{{endpoint}} {{result}}': ofWorkers('endpoint, result', 'wafer_events_total'),
      }),
      lines('Oldest event', 'That an endpoint has still to get.', 's', {
        '{{endpoint}}': 'max by (endpoint) (wafer_events_oldest_seconds)',
      }),
    ],
  },
]);
