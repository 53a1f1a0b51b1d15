import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortReport, TrafficReport } from '../../proxy/traffic/report.ts';
import type { Traffic } from '../../proxy/traffic/totals.ts';
import { rowsOf } from './rows.ts';
import { printBytes, trafficTable } from './table.ts';

const traffic = (connections: number, bytes = connections * 100): Traffic => ({
  ...{ connections, in: { packets: connections * 10, bytes }, out: { packets: connections * 5, bytes: bytes * 3 } },
});

function port(service: string, amount: Traffic, endpoints: Readonly<Record<string, Traffic>> = {}): PortReport {
  return {
    ...{ namespace: 'shop', service, port: 80, portName: '', protocol: 'tcp', ...amount },
    endpoints: Object.entries(endpoints).map(([ip, one]) => ({ ip, port: 8080, ...one })),
  };
}

const report = (at: number, ...ports: readonly PortReport[]): TrafficReport => ({
  ...{ node: 'node1', mode: 'nftables', at, ports },
});

const ALL = { endpoints: false, sortBy: 'bytes' } as const;

test('rows of several nodes are one, by what each grew in its own time', () => {
  const rows = rowsOf(
    [
      { before: report(0, port('web', traffic(10))), after: report(2000, port('web', traffic(14))) },
      { before: report(500, port('web', traffic(1))), after: report(1500, port('web', traffic(2))) },
    ],
    ALL,
  );
  assert.deepEqual(rows, [
    { namespace: 'shop', service: 'web', port: '80/TCP', total: traffic(16), perSecond: traffic(3) },
  ]);
});

test('the busiest now come first, then the busiest ever; endpoints follow their port', () => {
  const rows = rowsOf(
    [
      {
        before: report(0, port('idle', traffic(1)), port('big', traffic(900)), port('busy', traffic(1))),
        after: report(
          1000,
          ...[port('idle', traffic(1)), port('big', traffic(900), { '10.0.0.1': traffic(900) })],
          port('busy', traffic(2), { 'fd00::1': traffic(0), '10.0.0.2': traffic(2) }),
        ),
      },
    ],
    { ...ALL, endpoints: true },
  );
  assert.deepEqual(
    rows.map(({ service, endpoint }) => `${service} ${endpoint ?? ''}`.trim()),
    ['busy', 'busy 10.0.0.2:8080', 'busy [fd00::1]:8080', 'big', 'big 10.0.0.1:8080', 'idle'],
  );
});

test('sorts by what it is told', () => {
  const pair = (a: Traffic, b: Traffic) => ({
    before: report(0),
    after: report(1000, port('a', a), port('b', b)),
  });
  const first = (sortBy: 'connections' | 'bytes') =>
    rowsOf([pair(traffic(1, 5000), traffic(2, 10))], { ...ALL, sortBy })[0]?.service;
  assert.deepEqual([first('connections'), first('bytes')], ['b', 'a']);
});

test('a namespace is all that is shown of many', () => {
  const pair = { before: report(0), after: report(1000, port('web', traffic(1))) };
  assert.equal(rowsOf([pair], { ...ALL, namespace: 'shop' }).length, 1);
  assert.equal(rowsOf([pair], { ...ALL, namespace: 'default' }).length, 0);
});

test('a proxy that was started again grew from nothing', () => {
  const pair = { before: report(0, port('web', traffic(50))), after: report(1000, port('web', traffic(2))) };
  assert.deepEqual(rowsOf([pair], ALL)[0]?.perSecond, traffic(2));
});

test('the table has numbers under each other, and endpoints set in', () => {
  const web = port('web', traffic(1200, 3_456_000), { '10.0.0.1': traffic(1200, 3_456_000) });
  const pair = { before: report(0), after: report(1000, web, port('db', traffic(3))) };
  const rows = rowsOf([pair], { ...ALL, endpoints: true });
  assert.equal(
    trafficTable(rows, { namespaces: true }),
    [
      'NAMESPACE  SERVICE          PORT    CONN/S      IN/S     OUT/S  CONNECTIONS  PACKETS IN  PACKETS OUT  BYTES IN  BYTES OUT',
      'shop       web              80/TCP    1200  3.46MB/s  10.4MB/s         1200       12000         6000    3.46MB     10.4MB',
      '             10.0.0.1:8080            1200  3.46MB/s  10.4MB/s         1200       12000         6000    3.46MB     10.4MB',
      'shop       db               80/TCP       3    300B/s    900B/s            3          30           15      300B       900B',
    ].join('\n'),
  );
});

test('bytes have three digits and a unit', () => {
  const cases = [0, 999, 1000, 1456, 23_400, 999_499, 999_600, 1e9, 5e15, 5e18].map(printBytes);
  assert.deepEqual(cases, ['0B', '999B', '1kB', '1.46kB', '23.4kB', '999kB', '1MB', '1GB', '5PB', '5000PB']);
});
