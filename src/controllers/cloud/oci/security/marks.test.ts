import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clusterName,
  markOf,
  nodePortOwner,
  parseMark,
  printMark,
  revised,
  type Scope,
  serviceOwner,
} from './marks.ts';

const owners = (count: number) => Array.from({ length: count }, (_, index) => `prod/default/service-${index}`);
const scopeOf = (owner: string): Scope => ({ kind: 'service', owner });
const NODE_PORTS: Scope = { kind: 'node-ports', cluster: 'prod' };

test('a description tells whose a rule is', () => {
  const mark = markOf(['prod/default/web', 'prod/shop/api']);
  assert.equal(printMark(mark), 'Postern: prod/default/web, prod/shop/api');
  assert.deepEqual(parseMark(printMark(mark)), mark);
});

test('what somebody else wrote is not ours', () => {
  for (const description of [undefined, null, '', 'web', 'postern: prod/default/web', 'our Postern: x']) {
    assert.equal(parseMark(description), undefined);
  }
});

test('a description never has more than the 255 characters that it may have, and is read again as it was', () => {
  const longest = serviceOwner(clusterName('c'.repeat(300)), { namespace: 'n'.repeat(63), name: 's'.repeat(63) });
  for (const all of [[longest], [longest, `${longest}x`], ...[1, 5, 20, 49, 50, 500].map(owners)]) {
    const mark = markOf(all);
    assert.ok(printMark(mark).length <= 255);
    assert.deepEqual(parseMark(printMark(mark)), mark);
  }
});

test('owners come and go, by name and where there are too many for names', () => {
  for (const count of [2, 20]) {
    const [first = '', ...others] = owners(count);
    const mark = markOf([first, ...others]);
    assert.deepEqual(revised(mark, [scopeOf(first)], [first]), mark);
    const less = revised(mark, [scopeOf(first)], []);
    assert.deepEqual(
      less,
      count === 2 ? markOf(others) : { ...mark, hashes: mark.kind === 'hashes' && mark.hashes.slice(1) },
    );
    assert.equal(revised(markOf(others), others.map(scopeOf), []), undefined);
  }
});

test('more owners than a description can tell stay owners', () => {
  const mark = markOf(owners(100));
  assert.deepEqual(mark, { kind: 'many' });
  assert.deepEqual(revised(mark, owners(100).map(scopeOf), []), mark);
});

test('node ports of a cluster are another owner than its load balancers, and than those of other clusters', () => {
  const mark = markOf(['prod/a/web', nodePortOwner('prod', 'a/web'), nodePortOwner('test', 'a/web')]);
  assert.deepEqual(revised(mark, [NODE_PORTS], []), markOf(['prod/a/web', nodePortOwner('test', 'a/web')]));
});

test('a name of a cluster cannot be taken for something else in a description', () => {
  assert.equal(clusterName('a/b, c'), 'a-b--c');
});
