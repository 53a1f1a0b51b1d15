/** The manifests of `deploy/`, as kubectl makes them. */
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { PROGRAM_DIR } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: manifests of every kind, whose parts a test takes as it knows them.
  readonly [field: string]: any;
}

/** Every base that there is. */
export const BASES = ['proxy', 'l2', 'dns', 'dns-service', 'vm'] as const;
export type Base = (typeof BASES)[number];

/** What kubectl made of each base, which it takes a third of a second for: tests ask again and again. */
const made = new Map<Base, Promise<readonly Manifest[]>>();

/** All objects of a base, after `kubectl kustomize`. */
export function kustomized(base: Base): Promise<readonly Manifest[]> {
  const objects = made.get(base) ?? kustomize(base);
  made.set(base, objects);
  return objects;
}

async function kustomize(base: Base): Promise<readonly Manifest[]> {
  const { stdout } = await runCommand(['kubectl', 'kustomize', join(PROGRAM_DIR, 'deploy', base)]);
  return parseAllDocuments(stdout).map((document) => document.toJS());
}

export const printed = (manifests: readonly Manifest[]) => manifests.map((one) => stringify(one)).join('---\n');
