import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseIP } from '../../lib/ip.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { service } from '../testing/builders.ts';
import { ownerOf } from './owner.ts';
import type { TrafficReading } from './reading.ts';

const NODE = '192.168.50.1';
const web = service(
  'web',
  {
    type: 'LoadBalancer',
    clusterIPs: ['10.96.0.10', 'fd00:10:96::10'],
    ports: [
      { name: 'http', port: 80, nodePort: 30080 },
      { name: 'dns', port: 80, protocol: 'UDP' },
    ],
    externalTrafficPolicy: 'Local',
  },
  ['172.30.0.1'],
);
const table = new ForwardingTable(['IPv4', 'IPv6']);
table.set('default/web', desiredForwarding(web, [], { name: 'node1' }));
table.setNodeAddresses([mustParseIP(NODE)]);

function owner(ip: string, port: number, protocol: TrafficReading['protocol'] = 'tcp') {
  const family = ip.includes(':') ? 'IPv6' : 'IPv4';
  const found = ownerOf(
    {
      family,
      protocol,
      what: 'in',
      asked: { ip, port },
      endpoint: { ip: '10.244.1.5', port: 1 },
      packets: 1,
      bytes: 1,
    },
    {
      serviceOf: (key) => table.serviceOf(key),
      find: (key) => (key === 'default/web' ? web : undefined),
      nodeAddresses: new Set([NODE]),
    },
  );
  return found && `${found.service} ${found.port} ${found.portName}`;
}

test('every entrance leads to the port of the Service', () => {
  assert.equal(owner('10.96.0.10', 80), 'default/web 80 http');
  assert.equal(owner('fd00:10:96::10', 80), 'default/web 80 http');
  assert.equal(owner('172.30.0.1', 80), 'default/web 80 http');
  assert.equal(owner(NODE, 30080), 'default/web 80 http');
  assert.equal(owner('10.96.0.10', 80, 'udp'), 'default/web 80 dns');
});

test('what others translate is nobody’s', () => {
  assert.equal(owner('10.96.0.10', 81), undefined);
  assert.equal(owner('10.96.0.10', 80, 'sctp'), undefined);
  assert.equal(owner('192.168.50.77', 30080), undefined, 'a node port elsewhere');
  assert.equal(owner(NODE, 80), undefined);
});
