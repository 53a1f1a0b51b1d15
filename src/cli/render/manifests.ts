/** Manifest files as objects that the proxy reads, checked as an API server would check them. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { LineCounter, parseAllDocuments } from 'yaml';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { checkStructure, structureError } from '../../api/decode.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { isMapping, type Mapping } from '../../api/value.ts';
import { UserError } from '../errors.ts';

/** What of the manifests makes rules. */
export interface Manifests {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly nodes: readonly Node[];
  /** How many objects of other kinds there were: they make no rules. */
  readonly others: number;
}

/** `-` is standard input. Throws {@link UserError} with the file, the object and the field that is wrong. */
export async function readManifests(files: readonly string[]): Promise<Manifests> {
  const found = { services: [] as Service[], slices: [] as EndpointSlice[], nodes: [] as Node[], others: 0 };
  for (const file of files) {
    for (const object of parse(file, await read(file)).flatMap(membersOf)) {
      const { kind, apiVersion } = object;
      if (kind === 'Service' && apiVersion === 'v1') found.services.push(checked(file, Service, object));
      else if (kind === 'EndpointSlice') found.slices.push(checked(file, EndpointSlice, object));
      else if (kind === 'Node') found.nodes.push(checked(file, Node, object));
      else found.others++;
    }
  }
  return found;
}

async function read(file: string): Promise<string> {
  try {
    return file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new UserError(
      `${file} cannot be read: ${(cause as Error).message}`,
      'Give files that exist, or - for standard input.',
      {
        cause,
      },
    );
  }
}

/** The documents of a YAML or JSON text. */
function parse(file: string, text: string): Mapping[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, uniqueKeys: true });
  return [...documents].flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new UserError(`${file} is not YAML: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) return [];
    if (isMapping(value) && typeof value['kind'] === 'string') return [value];
    const { line } = lineCounter.linePos(document.range[0]);
    throw new UserError(
      `${file}, line ${line}: not a Kubernetes object`,
      'Each document needs apiVersion, kind and metadata.',
    );
  });
}

/** A list's members, such as `kubectl get services -o yaml` prints. */
function membersOf(object: Mapping): Mapping[] {
  const { kind, items } = object;
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items.filter(isMapping) : [object];
}

function checked<T extends KubeObject>(file: string, kind: Kind<T>, value: Mapping): T {
  const { object, causes } = checkStructure(kind as never, value);
  const { metadata } = value;
  const name = isMapping(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
  const error = structureError(kind as never, name, causes);
  if (error !== undefined) {
    const what = causes.map(({ field, message }) => `${field}: ${message}`).join('; ');
    throw new UserError(`${file}, ${kind.kind} "${name}": ${what}`, `kubectl explain ${kind.plural} tells the fields.`);
  }
  // Its structure is the kind's now.
  const whole = kind.defaults(object as T);
  const { namespace } = whole.metadata;
  return kind.namespaced && namespace === undefined
    ? { ...whole, metadata: { ...whole.metadata, namespace: 'default' } }
    : whole;
}
