import type { Manifest } from './kubernetes.ts';

interface Model {
  validate(): void;
}
type ModelOf = new (manifest: Manifest) => Model;

/** By apiVersion. */
const groups: Readonly<Record<string, () => Promise<object>>> = {
  v1: () => import('kubernetes-models/v1'),
  'apps/v1': () => import('kubernetes-models/apps/v1'),
  'autoscaling/v2': () => import('kubernetes-models/autoscaling/v2'),
  'batch/v1': () => import('kubernetes-models/batch/v1'),
  'networking.k8s.io/v1': () => import('kubernetes-models/networking.k8s.io/v1'),
  'policy/v1': () => import('kubernetes-models/policy/v1'),
  'monitoring.coreos.com/v1': () => import('@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'),
};

/**
 * What Kubernetes' schemas say against a manifest, offline. Also fields that they do not know: Kubernetes drops those and does as if they had not been
 * there, and a validator passes over them, so they are what it never looked at.
 */
export async function findManifestFaults(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest;
  const known = (await groups[apiVersion]?.()) as Readonly<Record<string, ModelOf>> | undefined;
  const Kind = known?.[kind];
  if (Kind === undefined) return [`there is no kind ${kind} of ${apiVersion}`];
  const unseen = new Set<string>();
  const model = watch(new Kind(manifest), '', unseen);
  try {
    model.validate();
  } catch (error) {
    return [(error as Error).message];
  }
  return [...unseen].map((path) => `${path} is no field of ${kind}`);
}

/** Notes each field as not seen until somebody reads it. */
function watch<Value extends object>(value: Value, path: string, unseen: Set<string>): Value {
  const inside = new Map<string, unknown>();
  for (const [name, each] of Object.entries(value)) {
    const place = `${path}/${name}`;
    unseen.add(place);
    inside.set(name, typeof each === 'object' && each !== null ? watch(each as object, place, unseen) : each);
  }
  return new Proxy(value, {
    get(target, name, receiver): unknown {
      if (typeof name !== 'string' || !inside.has(name)) return Reflect.get(target, name, receiver);
      unseen.delete(`${path}/${name}`);
      return inside.get(name);
    },
  });
}
