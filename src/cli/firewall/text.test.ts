import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Opening, Verdict } from '../../firewall/backend.ts';
import type { Tried } from '../../firewall/verify/tried.ts';
import { portStatuses } from './report.ts';
import { planText, statusText } from './text.ts';

const opening = (more: Partial<Opening> = {}): Opening => ({
  ...{ owner: 'shop/web', kind: 'load-balancer', family: 'IPv4', address: '192.168.77.200', protocol: 'tcp', port: 80 },
  ...{ policy: 'managed' },
  ...more,
});
const WEB = opening();
const NAMES = opening({
  owner: 'shop/dns',
  address: 'fd00:77::9',
  family: 'IPv6',
  protocol: 'udp',
  port: 53,
  kind: 'node-port',
});
const HEARTBEATS = opening({
  owner: 'cluster',
  kind: 'heartbeats',
  protocol: 'udp',
  port: 7952,
  sources: ['192.168.77.2/32'],
});

test('a plan is the difference, and says how much there is of it', () => {
  const plan = {
    node: 'node1',
    firewall: 'nftables',
    toOpen: [WEB, HEARTBEATS],
    toClose: [NAMES],
    open: [],
    mistakes: [],
  };
  assert.equal(
    planText(plan),
    `Node node1: nftables.

   PORT                     FROM             WHAT           FOR
-  UDP [fd00:77::9]:53      anyone
+  TCP 192.168.77.200:80    anyone           load-balancer  shop/web
+  UDP 192.168.77.200:7952  192.168.77.2/32  heartbeats     cluster

2 to open, 1 to close, 0 open as wanted.`,
  );
});

test('status tells what is open by us, by others, or by no rule at all, and what blocks the rest', async () => {
  const openings = [WEB, NAMES, HEARTBEATS];
  const verdicts: readonly Verdict[] = [
    { kind: 'open-by-us' },
    { kind: 'bypassed', by: 'zone public' },
    { kind: 'blocked', by: 'policy drop of chain input of table inet filter' },
  ];
  const shared = { ...WEB, owner: 'shop/also' };
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  const why = '192.168.77.1 answers: administratively prohibited (ICMP 3/13)';
  const tried = (one: Opening): Tried => {
    if (one.protocol !== 'tcp') return { kind: 'not' };
    return one === WEB ? { kind: 'reached', by: 'node2', at } : { kind: 'blocked', by: 'node3', at, why };
  };
  const alone = opening({ owner: 'shop/own', port: 90 });
  const exposed = { openings, wishes: [...openings, shared], leftAlone: [alone] };
  const looked = [...verdicts, { kind: 'bypassed', by: 'zone public' } as const];
  const ports = await portStatuses(exposed, async () => looked, tried);
  assert.deepEqual(
    ports.map(({ policy }) => policy),
    ['managed', 'managed', 'managed', 'managed', 'none'],
  );
  const mistakes = [{ service: 'shop/x', mistake: 'annotation postern.dev/firewall is "off"' }];
  assert.equal(
    statusText({ node: 'node1', firewall: 'nftables', ports, leftovers: [opening({ port: 81 })], mistakes }),
    `Node node1: nftables.

PORT                     FROM             WHAT           FOR        TRIED                                     STATE     BY
TCP 192.168.77.200:80    anyone           load-balancer  shop/web   reached from node2, 2026-01-02T03:04:05Z  open      Postern
UDP [fd00:77::9]:53      anyone           node-port      shop/dns   -                                         bypassed  zone public
UDP 192.168.77.200:7952  192.168.77.2/32  heartbeats     cluster    -                                         blocked   policy drop of chain input of table inet filter
TCP 192.168.77.200:80    anyone           load-balancer  shop/also  blocked from node3, 2026-01-02T03:04:05Z  open      Postern
TCP 192.168.77.200:90    anyone           load-balancer  shop/own   -                                         bypassed  left alone: zone public

Not as it should be:
  UDP [fd00:77::9]:53 of shop/dns is open although zone public does not admit it: its address is translated before
  UDP 192.168.77.200:7952 of cluster is blocked by policy drop of chain input of table inet filter
  TCP 192.168.77.200:80 of shop/also cannot be reached from node node3: 192.168.77.1 answers: administratively prohibited (ICMP 3/13)
  TCP 192.168.77.200:81 is open and nobody exposes it: does the agent of this node run?
  shop/x: annotation postern.dev/firewall is "off"`,
  );
});

test('without a firewall, and without anything exposed, that is said', () => {
  const empty = { node: 'node1', firewall: 'none', ports: [], leftovers: [], mistakes: [] };
  assert.equal(statusText(empty), 'Node node1: no firewall is in use.\n\nNothing is exposed on this node.');
});

test('of many prefixes the first are named and the others counted', () => {
  const sources = ['10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];
  const plan = {
    node: 'node1',
    firewall: 'nftables',
    toOpen: [opening({ sources })],
    toClose: [],
    open: [],
    mistakes: [],
  };
  assert.match(planText(plan), /10\.0\.0\.0\/16,10\.1\.0\.0\/16 and 2 more +load-balancer/);
});

test('what nodes carry for pods is planned and looked at as well', () => {
  const traffic = { bridge: 'postern0', pods: ['10.244.0.0/24', '10.244.1.0/24', 'fd00::/64'], peers: [] };
  const pods = (verdict: Verdict) => ({ pods: { ...traffic, verdict } });
  const plan = { node: 'node1', firewall: 'nftables', toOpen: [], toClose: [], open: [], mistakes: [] };
  const status = { node: 'node1', firewall: 'nftables', ports: [], leftovers: [], mistakes: [] };
  const blocked: Verdict = { kind: 'blocked', by: 'policy drop of chain forward, table inet filter' };
  const which = 'Pods of 10.244.0.0/24,10.244.1.0/24 and 1 more, here behind postern0';
  assert.match(planText({ ...plan, ...pods(blocked) }), new RegExp(`^${which}: to be let by\\.$`, 'm'));
  assert.match(planText({ ...plan, ...pods({ kind: 'open-by-us' }) }), /: let by as wanted\.$/m);
  assert.match(
    statusText({ ...status, ...pods({ kind: 'open-by-us' }) }),
    new RegExp(`^${which}: open, Postern$`, 'm'),
  );
  assert.match(
    statusText({ ...status, ...pods(blocked) }),
    /blocked, policy drop.*Not as it should be:\n {2}pods cannot reach each other or this node: policy drop of chain forward/s,
  );
});
