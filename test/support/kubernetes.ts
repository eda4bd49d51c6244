import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { rootDir } from './built.ts';

export const kubernetesDir = join(rootDir, 'deploy', 'kubernetes');

type Labels = Readonly<Record<string, string>>;

/** What the tests look at; that it is all as Kubernetes wants it, the schemas say. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: ManifestSpec;
}

interface ManifestSpec {
  readonly template?: PodTemplate;
  /** Of a Service its labels stand here alone. */
  readonly selector?: Labels & { readonly matchLabels?: Labels };
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly policyTypes?: readonly string[];
  readonly ports?: readonly { readonly targetPort: string; readonly name: string }[];
  readonly endpoints?: readonly { readonly port: string; readonly path: string }[];
  readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
  readonly metrics?: readonly {
    readonly external?: { readonly metric: { readonly name: string; readonly selector: { matchLabels: Labels } } };
  }[];
  readonly replicas?: number;
}

interface PodTemplate {
  readonly metadata: { readonly labels: Labels };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly automountServiceAccountToken?: boolean;
    readonly enableServiceLinks?: boolean;
    readonly terminationGracePeriodSeconds?: number;
  };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly resources: { readonly limits: Labels; readonly requests: Labels };
  readonly securityContext: Readonly<Record<string, unknown>>;
}

/** Files of the base, and those that only show what somebody has to make. */
export const manifestFiles = readdirSync(kubernetesDir).filter((name) => name !== 'kustomization.yaml');
export const baseFiles = manifestFiles.filter((name) => !name.endsWith('.example.yaml'));

export const readDocuments = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest);

export const readManifests = (files: readonly string[]): Manifest[] =>
  files.flatMap((name) => readDocuments(readFileSync(join(kubernetesDir, name), 'utf8')));

/** Deployments and the Job. */
export const workloadsOf = (manifests: readonly Manifest[]) =>
  manifests.flatMap(({ metadata, spec }) =>
    spec?.template === undefined ? [] : [{ name: metadata.name, template: spec.template }],
  );

export const containersOf = (manifests: readonly Manifest[]): Container[] =>
  workloadsOf(manifests).flatMap(({ template }) => [...template.spec.containers]);
