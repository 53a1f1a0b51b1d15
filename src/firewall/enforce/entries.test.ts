import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Opening } from '../backend.ts';
import { opening } from '../contract.ts';
import { admittedEntries, guardedAdmissions, guardedEntries } from './entries.ts';
import type { Reading } from './reading.ts';

const web = (more: Partial<Opening> = {}): Opening => opening('IPv4', 80, { policy: 'enforce', ...more });
const READING: Reading = {
  text: '',
  ways: [{ interfaces: ['lan0'], sources: (_, asked) => asked ?? ['10.0.0.0/8'] }],
  others: (_, asked) => asked ?? ['0.0.0.0/0'],
};
const sources = (one: Opening) =>
  admittedEntries(one, READING).map((way) => way.map(({ source }) => source ?? 'anyone'));

describe('entries of what is enforced', () => {
  test('say again which admissions they are for', () => {
    for (const one of [web(), web({ sources: ['10.0.0.0/8', '192.0.2.7/32'] })]) {
      const { owner: _, kind: __, ...admission } = one;
      assert.deepEqual(guardedAdmissions(guardedEntries(one)), [admission]);
    }
  });

  test('are for whom the firewall admits by each way, of those whom the Service does', () => {
    assert.deepEqual(sources(web()), [['10.0.0.0/8'], ['anyone']]);
    assert.deepEqual(sources(web({ sources: ['192.0.2.0/24'] })), [['192.0.2.0/24'], ['192.0.2.0/24']]);
  });

  test('are for everybody at a socket of the node, which the firewall sees itself', () => {
    assert.deepEqual(sources(web({ kind: 'health-check' })), [['anyone'], ['anyone']]);
  });

  test('are none where the Service admits nobody', () => {
    assert.deepEqual(guardedEntries(web({ sources: [] })), []);
    assert.deepEqual(sources(web({ sources: [] })), []);
  });
});
