import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { HealthCheckPorts } from './health-check-ports.ts';
import { FakeListen } from './listen-fake.ts';

const NODE = '192.168.50.1';
const NODE6 = 'fd00:50::1';

function setting(taken: readonly string[] = []) {
  const listening = new FakeListen();
  for (const one of taken) listening.taken.add(one);
  const clock = new FakeClock();
  const failures: string[] = [];
  let healthy = true;
  const ports = new HealthCheckPorts({
    ...{ listen: listening.listen, clock },
    healthy: () => healthy,
    onFailure: (service, { address, port }) => failures.push(`${service} ${address} ${port}`),
  });
  ports.setAddresses([NODE, NODE6].map((text) => mustParseIP(text)));
  return { listening, clock, failures, ports, setHealthy: (value: boolean) => (healthy = value) };
}

const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};
const check = (port: number, IPv4: number, IPv6 = 0) => ({ port, localEndpoints: { IPv4, IPv6 } });

test('says how many endpoints this node has, in the words of kube-proxy, for the family that is asked', async () => {
  const { listening, ports } = setting();
  ports.set('shop/web', check(32000, 2));
  await turns();
  assert.deepEqual(listening.ask(NODE, 32000, '/anything'), {
    code: 200,
    headers: {
      'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff',
      'X-Load-Balancing-Endpoint-Weight': '2',
    },
    body: `{
	"service": {
		"namespace": "shop",
		"name": "web"
	},
	"localEndpoints": 2,
	"serviceProxyHealthy": true
}
`,
  });
  const other = listening.ask(NODE6, 32000);
  assert.deepEqual([other?.code, other?.headers['X-Load-Balancing-Endpoint-Weight']], [503, '0']);
});

test('follows the endpoints without listening anew, and sends load balancers away while the proxy is behind', async () => {
  const { listening, ports, setHealthy } = setting();
  ports.set('shop/web', check(32000, 0));
  await turns();
  assert.equal(listening.ask(NODE, 32000)?.code, 503);
  ports.set('shop/web', check(32000, 1));
  assert.equal(listening.ask(NODE, 32000)?.code, 200);
  setHealthy(false);
  const behind = listening.ask(NODE, 32000);
  assert.equal(behind?.code, 503);
  assert.match(behind?.body ?? '', /"localEndpoints": 1,\s+"serviceProxyHealthy": false/);
});

test('listens while a Service asks for it, at the addresses that the node has', async () => {
  const { listening, ports } = setting();
  ports.set('shop/web', check(32000, 1));
  ports.set('shop/api', check(32001, 1));
  await turns();
  assert.deepEqual(listening.open, [`${NODE} 32000`, `${NODE} 32001`, `${NODE6} 32000`, `${NODE6} 32001`]);
  ports.set('shop/web', undefined);
  ports.set('shop/api', check(32002, 1));
  ports.setAddresses([mustParseIP('192.168.50.2'), mustParseIP(NODE6)]);
  await turns();
  assert.deepEqual(listening.open, ['192.168.50.2 32002', `${NODE6} 32002`]);
  await ports.close();
  assert.deepEqual(listening.open, []);
});

test('a port that goes from one Service to another is listened on without a break', async () => {
  const { listening, ports, failures } = setting();
  ports.set('shop/old', check(32000, 1));
  await turns();
  ports.set('shop/old', undefined);
  ports.set('shop/new', check(32000, 2));
  await turns();
  assert.match(listening.ask(NODE, 32000)?.body ?? '', /"name": "new"/);
  assert.deepEqual(failures, []);
});

test('a port that somebody else has is told of and tried again, and the other addresses are served', async () => {
  const { listening, ports, failures, clock } = setting([`${NODE} 32000`]);
  ports.set('shop/web', check(32000, 1, 1));
  await turns();
  assert.deepEqual(failures, [`shop/web ${NODE} 32000`]);
  assert.equal(ports.failing, 1);
  assert.deepEqual(listening.open, [`${NODE6} 32000`]);
  listening.taken.clear();
  await clock.advance(seconds(2));
  await turns();
  assert.equal(ports.failing, 0);
  assert.equal(listening.ask(NODE, 32000)?.code, 200);
});

test('a port that is no longer wanted is no longer tried', async () => {
  const { ports, failures, clock } = setting([`${NODE} 32000`]);
  ports.set('shop/web', check(32000, 1));
  await turns();
  ports.set('shop/web', undefined);
  await turns();
  await clock.advance(seconds(300));
  assert.equal(failures.length, 1);
  assert.equal(ports.failing, 0);
});
