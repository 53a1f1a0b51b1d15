/**
 * Whose a rule is, as its description says: the one place that lasts as long as the rule, and that an administrator sees. A rule
 * without such a description is somebody else's, whatever it lets pass.
 */
import { createHash } from 'node:crypto';

/** Who asked for a rule: a Service with a load balancer, or one for its bare node ports. */
export type Owner = string;

/**
 * `names` while they fit, which is what people read; then `hashes`; a rule with more owners than fit as those is kept until the last
 * rule of ours in its list goes.
 */
export type Mark =
  | { readonly kind: 'names'; readonly owners: readonly Owner[] }
  | { readonly kind: 'hashes'; readonly hashes: readonly string[] }
  | { readonly kind: 'many' };

/** Those whose rules are to be just what a claim says. */
export type Scope =
  | { readonly kind: 'service'; readonly owner: Owner }
  | { readonly kind: 'node-ports'; readonly cluster: string };

const PREFIX = 'Postern: ';
const HASHED = '~';
const MANY = 'many';
const HASH_LENGTH = 5;
/** Of a description. https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/datatypes/IngressSecurityRule */
const LONGEST = 255;
const NODE_PORTS = ':node-ports';

/** A cluster's name as it can stand in a description: owners of other clusters may share its rules. */
export function clusterName(name: string): string {
  return name.replace(/[^\w.-]/g, '-').slice(0, 63);
}

export function serviceOwner(cluster: string, { namespace, name }: { namespace: string; name: string }): Owner {
  return `${cluster}/${namespace}/${name}`;
}

/** @param key `namespace/name` of the Service. */
export function nodePortOwner(cluster: string, key: string): Owner {
  return `${cluster}/${key}${NODE_PORTS}`;
}

/** Undefined: the rule is not ours. */
export function parseMark(description: string | null | undefined): Mark | undefined {
  if (!description?.startsWith(PREFIX)) return undefined;
  const rest = description.slice(PREFIX.length);
  if (rest === MANY) return { kind: 'many' };
  if (!rest.startsWith(HASHED)) return { kind: 'names', owners: rest.split(', ') };
  const hashes = rest.slice(HASHED.length).match(new RegExp(`.{${HASH_LENGTH}}`, 'g')) ?? [];
  return { kind: 'hashes', hashes };
}

export function printMark(mark: Mark): string {
  if (mark.kind === 'many') return PREFIX + MANY;
  return PREFIX + (mark.kind === 'names' ? mark.owners.join(', ') : HASHED + mark.hashes.join(''));
}

/** The mark of a new rule. */
export function markOf(owners: readonly Owner[]): Mark {
  const names: Mark = { kind: 'names', owners };
  return fits(names) ? names : hashed(owners.map(hashOf));
}

/** The mark once those in the scopes are just the wanted ones; undefined when nobody is left. */
export function revised(mark: Mark, scopes: readonly Scope[], wanted: readonly Owner[]): Mark | undefined {
  if (mark.kind === 'many') return mark;
  if (mark.kind === 'names') {
    const kept = mark.owners.filter((owner) => wanted.includes(owner) || !scopes.some((scope) => covers(scope, owner)));
    const owners = [...new Set([...kept, ...wanted])];
    return owners.length === 0 ? undefined : markOf(owners);
  }
  const gone = new Set(scopes.flatMap((scope) => (scope.kind === 'service' ? [hashOf(scope.owner)] : [])));
  const here = wanted.map(hashOf);
  const hashes = new Set([...mark.hashes.filter((hash) => here.includes(hash) || !gone.has(hash)), ...here]);
  return hashes.size === 0 ? undefined : hashed([...hashes]);
}

/** Whether one in the scope may be among the owners, as far as the mark tells. */
export function mayBelong(mark: Mark, scope: Scope): boolean {
  if (mark.kind === 'many') return true;
  if (mark.kind === 'names') return mark.owners.some((owner) => covers(scope, owner));
  return scope.kind === 'service' && mark.hashes.includes(hashOf(scope.owner));
}

/** The same for claims of which the later replaces the earlier. */
export function scopeKey(scope: Scope): string {
  return scope.kind === 'service' ? scope.owner : `${scope.cluster}${NODE_PORTS}`;
}

function covers(scope: Scope, owner: Owner): boolean {
  return scope.kind === 'service'
    ? owner === scope.owner
    : owner.startsWith(`${scope.cluster}/`) && owner.endsWith(NODE_PORTS);
}

function hashed(hashes: readonly string[]): Mark {
  const mark: Mark = { kind: 'hashes', hashes };
  return fits(mark) ? mark : { kind: 'many' };
}

const fits = (mark: Mark): boolean => printMark(mark).length <= LONGEST;

/** 30 bits: of the 49 owners that a description can hold, no two are likely to have one hash. */
function hashOf(owner: Owner): string {
  return createHash('sha256').update(owner).digest('base64url').slice(0, HASH_LENGTH);
}
