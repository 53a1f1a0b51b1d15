import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointMetricsAnswer, metricsAnswer, type TrafficSource, trafficAnswer } from './answers.ts';
import type { TrafficReading } from './reading.ts';
import { TrafficTotals } from './totals.ts';

const V4: TrafficReading = {
  ...{ family: 'IPv4', protocol: 'tcp', what: 'in', packets: 3, bytes: 300 },
  asked: { ip: '10.96.0.10', port: 80 },
  endpoint: { ip: '10.244.1.5', port: 8080 },
};
const READINGS: readonly TrafficReading[] = [
  V4,
  { ...V4, what: 'connections', packets: 2, bytes: 120 },
  { ...V4, what: 'out', packets: 5, bytes: 7000 },
  { ...V4, family: 'IPv6', endpoint: { ip: 'fd00::5', port: 8080 }, packets: 1, bytes: 80 },
];

async function source(readings: readonly TrafficReading[] = READINGS): Promise<TrafficSource> {
  const totals = new TrafficTotals();
  const owner = { service: 'shop/web', port: 80, portName: 'http' };
  const read = async function* () {
    yield readings;
  };
  await totals.fold(
    read(),
    () => owner,
    () => true,
  );
  return { node: 'node1', mode: 'nftables', now: () => 1234, totals: async () => totals };
}

test('the report has every port with its endpoints', async () => {
  const { code, body } = await trafficAnswer(await source());
  const endpoint = { connections: 2, in: { packets: 3, bytes: 300 }, out: { packets: 5, bytes: 7000 } };
  assert.equal(code, 200);
  assert.deepEqual(JSON.parse(body), {
    ...{ node: 'node1', mode: 'nftables', at: 1234 },
    ports: [
      {
        ...{ namespace: 'shop', service: 'web', port: 80, portName: 'http', protocol: 'tcp' },
        ...{ connections: 2, in: { packets: 4, bytes: 380 }, out: { packets: 5, bytes: 7000 } },
        endpoints: [
          { ip: '10.244.1.5', port: 8080, ...endpoint },
          { ip: 'fd00::5', port: 8080, connections: 0, in: { packets: 1, bytes: 80 }, out: { packets: 0, bytes: 0 } },
        ],
      },
    ],
  });
});

test('the report is JSON when there was no traffic', async () => {
  const { body } = await trafficAnswer(await source([]));
  assert.deepEqual(JSON.parse(body).ports, []);
});

test('metrics have each port, beside others', async () => {
  const others = [{ name: 'more', help: 'More.', type: 'gauge', samples: [{ value: 5 }] }] as const;
  const { body } = await metricsAnswer(others, await source());
  const labels = 'namespace="shop",service="web",port="80",port_name="http",protocol="tcp"';
  const lines = body.split('\n');
  for (const line of [
    'more 5',
    `postern_proxy_service_connections_total{${labels}} 2`,
    `postern_proxy_service_packets_total{${labels},direction="in"} 4`,
    `postern_proxy_service_bytes_total{${labels},direction="in"} 380`,
    `postern_proxy_service_bytes_total{${labels},direction="out"} 7000`,
  ]) {
    assert(lines.includes(line), `${line}\n${body}`);
  }
  assert.doesNotMatch(body, /endpoint=/);
});

test('metrics of endpoints are apart', async () => {
  const { body } = await endpointMetricsAnswer(await source());
  assert.match(body, /^postern_proxy_endpoint_bytes_total\{.*endpoint="10\.244\.1\.5:8080",direction="out"\} 7000$/m);
  assert.match(body, /^postern_proxy_endpoint_packets_total\{.*endpoint="\[fd00::5\]:8080",direction="in"\} 1$/m);
});
