/** What of an answer has to be the same everywhere: field by field its type, of errcodes the value, the HTTP status. Never a value that may be secret. */
export type Shape = ReadonlyMap<string, string>;

export interface Difference {
  /** Path of the field, such as `phone_info.watermark.appid`. */
  readonly field: string;
  readonly atWechat: string;
  readonly inSimulator: string;
}

const absent = 'absent';

/** @param body as text; WeChat calls its JSON text/plain */
export function shapeOf(status: number, body: string): Shape {
  const shape = new Map([['HTTP status', String(status)]]);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return shape.set('body', 'no JSON');
  }
  describe(value, '', shape);
  return shape;
}

function describe(value: unknown, path: string, shape: Map<string, string>): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    shape.set(path === '' ? 'body' : path, 'object');
    for (const [name, field] of Object.entries(value)) describe(field, path === '' ? name : `${path}.${name}`, shape);
    return;
  }
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const isErrcode = path === 'errcode' && (type === 'number' || /^-?\d{1,6}$/.test(String(value)));
  shape.set(path === '' ? 'body' : path, isErrcode ? `${type} ${String(value)}` : type);
}

/** In the order of WeChat's fields, then what only the simulator has. */
export function compareShapes(wechat: Shape, simulator: Shape): Difference[] {
  return [...new Set([...wechat.keys(), ...simulator.keys()])]
    .map((field) => ({
      field,
      atWechat: wechat.get(field) ?? absent,
      inSimulator: simulator.get(field) ?? absent,
    }))
    .filter(({ atWechat, inSimulator }) => atWechat !== inSimulator);
}
