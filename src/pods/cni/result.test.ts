import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseIP } from '../../lib/ip.ts';
import { failure } from './errors.ts';
import { addResult, failureResult } from './result.ts';

const PORT = {
  podUID: 'u',
  device: 'pstv0',
  mac: '02:00:00:00:00:05',
  addresses: ['fd00::5', '10.244.1.5'].map(mustParseIP),
  gateways: ['fd00::1', '10.244.1.1'].map(mustParseIP),
};
const INSIDE = { netns: '/run/netns/cni-1', ifname: 'eth0' };

test('the primary family comes first, each address with its gateway and a default route', () => {
  assert.deepEqual(addResult('1.0.0', PORT, INSIDE), {
    ok: true,
    output: {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'pstv0' }, { name: 'eth0', mac: '02:00:00:00:00:05', sandbox: '/run/netns/cni-1' }],
      ips: [
        { address: 'fd00::5/128', gateway: 'fd00::1', interface: 1 },
        { address: '10.244.1.5/32', gateway: '10.244.1.1', interface: 1 },
      ],
      routes: [
        { dst: '::/0', gw: 'fd00::1' },
        { dst: '0.0.0.0/0', gw: '10.244.1.1' },
      ],
      dns: {},
    },
  });
});

test('before 1.0.0 an address says of which family it is', () => {
  const { output } = addResult('0.4.0', PORT, INSIDE);
  const { ips } = output as { ips: readonly { version: string }[] };
  assert.deepEqual(
    ips.map(({ version }) => version),
    ['6', '4'],
  );
});

test('a failure has a code and words; details where there are some', () => {
  assert.deepEqual(failureResult('1.0.0', failure(11, 'later')), {
    ok: false,
    output: { cniVersion: '1.0.0', code: 11, msg: 'later' },
  });
});
