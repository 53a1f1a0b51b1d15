// `postern firewall` on a host that drops by default, beside a keeper as agents have one. Runs alone in a network namespace.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { SERVICES, startTestServer, type TestServer } from '../../apiserver/testing/server.ts';
import { createClient } from '../../client/http-client.ts';
import { Informers } from '../../client/informers.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { ADMINISTRATOR } from '../../firewall/nftables/testing.ts';
import { silentLogger } from '../../host/log.ts';
import { runCommand } from '../../host/process.ts';
import { PROGRAM } from '../wiring/defaults.ts';
import { startNodeFirewall, tellFirewallPlan } from '../wiring/node-firewall.ts';

const PLACE = { nodeName: 'node1', nodeAddresses: ['192.168.50.1'], lanInterface: 'lan' } as const;
const FLAGS = ['--node', 'node1', '--interface', 'lan'];

let api: TestServer;
let kubeconfig: string;

const nft = async (input: string) => {
  await runCommand(['nft', '-f', '-'], { input });
};
const ruleset = async () => (await runCommand(['nft', '--stateless', 'list', 'ruleset'])).stdout;
const postern = async (...argv: readonly string[]) =>
  (await runCommand([PROGRAM, 'firewall', ...argv], { env: { KUBECONFIG: kubeconfig } })).stdout;
const post = async (path: string, body: object) => {
  const { code, text } = await api.call('POST', path, { body });
  assert.equal(code, 201, text);
};
const ports = (text: string) => text.match(/^[-+ ]*(?:TCP|UDP) .*$/gm) ?? [];

before(async () => {
  await runCommand(['ip', 'link', 'set', 'lo', 'up']);
  await runCommand(['ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'wire']);
  await runCommand(['ip', 'addr', 'add', '192.168.50.1/24', 'dev', 'lan']);
  for (const end of ['lan', 'wire']) await runCommand(['ip', 'link', 'set', end, 'up']);
  api = await startTestServer();
  kubeconfig = await api.kubeconfig();
  for (const [name, address] of [
    ['node1', '192.168.50.1'],
    ['node2', '192.168.50.2'],
  ]) {
    const status = { addresses: [{ type: 'InternalIP', address }] };
    await post('/api/v1/nodes', { metadata: { name } });
    const type = 'application/merge-patch+json';
    const { code, text } = await api.call('PATCH', `/api/v1/nodes/${name}/status`, { body: { status }, type });
    assert.equal(code, 200, text);
  }
  const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] };
  await post(SERVICES, { metadata: { name: 'web' }, spec });
});
after(() => api.close());

const WEB = /TCP 192\.168\.50\.1:30080 +anyone +node-port +default\/web/;
const VXLAN = /UDP 192\.168\.50\.1:4789 +192\.168\.50\.2\/32 +vxlan +cluster/;
const HEARTBEATS = /UDP 192\.168\.50\.1:7952 +192\.168\.50\.2\/32 +heartbeats +cluster/;

test('without a firewall everything is open, and that is said', async () => {
  assert.match(await postern('status', ...FLAGS), /no firewall is in use.*open +no firewall/s);
});

test('what is blocked is told with what blocks it, and nothing is changed by looking', async () => {
  await nft(ADMINISTRATOR);
  const before = await ruleset();
  const plan = await postern('plan', ...FLAGS);
  assert.match(plan, /^Node node1: nftables\.$/m);
  for (const [i, wanted] of [VXLAN, HEARTBEATS, WEB].entries()) assert.match(ports(plan)[i] ?? '', wanted);
  assert.match(plan, /^3 to open, 0 to close, 0 open as wanted\.$/m);
  assert.match(await postern('status', ...FLAGS), /30080 .* blocked +.*table inet filter.*Not as it should be/s);
  assert.equal(await ruleset(), before);
});

/** What an agent gives to whoever looks after its firewall, with a log that keeps what it is told. */
async function agentParts(signal: AbortSignal, told: object[] = []) {
  const client = createClient(await loadKubeconfig(kubeconfig));
  signal.addEventListener('abort', () => client.close(), { once: true });
  const log = { ...silentLogger, info: (fields: object, message: string) => void told.push({ ...fields, message }) };
  const informers = new Informers({ client, log: silentLogger });
  const policy = {
    firewallPolicy: 'managed',
    firewallVerify: false,
    heartbeatPort: 7952,
    vxlanPort: 4789,
    serve: [],
  } as const;
  return { ...PLACE, ...policy, client, informers, log };
}

test('an agent that is to leave the firewall alone says what it would open', async () => {
  const told: object[] = [];
  const ending = new AbortController();
  const parts = await agentParts(ending.signal, told);
  parts.informers.of(Service);
  parts.informers.of(Node);
  parts.informers.of(EndpointSlice);
  await parts.informers.start(ending.signal);
  const before = await ruleset();
  await tellFirewallPlan({ ...parts, firewall: 'none' });
  ending.abort();
  const [{ firewall, wouldOpen }] = told as [{ firewall: string; wouldOpen: readonly string[] }];
  assert.deepEqual(
    [firewall, wouldOpen],
    ['nftables', ['UDP 192.168.50.1:4789', 'UDP 192.168.50.1:7952', 'TCP 192.168.50.1:30080']],
  );
  assert.equal(await ruleset(), before);
});

test('an agent opens it; status and plan say so, also to programs; and it stays open when the agent is gone', async () => {
  const ending = new AbortController();
  const keeper = await startNodeFirewall({ ...(await agentParts(ending.signal)), firewall: 'auto' }, ending.signal);
  await keeper.synced;
  ending.abort();
  await keeper.stopped;
  assert.match(await postern('status', ...FLAGS), /30080 .* open +Postern$/m);
  const { firewall, toOpen, open } = JSON.parse(await postern('plan', ...FLAGS, '-o', 'json'));
  assert.deepEqual([firewall, toOpen.length, open.length], ['nftables', 0, 3]);
});

test('what nobody exposes any more is told of, and would be closed', async () => {
  const { code } = await api.call('DELETE', `${SERVICES}/web`);
  assert.equal(code, 200);
  assert.match(await postern('status', ...FLAGS), /TCP 192\.168\.50\.1:30080 is open and nobody exposes it/);
  assert.match(await postern('plan', ...FLAGS), /^- +TCP 192\.168\.50\.1:30080 +anyone$/m);
});

test('cleanup leaves the firewall as it was found', async () => {
  await postern('cleanup', '--interface', 'lan');
  const left = await ruleset();
  assert.doesNotMatch(left, /postern-firewall/);
  await nft('flush ruleset');
  await nft(ADMINISTRATOR);
  assert.equal(left, await ruleset());
});
