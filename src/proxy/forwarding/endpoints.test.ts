import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { usableEndpoints } from './endpoints.ts';

type Conditions = NonNullable<Endpoint['conditions']>;

const READY: Conditions = { ready: true, serving: true, terminating: false };
const ENDING: Conditions = { ready: false, serving: true, terminating: true };
const GONE: Conditions = { ready: false, serving: false, terminating: true };
const BROKEN: Conditions = { ready: false, serving: false, terminating: false };

const at = (ip: string, nodeName: string, conditions?: Conditions): Endpoint => ({
  addresses: [ip],
  nodeName,
  ...(conditions === undefined ? {} : { conditions }),
});

type Lists = Readonly<Record<'all' | 'local' | 'draining', readonly string[]>>;

const usable = (...endpoints: readonly Endpoint[]): Lists => usableOf(endpoints);

function usableOf(...slices: readonly (readonly Endpoint[])[]): Lists {
  const all = slices.map(
    (endpoints): EndpointSlice => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web', namespace: 'ns' },
      addressType: 'IPv4',
      endpoints,
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    }),
  );
  const found = usableEndpoints(all, { name: 'http', protocol: 'TCP' }, { family: 'IPv4', node: { name: 'here' } });
  const print = (list: typeof found.all) => list.map(({ ip, port }) => `${ip}:${port}`);
  return { all: print(found.all), local: print(found.local), draining: print(found.draining) };
}

const CASES: readonly [
  what: string,
  endpoints: readonly Endpoint[],
  all: readonly string[],
  local: readonly string[],
][] = [
  ['an endpoint that says nothing is ready', [at('10.0.0.1', 'here')], ['10.0.0.1:8080'], ['10.0.0.1:8080']],
  ['an endpoint that is not ready takes no connections', [at('10.0.0.1', 'here', BROKEN)], [], []],
  [
    'an endpoint that ends and still serves takes connections while none is ready',
    [at('10.0.0.1', 'here', ENDING), at('10.0.0.2', 'here', GONE)],
    ['10.0.0.1:8080'],
    ['10.0.0.1:8080'],
  ],
  [
    'an endpoint that ends takes none once another is ready, except on a node where nobody is',
    [at('10.0.0.1', 'here', ENDING), at('10.0.0.2', 'there', READY)],
    ['10.0.0.2:8080'],
    ['10.0.0.1:8080'],
  ],
  [
    'loopback and link-local addresses are no endpoints',
    [at('127.0.0.1', 'here', READY), at('169.254.1.1', 'here', READY)],
    [],
    [],
  ],
];
for (const [what, endpoints, all, local] of CASES) {
  test(what, () => {
    const found = usable(...endpoints);
    assert.deepEqual({ all: found.all, local: found.local }, { all, local });
  });
}

test('an endpoint that ends keeps what it serves, until it serves no more', () => {
  const { draining } = usable(at('10.0.0.1', 'here', ENDING), at('10.0.0.2', 'there', GONE), at('10.0.0.3', 'there'));
  assert.deepEqual(draining, ['10.0.0.1:8080']);
});

test('an endpoint that several slices have is one, and what tells most of it counts, whichever comes first', () => {
  const one = { all: ['10.0.0.1:8080'], local: ['10.0.0.1:8080'], draining: [] };
  const known = at('10.0.0.1', 'here');
  const unknown: Endpoint = { addresses: ['10.0.0.1'] };
  const ending = at('10.0.0.1', 'here', ENDING);
  for (const slices of [
    [known, unknown],
    [unknown, known],
    [known, ending],
    [ending, known],
  ]) {
    assert.deepEqual(usableOf(...slices.map((endpoint) => [endpoint])), one);
  }
});
