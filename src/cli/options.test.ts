import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printCIDR } from '../lib/ip.ts';
import {
  parseCIDRs,
  parseCount,
  parseDuration,
  parseFamilies,
  parseHostPort,
  parseInterfaces,
  parsePort,
} from './options.ts';

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

describe('times', () => {
  for (const [text, expected] of [
    ['50ms', 50],
    ['1s', 1000],
    ['1.5s', 1500],
    ['0', 0],
  ] as const) {
    test(`${text} is ${expected} ms`, () => assert.equal(parseDuration(text), expected));
  }
  for (const text of ['50', 'ms', '-1s', '1m', '1 s', '1e3s']) {
    test(`${text} is refused with what to write`, () => assert.throws(() => parseDuration(text), /50ms, 1s or 1.5s/));
  }
});

test('interfaces are named with commas between', () => {
  assert.deepEqual(parseInterfaces('eth0, bond0.7'), ['eth0', 'bond0.7']);
  assert.throws(() => parseInterfaces('eth0,'), /name of an interface/);
});

test('a port is a number from 1 to 65535', () => {
  assert.equal(parsePort('7952'), 7952);
  for (const text of ['0', '65536', 'http', '']) assert.throws(() => parsePort(text), /1 to 65535/);
});
