/**
 * The families of Services: every policy with every list of families, on every sort of cluster, and the ways from one to
 * another. What is expected is what a Kubernetes 1.34 API server answers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Json, type Reply, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';

/** Which families the cluster's Service ranges have, the primary first. */
const RANGES = {
  4: ['10.96.0.0/16'],
  6: ['fd00:10:96::/112'],
  46: ['10.96.0.0/16', 'fd00:10:96::/112'],
  64: ['fd00:10:96::/112', '10.96.0.0/16'],
} as const;
type Cluster = keyof typeof RANGES;
const CLUSTERS: readonly Cluster[] = [4, 6, 46, 64];

/**
 * A row: the policy and the families that are asked for, then what comes of it on clusters 4, 6, 46 and 64. S, P and R are
 * SingleStack, PreferDualStack and RequireDualStack; 64 is [IPv6, IPv4]. An exclamation mark is a refusal, with the
 * fields that are wrong: p for spec.ipFamilyPolicy, 0 and 1 for spec.ipFamilies[0] and [1].
 */
const WITH_ADDRESSES = `
  -   -     S4    S6    S4   S6
  -   4     S4    !0    S4   S4
  -   6     !0    S6    S6   S6
  -   46    !p    !p    !p   !p
  -   64    !p    !p    !p   !p
  S   -     S4    S6    S4   S6
  S   4     S4    !0    S4   S4
  S   6     !0    S6    S6   S6
  S   46    !p    !p    !p   !p
  S   64    !p    !p    !p   !p
  P   -     P4    P6    P46  P64
  P   4     P4    !0    P46  P46
  P   6     !0    P6    P64  P64
  P   46    !1    !0    P46  P46
  P   64    !0    !1    P64  P64
  R   -     !p    !p    R46  R64
  R   4     !p    !p0   R46  R46
  R   6     !p0   !p    R64  R64
  R   46    !p1   !p0   R46  R46
  R   64    !p0   !p1   R64  R64`;

const HEADLESS_WITHOUT_SELECTOR = `
  -   -     R46   R64   R46  R64
  -   4     R46   R46   R46  R46
  -   6     R64   R64   R64  R64
  -   46    R46   R46   R46  R46
  -   64    R64   R64   R64  R64
  S   -     S4    S6    S4   S6
  S   4     S4    S4    S4   S4
  S   6     S6    S6    S6   S6
  S   46    !p    !p    !p   !p
  S   64    !p    !p    !p   !p
  P   -     P46   P64   P46  P64
  P   4     P46   P46   P46  P46
  P   6     P64   P64   P64  P64
  P   46    P46   P46   P46  P46
  P   64    P64   P64   P64  P64
  R   -     R46   R64   R46  R64
  R   4     R46   R46   R46  R46
  R   6     R64   R64   R64  R64
  R   46    R46   R46   R46  R46
  R   64    R64   R64   R64  R64`;

const selector = { app: 'a' };
const SHAPES = [
  { what: 'a ClusterIP Service', spec: { selector }, table: WITH_ADDRESSES },
  { what: 'a NodePort Service', spec: { selector, type: 'NodePort' }, table: WITH_ADDRESSES },
  { what: 'a LoadBalancer Service', spec: { selector, type: 'LoadBalancer' }, table: WITH_ADDRESSES },
  { what: 'a headless Service with a selector', spec: { selector, clusterIP: 'None' }, table: WITH_ADDRESSES },
  { what: 'a headless Service without a selector', spec: { clusterIP: 'None' }, table: HEADLESS_WITHOUT_SELECTOR },
];

const POLICIES: Record<string, string> = { S: 'SingleStack', P: 'PreferDualStack', R: 'RequireDualStack' };
const families = (digits: string) => [...digits].map((digit) => `IPv${digit}`);

function asked(policy: string, digits: string): object {
  return {
    ...(policy === '-' ? {} : { ipFamilyPolicy: POLICIES[policy] }),
    ...(digits === '-' ? {} : { ipFamilies: families(digits) }),
  };
}

/** An answer in the words of the tables. */
function outcome({ code, body, text }: Reply): string {
  if (code < 300) {
    const { ipFamilyPolicy, ipFamilies, clusterIPs } = body.spec;
    const digits = ipFamilies.map((family: string) => family.slice(3)).join('');
    const given = clusterIPs.map((ip: string) => (ip.includes(':') ? '6' : '4')).join('');
    if (clusterIPs[0] !== 'None') assert.equal(given, digits, text);
    assert.equal(body.spec.clusterIP, clusterIPs[0]);
    return ipFamilyPolicy[0] + digits;
  }
  assert.deepEqual([code, body.reason], [422, 'Invalid'], text);
  return `!${body.details.causes.map((cause: Json) => letterOf(cause)).join('')}`;
}

function letterOf({ field, reason }: Json): string {
  assert.equal(reason, 'FieldValueInvalid');
  return field === 'spec.ipFamilyPolicy' ? 'p' : (/^spec\.ipFamilies\[(\d)\]$/.exec(field)?.[1] ?? field);
}

const servers = new Map<Cluster, TestServer>();
before(async () => {
  for (const cluster of CLUSTERS) servers.set(cluster, await startTestServer({ serviceCIDRs: RANGES[cluster] }));
});
after(() => Promise.all([...servers.values()].map((server) => server.close())));

function on(cluster: Cluster): TestServer {
  const server = servers.get(cluster);
  assert.ok(server);
  return server;
}

let count = 0;
async function create(cluster: Cluster, spec: object): Promise<Reply> {
  return on(cluster).call('POST', SERVICES, { body: service(`s${count++}`, spec) });
}
async function patch(cluster: Cluster, name: string, spec: object): Promise<Reply> {
  const type = 'application/merge-patch+json';
  return on(cluster).call('PATCH', `${SERVICES}/${name}`, { body: { spec }, type });
}
const claims = async (cluster: Cluster) => (await on(cluster).store.list('/registry/ipaddresses/')).entries.length;

for (const { what, spec, table } of SHAPES) {
  test(`the full matrix of policies, families and clusters for ${what}`, async () => {
    const rows = table
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    assert.equal(rows.length, 20);
    const found: string[] = [];
    for (const [policy = '', digits = ''] of rows) {
      const outcomes: string[] = [];
      for (const cluster of CLUSTERS) {
        const held = await claims(cluster);
        const reply = await create(cluster, { ...spec, ...asked(policy, digits) });
        outcomes.push(outcome(reply));
        const addresses =
          reply.code === 201 && reply.body.spec.clusterIP !== 'None' ? reply.body.spec.clusterIPs.length : 0;
        assert.equal((await claims(cluster)) - held, addresses, 'what is refused holds nothing');
      }
      found.push([policy, digits, ...outcomes].join(' '));
    }
    assert.deepEqual(
      found,
      rows.map((row) => row.join(' ')),
    );
  });
}

test('RequireDualStack on a single-stack cluster is told with the words of Kubernetes', async () => {
  const { body } = await create(4, { ipFamilyPolicy: 'RequireDualStack' });
  assert.deepEqual(body.details.causes, [
    {
      reason: 'FieldValueInvalid',
      message: 'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      field: 'spec.ipFamilyPolicy',
    },
  ]);
});

test('an address of a family that the cluster has not is told at the address', async () => {
  const { body } = await create(4, { clusterIP: 'fd00:10:96::5' });
  assert.deepEqual(
    body.details.causes.map(({ field, message }: Json) => `${field}: ${message}`),
    ['spec.clusterIPs[0]: Invalid value: ["fd00:10:96::5"]: IPv6 is not configured on this cluster'],
  );
});

describe('on a dual-stack cluster', () => {
  const CHANGES: readonly [what: string, from: object, change: object, expected: string][] = [
    ['PreferDualStack adds the other family', {}, { ipFamilyPolicy: 'PreferDualStack' }, 'P46'],
    ['RequireDualStack adds the other family', { ipFamilies: ['IPv6'] }, { ipFamilyPolicy: 'RequireDualStack' }, 'R64'],
    [
      'SingleStack gives the second family back',
      { ipFamilyPolicy: 'PreferDualStack' },
      { ipFamilyPolicy: 'SingleStack' },
      'S4',
    ],
    [
      'SingleStack with the first family alone gives the second back',
      { ipFamilyPolicy: 'RequireDualStack' },
      { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'] },
      'S4',
    ],
    [
      'one dual-stack policy becomes the other',
      { ipFamilyPolicy: 'PreferDualStack' },
      { ipFamilyPolicy: 'RequireDualStack' },
      'R46',
    ],
    ['a second family without a policy for it is refused', {}, { ipFamilies: ['IPv4', 'IPv6'] }, '!p'],
    [
      'a family is not given back without the policy',
      { ipFamilyPolicy: 'PreferDualStack' },
      { ipFamilies: ['IPv4'] },
      '!p',
    ],
    [
      'a headless Service with a selector gets a second family',
      { clusterIP: 'None', selector },
      { ipFamilyPolicy: 'PreferDualStack' },
      'P46',
    ],
    [
      'a headless Service changes its families as it likes',
      { clusterIP: 'None', selector },
      { ipFamilies: ['IPv6'] },
      'S6',
    ],
    [
      'a headless Service turns to one family',
      { clusterIP: 'None', selector, ipFamilyPolicy: 'RequireDualStack' },
      { ipFamilyPolicy: 'SingleStack' },
      'S4',
    ],
  ];
  for (const [what, from, change, expected] of CHANGES) {
    test(what, async () => {
      const made = await create(46, from);
      assert.equal(made.code, 201, made.text);
      const held = await claims(46);
      const changed = await patch(46, made.body.metadata.name, change);
      assert.equal(outcome(changed), expected, changed.text);
      if (changed.code !== 200 || made.body.spec.clusterIP === 'None') return;
      assert.equal(changed.body.spec.clusterIP, made.body.spec.clusterIP, 'the first address stays');
      const difference = changed.body.spec.clusterIPs.length - made.body.spec.clusterIPs.length;
      assert.equal((await claims(46)) - held, difference);
    });
  }

  test('the primary family never changes', async () => {
    const { body } = await create(46, { ipFamilyPolicy: 'RequireDualStack' });
    const swapped = await patch(46, body.metadata.name, { ipFamilies: ['IPv6', 'IPv4'] });
    assert.equal(swapped.code, 422);
    const fields = swapped.body.details.causes.map(({ field, message }: Json) => `${field}: ${message}`);
    assert.ok(
      fields.includes('spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set'),
      swapped.text,
    );
  });

  test('a second address can be asked for by name, and is held', async () => {
    const { body } = await create(46, {});
    const clusterIPs = [body.spec.clusterIP, 'fd00:10:96::aaaa'];
    const grown = await patch(46, body.metadata.name, { ipFamilyPolicy: 'PreferDualStack', clusterIPs });
    assert.deepEqual(grown.body.spec.clusterIPs, clusterIPs);
    const other = await create(46, { clusterIP: 'fd00:10:96::aaaa' });
    assert.equal(other.code, 422);
  });

  test('a replace that says nothing of families and addresses leaves them', async () => {
    const { body } = await create(46, { ipFamilyPolicy: 'PreferDualStack' });
    const path = `${SERVICES}/${body.metadata.name}`;
    const replaced = await on(46).call('PUT', path, { body: service(body.metadata.name, { selector }) });
    assert.deepEqual(replaced.body.spec.clusterIPs, body.spec.clusterIPs, replaced.text);
    assert.equal(outcome(replaced), 'P46');
  });
});

test('a Service that prefers both families stays as it is when the cluster gets its second', async () => {
  const single = await startTestServer({ serviceCIDRs: RANGES[4] });
  const made = await single.call('POST', SERVICES, { body: service('old', { ipFamilyPolicy: 'PreferDualStack' }) });
  assert.equal(outcome(made), 'P4');
  await single.server.close();
  const dual = await startTestServer({ serviceCIDRs: RANGES[46], store: single.store });
  try {
    const type = 'application/merge-patch+json';
    const call = (spec: object) => dual.call('PATCH', `${SERVICES}/old`, { body: { spec }, type });
    assert.equal(outcome(await call({ selector })), 'P4');
    assert.equal(outcome(await call({ ipFamilyPolicy: 'RequireDualStack' })), 'R46');
  } finally {
    await dual.close();
    await single.close();
  }
});
