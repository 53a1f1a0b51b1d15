import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printCIDR } from '../lib/ip.ts';
import { parseCIDRs, parseCount, parseFamilies, parseHostPort } from './options.ts';

describe('HOST:PORT', () => {
  test('IPv6 hosts stand in brackets', () => assert.deepEqual(parseHostPort('[::1]:0'), { host: '::1', port: 0 }));
  test('a name or IPv4 address stands as it is', () => {
    assert.deepEqual(parseHostPort('localhost:6443'), { host: 'localhost', port: 6443 });
  });
  for (const text of ['6443', ':6443', 'host:', 'host:65536', '::1:6443', 'host:port']) {
    test(`${text} is refused with what to write`, () => assert.throws(() => parseHostPort(text), /HOST:PORT/));
  }
});

describe('families', () => {
  test('the order is kept', () => assert.deepEqual(parseFamilies('ipv6,ipv4'), ['IPv6', 'IPv4']));
  test('an unknown family is refused', () => assert.throws(() => parseFamilies('ipv5'), /ipv4, ipv6/));
  test('a family cannot be named twice', () => assert.throws(() => parseFamilies('ipv4,ipv4'), /twice/));
});

describe('prefixes', () => {
  test('one of each family', () => {
    assert.deepEqual(parseCIDRs('10.96.0.0/16,fd00::/112').map(printCIDR), ['10.96.0.0/16', 'fd00::/112']);
  });
  test('two of one family are refused', () => assert.throws(() => parseCIDRs('10.0.0.0/16,10.1.0.0/16'), /per family/));
  test('what is no prefix is named', () => assert.throws(() => parseCIDRs('10.0.0.0'), /10\.0\.0\.0/));
});

for (const text of ['0', '-1', '1.5', 'x', '1000', '']) {
  test(`${JSON.stringify(text)} is not a count`, () => assert.throws(() => parseCount(text), /whole number/));
}
