/** What a request is, as far as limits go. Pure. */
import type { User } from '../../auth/user.ts';
import { ANONYMOUS } from '../../auth/user.ts';
import type { Route } from '../route.ts';

/** Requests of one level share its seats. The names are those of the label `priority_level`. */
export type Level =
  /** Not limited: what keeps the cluster itself going. */
  | 'exempt'
  /** Signs of life of nodes. */
  | 'leases'
  /** One object, or little more. */
  | 'reads'
  /** Many objects: what costs most. */
  | 'lists'
  | 'writes';

/** Who asks. The names are those of the label `flow_schema`. */
export type Schema = 'exempt' | 'nodes' | 'service-accounts' | 'users' | 'anonymous';

export interface RequestClass {
  readonly level: Level;
  readonly schema: Schema;
  /** Names the client that it counts for: its user. */
  readonly flow: string;
  /** It goes on for long: it is counted, and has a seat only until it has begun. */
  readonly isLong: boolean;
}

const HEALTH = /^\/(healthz|livez|readyz)(\/|$)/;
/** Documents that are long. */
const LONG_DOCUMENT = /^\/(openapi|metrics)(\/|$)/;

export function classify(
  { route, path, query }: { readonly route: Route; readonly path: string; readonly query: URLSearchParams },
  user: User,
): RequestClass {
  const schema = schemaOf(user);
  const of = (level: Level, isLong = false): RequestClass => {
    return { level: schema === 'exempt' ? 'exempt' : level, schema, flow: user.name, isLong };
  };
  switch (route.kind) {
    case 'resource':
      if (route.verb === 'watch') return of(tellsAll(query) ? 'lists' : 'reads', true);
      return of(levelOf(route, schema));
    case 'stream':
    case 'tunnel':
      return of('reads', true);
    case 'action':
    case 'server-join':
      return of('writes');
    case 'bad-method':
      return of('reads');
    case 'other':
      if (HEALTH.test(path)) return { level: 'exempt', schema: 'exempt', flow: user.name, isLong: false };
      return of(LONG_DOCUMENT.test(path) ? 'lists' : 'reads');
  }
}

/** Whether a watch begins with what there is already, which is a list. Others go on from where they were. */
function tellsAll(query: URLSearchParams): boolean {
  const version = query.get('resourceVersion') ?? '';
  return version === '' || version === '0' || query.has('sendInitialEvents');
}

function levelOf({ verb, target }: Extract<Route, { kind: 'resource' }>, schema: Schema): Level {
  switch (verb) {
    case 'list':
    case 'deletecollection':
      return 'lists';
    case 'get':
    case 'watch':
      return 'reads';
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
      return schema === 'nodes' && target.kind.plural === 'leases' ? 'leases' : 'writes';
  }
}

function schemaOf(user: User): Schema {
  if (user.groups.includes('system:masters')) return 'exempt';
  if (user.groups.includes('system:nodes')) return 'nodes';
  if (user.groups.includes('system:serviceaccounts')) return 'service-accounts';
  return user.name === ANONYMOUS.name ? 'anonymous' : 'users';
}
