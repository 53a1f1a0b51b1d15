import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResolvConf, parseUpstream, withoutOwn } from './upstreams.ts';

for (const [text, address, port] of [
  ['192.0.2.1', '192.0.2.1', 53],
  ['192.0.2.1:5353', '192.0.2.1', 5353],
  ['2001:DB8::1', '2001:db8::1', 53],
  ['[2001:db8::1]:5353', '2001:db8::1', 5353],
] as const) {
  test(`${text} is a server`, () => assert.deepEqual(parseUpstream(text), { address, port }));
}

for (const text of ['', 'dns.example', '192.0.2.1:0', '192.0.2.1:99999', '[192.0.2.1]:53', '192.0.2.1:53:53']) {
  test(`${JSON.stringify(text)} is not a server, and the message says what is`, () => {
    assert.throws(() => parseUpstream(text), /write ADDRESS, ADDRESS:PORT or \[IPV6\]:PORT/);
  });
}

test('the servers of a resolv.conf are its first three that can be used from anywhere', () => {
  const text = [
    '# comment',
    'search example.com',
    'nameserver fe80::1%eth0',
    'nameserver 192.0.2.1',
    'nameserver\t2001:db8::1',
    'nameserver 192.0.2.3 # third',
    'nameserver 192.0.2.4',
  ].join('\n');
  assert.deepEqual(
    parseResolvConf(text).map(({ address }) => address),
    ['192.0.2.1', '2001:db8::1', '192.0.2.3'],
  );
});

test('we never forward to ourselves', () => {
  const own = [{ address: '10.244.1.1', port: 53 }];
  const other = { address: '10.244.1.1', port: 5353 };
  assert.deepEqual(withoutOwn([...own, other], own), [other]);
});
