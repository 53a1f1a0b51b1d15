import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Service } from '../core/v1/service.ts';
import { ApiError } from '../status.ts';
import { applyJsonPatch } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicPatch } from './strategic.ts';

const strategic = (target: unknown, patch: unknown) => applyStrategicPatch(Service.schema.node, target, patch);
const isRefused = (code: number, text: RegExp) => (error: unknown) =>
  error instanceof ApiError && error.code === code && text.test(error.message);

describe('a JSON merge patch', () => {
  // The table of https://www.rfc-editor.org/rfc/rfc7386#appendix-A
  const CASES: readonly [target: unknown, patch: unknown, result: unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of CASES) {
    test(`${JSON.stringify(patch)} makes ${JSON.stringify(result)} of ${JSON.stringify(target)}`, () => {
      const before = structuredClone(target);
      assert.deepEqual(applyMergePatch(target, patch), result);
      assert.deepEqual(target, before);
    });
  }

  test('reaches no prototype', () => {
    const result = applyMergePatch({ a: {} }, JSON.parse('{"__proto__":{"x":1},"a":{"__proto__":{"x":1}}}'));
    assert.deepEqual(result, { a: {} });
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });

  test('is refused when it nests too deep', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
    assert.throws(() => applyMergePatch({}, deep), isRefused(400, /levels deep/));
  });
});

describe('a JSON patch', () => {
  test('carries out its operations in order, and leaves the target as it was', () => {
    const target = { metadata: { labels: { a: '1' } }, list: [1, 2] };
    const result = applyJsonPatch(target, [
      { op: 'test', path: '/metadata/labels/a', value: '1' },
      { op: 'add', path: '/metadata/labels/b~1c', value: '2' },
      { op: 'remove', path: '/metadata/labels/a' },
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'replace', path: '/list/0', value: 0 },
      { op: 'copy', from: '/list', path: '/copy' },
      { op: 'move', from: '/copy', path: '/moved' },
    ]);
    assert.deepEqual(result, { metadata: { labels: { 'b/c': '2' } }, list: [0, 2, 3], moved: [0, 2, 3] });
    assert.deepEqual(target, { metadata: { labels: { a: '1' } }, list: [1, 2] });
  });

  const REFUSED: readonly [why: string, patch: unknown, code: number, text: RegExp][] = [
    ['it is not a list', {}, 400, /a JSON patch is a list/],
    ['an operation is unknown', [{ op: 'merge', path: '/a' }], 400, /op is "merge"; allowed are add/],
    ['a path is no pointer', [{ op: 'remove', path: 'a' }], 400, /must be a JSON pointer/],
    ['a value is missing', [{ op: 'add', path: '/a' }], 400, /add needs a value/],
    ['a test fails', [{ op: 'test', path: '/a', value: 2 }], 422, /testing value failed/],
    ['what it removes is not there', [{ op: 'remove', path: '/b' }], 422, /operation 0 of the patch, remove \/b/],
    ['it names a prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }], 400, /__proto__/],
    ['it has too many operations', Array(10_001).fill({ op: 'test', path: '/a', value: 1 }), 413, /10001 operations/],
    [
      'it doubles the object again and again',
      Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/x${i}` })),
      400,
      /copies too much|exceeds/,
    ],
  ];
  for (const [why, patch, code, text] of REFUSED) {
    test(`is refused when ${why}`, () => {
      assert.throws(() => applyJsonPatch({ a: 1 }, patch), isRefused(code, text));
    });
  }
});

describe('a strategic merge patch', () => {
  const http = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 };
  const https = { name: 'https', port: 443, protocol: 'TCP' };
  const ports = (...list: unknown[]) => ({ spec: { ports: list } });

  const CASES: readonly [what: string, target: unknown, patch: unknown, result: unknown][] = [
    [
      'changes a port in place by its number',
      ports(http, https),
      ports({ port: 80, targetPort: 9376 }),
      ports({ ...http, targetPort: 9376 }, https),
    ],
    ['puts a port that is new before those it does not mention', ports(http), ports(https), ports(https, http)],
    ['deletes a port by directive', ports(http, https), ports({ $patch: 'delete', port: 80 }), ports(https)],
    ['replaces a list by directive', ports(http, https), ports({ $patch: 'replace' }, https), ports(https)],
    [
      'deletes a field within an element',
      ports(http),
      ports({ port: 80, name: null }),
      ports({ port: 80, protocol: 'TCP', targetPort: 8080 }),
    ],
    [
      'replaces a list that is atomic',
      { spec: { externalIPs: ['1.2.3.4'] } },
      { spec: { externalIPs: ['5.6.7.8'] } },
      { spec: { externalIPs: ['5.6.7.8'] } },
    ],
    [
      'unites a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { finalizers: ['b', 'c'] } },
      { metadata: { finalizers: ['a', 'b', 'c'] } },
    ],
    [
      'takes from a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } },
      { metadata: { finalizers: ['b'] } },
    ],
    [
      'merges a map',
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { a: null, c: '3' } } },
      { metadata: { labels: { b: '2', c: '3' } } },
    ],
    [
      'replaces a map by directive',
      { spec: { selector: { a: '1' } } },
      { spec: { selector: { $patch: 'replace', b: '2' } } },
      { spec: { selector: { b: '2' } } },
    ],
    [
      'deletes the content of a map by directive',
      { spec: { selector: { a: '1' } } },
      { spec: { selector: { $patch: 'delete' } } },
      { spec: { selector: {} } },
    ],
    ['deletes a list by null', ports(http), { spec: { ports: null } }, { spec: {} }],
    [
      'keeps only the keys it names',
      { spec: { sessionAffinityConfig: { clientIP: {} }, type: 'NodePort' } },
      { spec: { $retainKeys: ['type'], type: 'ClusterIP' } },
      { spec: { type: 'ClusterIP' } },
    ],
    [
      'puts elements in the order it asks for, and the server’s own where they stood',
      ports({ port: 1 }, { port: 2 }, { port: 3 }, { port: 4 }),
      { spec: { '$setElementOrder/ports': [{ port: 4 }, { port: 5 }, { port: 2 }], ports: [{ port: 5 }] } },
      ports({ port: 1 }, { port: 3 }, { port: 4 }, { port: 5 }, { port: 2 }),
    ],
    [
      'drops directives and nulls from what is new',
      {},
      { spec: { selector: { a: null, b: '1' }, '$setElementOrder/ports': [{ port: 80 }], ports: [http] } },
      { spec: { selector: { b: '1' }, ports: [http] } },
    ],
    [
      'tells two ports of one number apart by their protocols',
      ports({ port: 53, protocol: 'TCP', name: 'dns-tcp' }, { port: 53, protocol: 'UDP', name: 'dns' }),
      ports({ port: 53, protocol: 'UDP', targetPort: 5353 }),
      ports(
        { port: 53, protocol: 'TCP', name: 'dns-tcp' },
        { port: 53, protocol: 'UDP', name: 'dns', targetPort: 5353 },
      ),
    ],
  ];
  for (const [what, target, patch, result] of CASES) {
    test(what, () => {
      const before = structuredClone(target);
      assert.deepEqual(strategic(target, patch), result);
      assert.deepEqual(target, before);
    });
  }

  const REFUSED: readonly [why: string, patch: unknown, text: RegExp][] = [
    ['it is no object', [], /is an object/],
    ['an element lacks the merge key', ports({ name: 'http' }), /lacks "port"/],
    ['a directive is unknown', { spec: { $patch: 'append' } }, /unknown patch directive: "append"/],
    ['$retainKeys leaves out a field of the patch', { spec: { $retainKeys: [], type: 'x' } }, /"type" is missing/],
  ];
  for (const [why, patch, text] of REFUSED) {
    test(`is refused when ${why}`, () => {
      assert.throws(() => strategic({ spec: {} }, patch), isRefused(400, text));
    });
  }

  test('reaches no prototype', () => {
    const result = strategic({}, JSON.parse('{"__proto__":{"x":1},"metadata":{"labels":{"__proto__":"y"}}}'));
    assert.deepEqual(result, { metadata: { labels: {} } });
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });
});
