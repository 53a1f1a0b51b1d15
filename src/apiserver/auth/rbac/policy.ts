/**
 * Who may do what, as roles and bindings say: kept so that a request costs what its own user's bindings cost, however many
 * others have. Data in memory; what fills it is `rbac.ts`.
 */
import type { PolicyRule } from '../../../api/rbac/v1/rules.ts';
import type { RoleRef, Subject } from '../../../api/rbac/v1/subjects.ts';
import { serviceAccountUser, type User } from '../user.ts';
import { type CompiledRule, compileRule } from './rules.ts';

/** What counts of a Role, or, without a namespace, of a ClusterRole. */
export interface RoleEntry {
  readonly kind: 'role';
  readonly namespace: string | undefined;
  readonly name: string;
  readonly rules: readonly PolicyRule[];
}

/** What counts of a RoleBinding, or, without a namespace, of a ClusterRoleBinding. */
export interface BindingEntry {
  readonly kind: 'binding';
  readonly namespace: string | undefined;
  readonly name: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
}

export type PolicyEntry = RoleEntry | BindingEntry;

/** One reason why somebody may do something: a binding, and whom of its subjects they are. */
export interface Grant {
  readonly binding: BindingEntry;
  readonly subject: Subject;
}

/** A role with its rules compiled when first asked: most never are. */
class Role {
  readonly entry: RoleEntry;
  #compiled: readonly CompiledRule[] | undefined;

  constructor(entry: RoleEntry) {
    this.entry = entry;
  }

  get compiled(): readonly CompiledRule[] {
    this.#compiled ??= this.entry.rules.map(compileRule);
    return this.#compiled;
  }
}

export class Policy {
  /** By the key of the object in the store. */
  readonly #entries = new Map<string, PolicyEntry>();
  /** By {@link roleKey}. */
  readonly #roles = new Map<string, Role>();
  /** By namespace, '' for the cluster's; then by subject; the grants of each by the binding's key. */
  readonly #grants = new Map<string, Map<string, Map<string, Grant>>>();

  /** `key` is the object's in the store; undefined: there is none any more. */
  set(key: string, entry: PolicyEntry | undefined): void {
    const old = this.#entries.get(key);
    if (old !== undefined) this.#forget(key, old);
    if (entry === undefined) return;
    this.#entries.set(key, entry);
    if (entry.kind === 'role') this.#roles.set(roleKey(entry.namespace, entry.name), new Role(entry));
    else for (const subject of entry.subjects) this.#grant(key, { binding: entry, subject });
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Why somebody may do something: the cluster's bindings, then those of the namespace. */
  *grantsOf({ name, groups }: User, namespace: string | undefined): Generator<Grant, void, undefined> {
    for (const where of namespace === undefined ? [''] : ['', namespace]) {
      const subjects = this.#grants.get(where);
      if (subjects === undefined) continue;
      yield* subjects.get(userKey(name))?.values() ?? [];
      for (const group of groups) yield* subjects.get(groupKey(group))?.values() ?? [];
    }
  }

  /** The rules that a binding gives; undefined when its role is not there. */
  rulesOf(binding: Pick<BindingEntry, 'namespace' | 'roleRef'>): readonly PolicyRule[] | undefined {
    return this.#roleOf(binding)?.entry.rules;
  }

  /** As {@link rulesOf}, ready to be asked. */
  compiledRulesOf(binding: BindingEntry): readonly CompiledRule[] | undefined {
    return this.#roleOf(binding)?.compiled;
  }

  #roleOf({ namespace, roleRef: { kind, name } }: Pick<BindingEntry, 'namespace' | 'roleRef'>): Role | undefined {
    return this.#roles.get(roleKey(kind === 'Role' ? namespace : undefined, name));
  }

  #grant(key: string, grant: Grant): void {
    const who = subjectKey(grant);
    if (who === undefined) return;
    const where = grant.binding.namespace ?? '';
    const subjects = getOrMake(this.#grants, where, () => new Map<string, Map<string, Grant>>());
    getOrMake(subjects, who, () => new Map<string, Grant>()).set(key, grant);
  }

  #forget(key: string, entry: PolicyEntry): void {
    this.#entries.delete(key);
    if (entry.kind === 'role') {
      this.#roles.delete(roleKey(entry.namespace, entry.name));
      return;
    }
    const where = entry.namespace ?? '';
    const subjects = this.#grants.get(where);
    for (const subject of entry.subjects) {
      const who = subjectKey({ binding: entry, subject });
      const grants = who === undefined ? undefined : subjects?.get(who);
      if (who === undefined || grants === undefined) continue;
      grants.delete(key);
      if (grants.size === 0) subjects?.delete(who);
    }
    if (subjects?.size === 0) this.#grants.delete(where);
  }
}

function getOrMake<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

/** Neither a namespace nor the name of an object has a slash in it. */
function roleKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

const userKey = (name: string) => `user:${name}`;
const groupKey = (name: string) => `group:${name}`;

/** Undefined for what is nobody: another kind, or a service account of no namespace. */
function subjectKey({ binding, subject: { kind, name, namespace } }: Grant): string | undefined {
  switch (kind) {
    case 'User':
      return userKey(name);
    case 'Group':
      return groupKey(name);
    case 'ServiceAccount': {
      const where = namespace || binding.namespace;
      return where === undefined ? undefined : userKey(serviceAccountUser(where, name));
    }
    default:
      return undefined;
  }
}
