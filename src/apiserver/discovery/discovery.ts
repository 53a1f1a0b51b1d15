/**
 * What is served, told to clients: `/api`, `/apis` and the resource lists, in the plain and in the aggregated form.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
 */
import { Scale } from '../../api/autoscaling/v1/scale.ts';
import type { AnyKind } from '../../api/kinds.ts';
import { subresourcesOf } from '../http/route.ts';

/** A resource of an action group: it can be called, and holds nothing. */
export interface ActionResource {
  readonly group: string;
  readonly version: string;
  /** `virtualmachines/restart`. */
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** Of what is only sent and answered. */
const CALLED_VERBS = ['create'];
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** `/api`: the versions of the core group. */
export function coreVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** `/apis`: all other groups. */
export function groupList(kinds: readonly AnyKind[], actions: readonly ActionResource[]): object {
  const groups = groupsOf(kinds, actions).filter(({ group }) => group !== '');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map(({ group, versions }) => apiGroup(group, versions)),
  };
}

/** `/apis/GROUP`; undefined when there is no such group. */
export function groupOf(
  kinds: readonly AnyKind[],
  actions: readonly ActionResource[],
  name: string,
): object | undefined {
  const found = groupsOf(kinds, actions).find(({ group }) => group === name);
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(name, found.versions) };
}

function apiGroup(name: string, names: readonly string[]): object {
  const versions = names.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; undefined when nothing is served there. */
export function resourceList(
  kinds: readonly AnyKind[],
  actions: readonly ActionResource[],
  { group, version }: GroupVersion,
): object | undefined {
  const own = kinds.filter((kind) => kind.group === group && kind.version === version);
  const called = actions.filter((action) => action.group === group && action.version === version);
  if (own.length + called.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: [
      ...own.flatMap(resourcesOf),
      ...called.map(({ name, kind, verbs }) => ({ name, singularName: '', namespaced: true, kind, verbs })),
    ],
  };
}

function resourcesOf(kind: AnyKind): readonly object[] {
  const { plural, singular, namespaced, shortNames, categories } = kind;
  const whole = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: kind.called ? CALLED_VERBS : VERBS,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  const parts = subresourcesOf(kind).map((name) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...(name === 'scale' ? identityOf(Scale) : { kind: kind.kind }),
    verbs: subresourceVerbs(name),
  }));
  const calls = Object.entries(kind.calls).map(([name, call]) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...identityOf(call.kind),
    verbs: call.verbs,
  }));
  const streams = kind.streams.map(({ name, kind: options, verbs }) => ({
    ...{ name: `${plural}/${name}`, singularName: '', namespaced, kind: options, verbs },
  }));
  return [whole, ...parts, ...calls, ...streams];
}

function identityOf({ group, version, kind }: AnyKind): object {
  return { group, version, kind };
}

function subresourceVerbs(name: string): readonly string[] {
  return name === 'finalize' ? ['update'] : ['get', 'patch', 'update'];
}

/** Everything in one document, as apidiscovery.k8s.io/v2: the core group alone at `/api`, the others at `/apis`. */
export function aggregated(
  kinds: readonly AnyKind[],
  actions: readonly ActionResource[],
  root: 'api' | 'apis',
): object {
  const groups = groupsOf(kinds, actions).filter(({ group }) => (group === '') === (root === 'api'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: 'Current',
        resources: discoveredIn(kinds, actions, { group, version }),
      })),
    })),
  };
}

function discoveredIn(
  kinds: readonly AnyKind[],
  actions: readonly ActionResource[],
  { group, version }: GroupVersion,
): readonly object[] {
  const own = kinds.filter((kind) => kind.group === group && kind.version === version).map(discovered);
  const called = actions.filter((action) => action.group === group && action.version === version);
  return [...own, ...discoveredActions(called)];
}

function discovered(kind: AnyKind): object {
  const responseKind = identityOf(kind);
  return {
    resource: kind.plural,
    responseKind,
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.called ? CALLED_VERBS : VERBS,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    subresources: [
      ...subresourcesOf(kind).map((name) => ({
        subresource: name,
        responseKind: name === 'scale' ? identityOf(Scale) : responseKind,
        verbs: subresourceVerbs(name),
      })),
      ...Object.entries(kind.calls).map(([name, call]) => ({
        subresource: name,
        responseKind: identityOf(call.kind),
        verbs: call.verbs,
      })),
      ...kind.streams.map(({ name, kind: options, verbs }) => ({
        subresource: name,
        responseKind: { ...responseKind, kind: options },
        verbs,
      })),
    ],
  };
}

function discoveredActions(actions: readonly ActionResource[]): readonly object[] {
  const parents = [...new Set(actions.map(({ name }) => name.split('/')[0] ?? ''))];
  return parents.map((parent) => ({
    resource: parent,
    // As Kubernetes does for a resource that has subresources and is none itself.
    responseKind: { group: '', version: '', kind: '' },
    scope: 'Namespaced',
    singularResource: '',
    verbs: [],
    subresources: actions
      .filter(({ name }) => name.startsWith(`${parent}/`))
      .map(({ name, group, version, kind, verbs }) => ({
        subresource: name.slice(parent.length + 1),
        responseKind: { group, version, kind },
        verbs,
      })),
  }));
}

function groupsOf(
  kinds: readonly AnyKind[],
  actions: readonly ActionResource[],
): readonly { readonly group: string; readonly versions: readonly string[] }[] {
  const found = new Map<string, Set<string>>();
  for (const { group, version } of [...kinds, ...actions]) {
    const versions = found.get(group) ?? new Set();
    found.set(group, versions.add(version));
  }
  return [...found].map(([group, versions]) => ({ group, versions: [...versions] }));
}
