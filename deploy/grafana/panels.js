// What dashboards are made of, as Grafana's classic JSON model has it.

const datasource = { type: 'prometheus', uid: '${datasource}' };

/**
 * @typedef {object} Query
 * @property {string} expr
 * @property {string} name of the lines; `{{label}}` stands for a label
 */

/**
 * @param {string} title
 * @param {string} description says what it means, and what is normal
 * @param {string} unit of Grafana, such as `s`, `percentunit`, `reqps`
 * @param {Record<string, string>} queries the names of lines, with their expressions
 * @param {{ max?: number, red?: number, isStacked?: boolean }} [options] `red`: from there on somebody is paged
 */
export function lines(title, description, unit, queries, { max, red, isStacked = false } = {}) {
  return {
    ...common('timeseries', title, description, queries),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max === undefined ? {} : { max }),
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: isStacked ? 30 : 0,
          showPoints: 'never',
          stacking: { mode: isStacked ? 'normal' : 'none', group: 'A' },
          thresholdsStyle: { mode: red === undefined ? 'off' : 'line' },
        },
        ...limits(red),
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** One figure for each line, the last one. The parameters are those of `lines`. */
export function figures(title, description, unit, queries, { red } = {}) {
  return {
    ...common('stat', title, description, queries),
    fieldConfig: { defaults: { unit, color: { mode: 'thresholds' }, ...limits(red) }, overrides: [] },
    options: {
      reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' },
      colorMode: red === undefined ? 'none' : 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'value_and_name',
    },
  };
}

/** When each line was above 0. */
export function times(title, description, queries) {
  return {
    ...common('state-timeline', title, description, queries),
    fieldConfig: { defaults: { unit: 'short', color: { mode: 'thresholds' }, ...limits(1) }, overrides: [] },
    options: {
      showValue: 'never',
      mergeValues: true,
      alignValue: 'left',
      rowHeight: 0.8,
      legend: { showLegend: false },
    },
  };
}

function limits(red) {
  const steps = [{ color: 'green', value: null }, ...(red === undefined ? [] : [{ color: 'red', value: red }])];
  return { thresholds: { mode: 'absolute', steps } };
}

function common(type, title, description, queries) {
  const targets = Object.entries(queries).map(([legendFormat, expr], index) => {
    return { refId: String.fromCodePoint(65 + index), datasource, expr, legendFormat, range: true };
  });
  return { type, title, description, datasource, targets };
}

const columns = 24;
const panelHeight = 8;

/**
 * @param {string} uid by which links find it
 * @param {string} title
 * @param {readonly { title: string, panels: readonly object[] }[]} rows panels of a row are equally wide
 * @param {readonly object[]} [variables] beside the one of the data source
 */
export function dashboard(uid, title, rows, variables = []) {
  let id = 0;
  let y = 0;
  const panels = rows.flatMap(({ title: rowTitle, panels: ofRow }) => {
    const w = columns / ofRow.length;
    const row = {
      id: ++id,
      type: 'row',
      title: rowTitle,
      collapsed: false,
      panels: [],
      gridPos: { h: 1, w: columns, x: 0, y },
    };
    const placed = ofRow.map((panel, index) => {
      return { id: ++id, ...panel, gridPos: { h: panelHeight, w, x: index * w, y: y + 1 } };
    });
    y += 1 + panelHeight;
    return [row, ...placed];
  });
  return {
    uid,
    title,
    tags: ['wafer-session'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }, ...variables],
    },
    annotations: { list: [alerts] },
    links: [{ type: 'dashboards', title: 'Others', tags: ['wafer-session'], asDropdown: false, keepTime: true }],
    panels,
  };
}

/** Alerts that fire, as marks in every panel. */
const alerts = {
  name: 'Alerts',
  datasource,
  enable: true,
  iconColor: 'red',
  expr: 'ALERTS{alertstate="firing", alertname=~"Wafer.+"}',
  titleFormat: '{{alertname}}',
};

/** Lets the reader choose among the values of a label of a series. */
export function choice(name, label, series) {
  const query = `label_values(${series}, ${name})`;
  return {
    name,
    label,
    type: 'query',
    datasource,
    definition: query,
    query: { query, refId: name },
    refresh: 2,
    includeAll: true,
    allValue: '.*',
    multi: true,
    current: { text: 'All', value: '$__all' },
    sort: 1,
  };
}
