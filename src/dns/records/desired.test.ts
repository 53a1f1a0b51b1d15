import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { printIP } from '../../lib/ip.ts';
import { service, slice } from '../testing.ts';
import type { ResourceRecord } from '../wire/message.ts';
import { desiredRecords } from './desired.ts';

/** A record as a zone file has it, without TTL and class. */
function printRecord({ name, data }: ResourceRecord): string {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return `${name} ${data.type} ${printIP(data.address)}`;
    case 'SRV':
      return `${name} SRV ${data.priority} ${data.weight} ${data.port} ${data.target}`;
    case 'CNAME':
    case 'PTR':
    case 'NS':
      return `${name} ${data.type} ${data.target}`;
    default:
      return `${name} ${JSON.stringify(data)}`;
  }
}

const cases: readonly {
  readonly what: string;
  readonly service: Service | undefined;
  readonly slices?: readonly EndpointSlice[];
  readonly records: readonly string[];
}[] = [
  {
    what: 'a dual-stack cluster IP has A, AAAA, SRV for named ports, and PTR of both families',
    service: service('web', {
      clusterIPs: ['10.96.0.10', 'fd00:10:96::1'],
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    }),
    records: [
      'web.ns.svc.cluster.local A 10.96.0.10',
      'web.ns.svc.cluster.local AAAA fd00:10:96::1',
      '_http._tcp.web.ns.svc.cluster.local SRV 0 100 80 web.ns.svc.cluster.local',
      '_dns._udp.web.ns.svc.cluster.local SRV 0 100 53 web.ns.svc.cluster.local',
      '10.0.96.10.in-addr.arpa PTR web.ns.svc.cluster.local',
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa PTR web.ns.svc.cluster.local',
    ],
  },
  {
    what: 'an unnamed port has no SRV record',
    service: service('web', { clusterIP: '10.96.0.10', ports: [{ port: 80 }] }),
    records: ['web.ns.svc.cluster.local A 10.96.0.10', '10.0.96.10.in-addr.arpa PTR web.ns.svc.cluster.local'],
  },
  {
    what: 'a headless Service has its ready endpoints, by hostname where they have one',
    service: service('db', { clusterIP: 'None', clusterIPs: ['None'] }),
    slices: [
      slice('db', {
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
        endpoints: [
          { addresses: ['10.244.1.9'], conditions: { ready: false } },
          { addresses: ['10.244.1.8'], hostname: 'Db-0', conditions: { ready: true } },
          { addresses: ['10.244.1.7'] },
        ],
      }),
    ],
    records: [
      'db.ns.svc.cluster.local A 10.244.1.7',
      '10-244-1-7.db.ns.svc.cluster.local A 10.244.1.7',
      '7.1.244.10.in-addr.arpa PTR 10-244-1-7.db.ns.svc.cluster.local',
      '_sql._tcp.db.ns.svc.cluster.local SRV 0 100 5432 10-244-1-7.db.ns.svc.cluster.local',
      'db.ns.svc.cluster.local A 10.244.1.8',
      'db-0.db.ns.svc.cluster.local A 10.244.1.8',
      '8.1.244.10.in-addr.arpa PTR db-0.db.ns.svc.cluster.local',
      '_sql._tcp.db.ns.svc.cluster.local SRV 0 100 5432 db-0.db.ns.svc.cluster.local',
    ],
  },
  {
    what: 'an endpoint that stands in two slices is listed once',
    service: service('db', { clusterIPs: ['None'] }),
    slices: [
      slice('db', { endpoints: [{ addresses: ['10.244.1.7'] }] }, 'db-a'),
      slice('db', { endpoints: [{ addresses: ['10.244.1.7'] }] }, 'db-b'),
    ],
    records: [
      'db.ns.svc.cluster.local A 10.244.1.7',
      '10-244-1-7.db.ns.svc.cluster.local A 10.244.1.7',
      '7.1.244.10.in-addr.arpa PTR 10-244-1-7.db.ns.svc.cluster.local',
    ],
  },
  {
    what: 'a headless Service without ready endpoints has no records',
    service: service('db', { clusterIPs: ['None'] }),
    slices: [slice('db', { endpoints: [{ addresses: ['10.244.1.7'], conditions: { ready: false } }] })],
    records: [],
  },
  {
    what: 'an ExternalName is an alias',
    service: service('ext', { type: 'ExternalName', externalName: 'WWW.Example.com.' }),
    records: ['ext.ns.svc.cluster.local CNAME www.example.com'],
  },
  { what: 'a Service that is gone has no records', service: undefined, records: [] },
];

for (const { what, service: input, slices = [], records } of cases) {
  test(what, () => {
    assert.deepEqual(desiredRecords('cluster.local', input, slices).map(printRecord), records);
  });
}
