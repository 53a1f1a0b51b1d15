import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import {
  advertisedAddresses,
  bridgeAddresses,
  chooseInterface,
  defaultRouteDevice,
  isLoopback,
} from './node-addresses.ts';

const info = (address: string, internal = false): NetworkInterfaceInfo =>
  ({
    address,
    internal,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    mac: '',
    netmask: '',
    cidr: null,
  }) as NetworkInterfaceInfo;

test('the interface of the default route is chosen, with one address of each family', () => {
  const chosen = chooseInterface(
    {
      lo: [info('127.0.0.1', true)],
      eth0: [info('10.0.0.5')],
      eth1: [info('192.168.1.7'), info('fe80::1'), info('fd00::7'), info('192.168.1.8')],
    },
    'eth1',
  );
  assert.deepEqual(chosen, { name: 'eth1', addresses: ['192.168.1.7', 'fd00::7'] });
});

test('without a default route the first interface with a global address is chosen', () => {
  assert.equal(chooseInterface({ wlan0: [info('fe80::2')], eth0: [info('fd00::5')] }, undefined)?.name, 'eth0');
});

test('loopback and Postern’s own bridge are never chosen', () => {
  assert.equal(
    chooseInterface({ lo: [info('127.0.0.1', true)], postern0: [info('10.244.0.1')] }, 'postern0'),
    undefined,
  );
});

test('the default route is the line whose destination and mask are zero', () => {
  const text =
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n' +
    'eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n' +
    'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\n';
  assert.equal(defaultRouteDevice(text), 'eth0');
  assert.equal(defaultRouteDevice('Iface\tDestination\n'), undefined);
});

const lan = { lo: [info('127.0.0.1', true)], eth0: [info('192.0.2.5'), info('fd00::5')] };
for (const [host, expected] of [
  ['192.0.2.9', ['192.0.2.9']],
  ['0.0.0.0', ['192.0.2.5', 'fd00::5']],
  ['::', ['192.0.2.5', 'fd00::5']],
  ['127.0.0.1', ['192.0.2.5', 'fd00::5']],
  ['localhost', ['192.0.2.5', 'fd00::5']],
] as const) {
  test(`an API that listens on ${host} advertises ${expected.join(' and ')}`, () => {
    assert.deepEqual(advertisedAddresses(host, lan, 'eth0'), expected);
  });
}

test('a machine with nothing but loopback advertises no address', () => {
  assert.deepEqual(advertisedAddresses('127.0.0.1', { lo: [info('127.0.0.1', true)] }, undefined), []);
});

test('a bridge tells its addresses before anything is plugged in', () => {
  const routes = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'postern0\t0003F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  ].join('\n');
  const inet6 = [
    'fe80000000000000000000fffe000001 03 40 20 80 postern0',
    'fd000010024400030000000000000001 03 40 00 80 postern0',
    'fd000077000000000000000000000001 02 40 00 80     eth0',
  ].join('\n');
  assert.deepEqual(bridgeAddresses('postern0', routes, inet6), ['10.244.3.1', 'fd00:10:244:3::1']);
  assert.deepEqual(bridgeAddresses('postern1', routes, inet6), []);
  assert.deepEqual(bridgeAddresses('postern0', '', ''), []);
});

test('loopback is what only this machine reaches', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'fd00::1', 'example.com']) assert.ok(!isLoopback(host), host);
});
