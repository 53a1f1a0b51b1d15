import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalSubsets } from './endpoints.subsets.ts';
import { type EndpointSubset, Endpoints } from './endpoints.ts';

const [A, B, C] = [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }, { ip: '10.0.0.3' }];
const http = { name: 'http', port: 80, protocol: 'TCP' as const };
const dns = { name: 'dns', port: 53, protocol: 'UDP' as const };

const endpoints = (subsets: readonly EndpointSubset[]): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'web', namespace: 'ns' },
  subsets,
});

describe('the canonical form of Endpoints', () => {
  const cases: [string, EndpointSubset[], EndpointSubset[]][] = [
    [
      'joins the ports of the same addresses',
      [
        { addresses: [A], ports: [http] },
        { addresses: [A], ports: [dns] },
      ],
      [{ addresses: [A], ports: [dns, http] }],
    ],
    [
      'joins the addresses of the same port',
      [
        { addresses: [B], ports: [http] },
        { addresses: [A], notReadyAddresses: [C], ports: [http] },
      ],
      [{ addresses: [A, B], notReadyAddresses: [C], ports: [http] }],
    ],
    [
      'keeps apart what has other addresses',
      [
        { addresses: [A], ports: [http] },
        { addresses: [B], ports: [dns] },
      ],
      [
        { addresses: [B], ports: [dns] },
        { addresses: [A], ports: [http] },
      ],
    ],
    ['keeps addresses without a port', [{ addresses: [B] }, { addresses: [A] }], [{ addresses: [A, B] }]],
    [
      'takes an address that is said to be both as not ready',
      [{ addresses: [A], notReadyAddresses: [A], ports: [http] }],
      [{ notReadyAddresses: [A], ports: [http] }],
    ],
  ];
  for (const [name, given, expected] of cases) {
    it(name, () => {
      assert.deepEqual(canonicalSubsets(given), expected);
      assert.deepEqual(canonicalSubsets(expected), expected, 'and stays as it is');
    });
  }
});

describe('the checks of Endpoints', () => {
  const mistakes = (subsets: readonly EndpointSubset[], old?: readonly EndpointSubset[]) =>
    Endpoints.validate(endpoints(subsets), old && endpoints(old)).map(({ field, reason }) => `${field} ${reason}`);
  const cases: [string, EndpointSubset[], string[]][] = [
    ['a subset without addresses', [{ ports: [http] }], ['subsets[0] FieldValueRequired']],
    ['what is no address', [{ addresses: [{ ip: 'x' }] }], ['subsets[0].addresses[0].ip FieldValueInvalid']],
    [
      'a loopback address',
      [{ notReadyAddresses: [{ ip: '127.0.0.1' }] }],
      ['subsets[0].notReadyAddresses[0].ip FieldValueInvalid'],
    ],
    [
      'a hostname that is no label',
      [{ addresses: [{ ...A, hostname: 'a.b' }] }],
      ['subsets[0].addresses[0].hostname FieldValueInvalid'],
    ],
    [
      'two ports of which one has no name',
      [{ addresses: [A], ports: [http, { port: 81 }] }],
      ['subsets[0].ports[1].name FieldValueRequired'],
    ],
    ['a port out of range', [{ addresses: [A], ports: [{ port: 0 }] }], ['subsets[0].ports[0].port FieldValueInvalid']],
    [
      'an appProtocol that is no qualified name',
      [{ addresses: [A], ports: [{ port: 1, appProtocol: 'a b' }] }],
      ['subsets[0].ports[0].appProtocol FieldValueInvalid'],
    ],
  ];
  for (const [name, subsets, expected] of cases) {
    it(`refuse ${name}`, () => assert.deepEqual(mistakes(subsets), expected));
  }

  it('let an address move to another node', () => {
    const on = (nodeName: string) => [{ addresses: [{ ...A, nodeName }] }];
    assert.deepEqual(mistakes(on('n2'), on('n1')), []);
  });
});

it('kubectl shows the first three endpoints, and how many more there are', () => {
  const many = [
    { addresses: [A, B], ports: [http, dns] },
    { addresses: [{ ip: 'fd00::1' }], ports: [http] },
  ];
  const [column] = Endpoints.columns;
  assert.equal(column?.value(endpoints(many), 0), '10.0.0.1:80,10.0.0.2:80,10.0.0.1:53 + 2 more...');
  assert.equal(column?.value(endpoints(many.slice(1)), 0), '[fd00::1]:80');
  assert.equal(column?.value(endpoints([]), 0), '<none>');
});
