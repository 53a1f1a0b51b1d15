import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Counted, TrafficReading } from './reading.ts';
import { type Owner, TrafficTotals } from './totals.ts';

const A = { ip: '10.244.1.5', port: 8080 };
const B = { ip: '10.244.2.6', port: 8080 };
const WEB: Owner = { service: 'default/web', port: 80, portName: 'http' };

function reading(what: Counted, packets: number, more: Partial<TrafficReading> = {}): TrafficReading {
  const common = { family: 'IPv4', protocol: 'tcp', asked: { ip: '10.96.0.10', port: 80 }, endpoint: A } as const;
  return { ...common, what, packets, bytes: packets * 100, ...more };
}

async function* some(...readings: readonly TrafficReading[]) {
  yield readings;
}

async function folded(
  totals: TrafficTotals,
  readings: readonly TrafficReading[],
  options: { readonly owner?: Owner | undefined; readonly exists?: boolean } = { owner: WEB },
) {
  await totals.fold(
    some(...readings),
    () => options.owner,
    () => options.exists ?? true,
  );
  return [...totals.ports].map(({ endpoints, ...port }) => ({ ...port, endpoints: [...endpoints] }));
}

const amount = (packets: number) => ({ packets, bytes: packets * 100 });

test('adds up what entrances of a port counted, for the port and for each endpoint', async () => {
  const nodePort = { asked: { ip: '192.168.50.1', port: 30080 }, endpoint: B };
  const ports = await folded(new TrafficTotals(), [
    ...[reading('connections', 2), reading('in', 10), reading('out', 7)],
    ...[reading('connections', 1, nodePort), reading('in', 3, nodePort)],
  ]);
  assert.deepEqual(ports, [
    {
      ...{ ...WEB, protocol: 'tcp', connections: 3, in: amount(13), out: amount(7) },
      endpoints: [
        { ...A, connections: 2, in: amount(10), out: amount(7) },
        { ...B, connections: 1, in: amount(3), out: amount(0) },
      ],
    },
  ]);
});

test('counts what is read again once, and a counter that began anew from its beginning', async () => {
  const totals = new TrafficTotals();
  for (const packets of [10, 10, 15]) await folded(totals, [reading('in', packets)]);
  const [port] = await folded(totals, [reading('in', 4)]);
  assert.deepEqual(port?.in, amount(19));
});

test('a counter that ended and came back has counted all that it says', async () => {
  const totals = new TrafficTotals();
  await folded(totals, [reading('connections', 1), reading('in', 5)]);
  await folded(totals, [reading('in', 6)]);
  const [port] = await folded(totals, [reading('connections', 1), reading('in', 7)]);
  assert.deepEqual([port?.connections, port?.in], [2, amount(7)]);
});

test('an endpoint that the kernel has forgotten goes; what its port counted stays', async () => {
  const totals = new TrafficTotals();
  await folded(totals, [reading('in', 10), reading('in', 5, { endpoint: B })]);
  const [port] = await folded(totals, [reading('in', 10)]);
  assert.deepEqual(port?.in, amount(15));
  assert.deepEqual(
    port?.endpoints.map(({ ip }) => ip),
    [A.ip],
  );
  const [later] = await folded(totals, [reading('in', 10), reading('in', 1, { endpoint: B })]);
  assert.deepEqual(later?.in, amount(16));
});

test('a Service that is gone takes its totals along, and the next at its address begins with nothing', async () => {
  const totals = new TrafficTotals();
  await folded(totals, [reading('in', 10)]);
  assert.deepEqual(await folded(totals, [reading('in', 10)], { exists: false, owner: undefined }), []);
  const next = { service: 'default/next', port: 80, portName: '' };
  const [port] = await folded(totals, [reading('in', 12)], { owner: next });
  assert.deepEqual([port?.service, port?.in], ['default/next', amount(2)]);
});

test('what is nobody’s is left out', async () => {
  assert.deepEqual(await folded(new TrafficTotals(), [reading('in', 10)], { owner: undefined }), []);
});
