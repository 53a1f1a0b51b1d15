import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseCIDR, printIP } from './ip.ts';
import { eui64Address, parseMAC, printMAC } from './mac.ts';

test('a MAC survives parsing and printing, in lower case', () => {
  const mac = parseMAC('02:00:5E:10:00:Ff');
  assert.ok(mac);
  assert.equal(printMAC(mac), '02:00:5e:10:00:ff');
});

for (const text of ['', '02:00:5e:10:00', '02:00:5e:10:00:fg', '02-00-5e-10-00-ff', '02:00:5e:10:00:ff:00']) {
  test(`${JSON.stringify(text)} is not a MAC`, () => assert.equal(parseMAC(text), undefined));
}

test('the EUI-64 address flips the universal bit and inserts fffe, as RFC 4291 appendix A shows', () => {
  const mac = parseMAC('34:56:78:9a:bc:de');
  assert.ok(mac);
  assert.equal(printIP(eui64Address(mustParseCIDR('fd00:10:244:1::/64'), mac)), 'fd00:10:244:1:3656:78ff:fe9a:bcde');
});
