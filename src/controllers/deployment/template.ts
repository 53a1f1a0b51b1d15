/** Telling templates of pods apart. Pure. */

import type { PodTemplateSpec } from '../../api/core/v1/pod-spec.ts';
import { defaultPodTemplate } from '../../api/core/v1/pod-template.ts';
import { isMapping } from '../../api/value.ts';
import { equal } from '../equal.ts';
import { lettersOf } from '../generated-name.ts';

/** The label by which a replica set of a deployment selects its own pods. */
export const HASH_LABEL = 'pod-template-hash';

/** https://datatracker.ietf.org/doc/html/draft-eastlake-fnv, 32 bits. */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Whether pods of two templates are the same, but for the label that tells whose they are. What is left out is its default:
 * a template may have been stored before there was a default for a field.
 */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return equal(comparable(a), comparable(b));
}

function comparable(template: PodTemplateSpec): PodTemplateSpec {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return defaultPodTemplate({ ...template, metadata: { ...template.metadata, labels } });
}

/** The template with the label that tells whose its pods are. */
export function withHash(template: PodTemplateSpec, hash: string): PodTemplateSpec {
  const { metadata = {} } = template;
  return { ...template, metadata: { ...metadata, labels: { ...metadata.labels, [HASH_LABEL]: hash } } };
}

/** A text of letters that differs for templates that differ, and can stand in a name; `collisions` makes it another. */
export function templateHash(template: PodTemplateSpec, collisions: number): string {
  const text = JSON.stringify(comparable(template), sortKeys) + (collisions > 0 ? ` ${collisions}` : '');
  let hash = FNV_BASIS;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return lettersOf(String(hash));
}

function sortKeys(_key: string, value: unknown): unknown {
  return isMapping(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}
