/** The definitions of kinds for clusters that lack them. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { crdFiles } from '../../scripts/write-crds.ts';

// biome-ignore lint/suspicious/noExplicitAny: a JSON schema, walked.
type Node = any;

/** Each node of a schema, with where it is. */
function* nodes(node: Node, path: string): Iterable<readonly [path: string, node: Node]> {
  yield [path, node];
  for (const [name, field] of Object.entries(node.properties ?? {})) yield* nodes(field, `${path}.${name}`);
  if (node.items) yield* nodes(node.items, `${path}[]`);
  if (node.additionalProperties) yield* nodes(node.additionalProperties, `${path}{}`);
}

/** What Kubernetes refuses in a structural schema, as far as ours could have it. */
function mistakeIn(node: Node, isRoot: boolean): string | undefined {
  const open = node['x-kubernetes-int-or-string'] || node['x-kubernetes-preserve-unknown-fields'];
  if (node.type === undefined && (!open || isRoot)) return 'no type';
  if (node.properties && node.additionalProperties) return 'both properties and additionalProperties';
  if (node.type === 'array' && node.items === undefined) return 'no items';
  const unknown = Object.keys(node).find((key) => key.startsWith('x-kubernetes-patch'));
  if (unknown !== undefined) return unknown;
  const keys: readonly string[] = node['x-kubernetes-list-map-keys'] ?? [];
  const { properties = {}, required = [] } = node.items ?? {};
  const loose = keys.find((key) => !required.includes(key) && properties[key]?.default === undefined);
  return loose === undefined ? undefined : `the key ${loose} is neither required nor has a default`;
}

for (const [name, text] of crdFiles()) {
  test(`deploy/crds/${name} is as the schemas are: else run scripts/write-crds.ts`, async () => {
    assert.equal(await readFile(new URL(`../../deploy/crds/${name}`, import.meta.url), 'utf8'), text);
  });

  test(`deploy/crds/${name} has structural schemas`, () => {
    for (const document of parseAllDocuments(text)) {
      const { spec, metadata } = document.toJS();
      assert.equal(metadata.name, `${spec.names.plural}.${spec.group}`);
      const root = spec.versions[0].schema.openAPIV3Schema;
      const wrong = [...nodes(root, '')].flatMap(([path, node]) => {
        const mistake = mistakeIn(node, node === root);
        return mistake === undefined ? [] : [`${metadata.name}${path}: ${mistake}`];
      });
      assert.deepEqual(wrong, []);
    }
  });
}
