import assert from 'node:assert/strict';
import { test } from 'node:test';
import { service } from '../testing.ts';
import { CLASS_IN, RCODE, TYPE } from '../wire/message.ts';
import { desiredRecords } from './desired.ts';
import { lookup } from './lookup.ts';
import { RecordIndex } from './record-index.ts';
import { apexRecords } from './zone.ts';

const ZONE = 'cluster.local';

function exampleIndex(): RecordIndex {
  const index = new RecordIndex();
  index.set('', apexRecords(ZONE, []));
  for (const each of [
    service('web', { clusterIPs: ['10.96.0.10'], ports: [{ name: 'http', port: 80 }] }),
    service('away', { type: 'ExternalName', externalName: 'www.example.com' }),
    service('near', { type: 'ExternalName', externalName: 'web.ns.svc.cluster.local' }),
    service('lost', { type: 'ExternalName', externalName: 'nobody.ns.svc.cluster.local' }),
    service('ring', { type: 'ExternalName', externalName: 'ring.ns.svc.cluster.local' }),
  ]) {
    index.set(each.metadata.name ?? '', desiredRecords(ZONE, each, []));
  }
  return index;
}

const index = exampleIndex();
const ask = (name: string, type: number) => lookup(index, ZONE, { name, type, class: CLASS_IN });

/** `NXDOMAIN + SOA`, `NOERROR A`: the rcode, the types of the answers, and whether there is an SOA. */
function summary(name: string, type: number): string {
  const found = ask(name, type);
  if (found.kind === 'alias') return `alias to ${found.target}`;
  if (found.kind !== 'answer') return found.kind;
  const { rcode, answers, authorities } = found.response;
  const name_ = Object.entries(RCODE).find(([, code]) => code === rcode)?.[0];
  return [name_, ...answers.map(({ data }) => data.type), ...(authorities.length > 0 ? ['+ SOA'] : [])].join(' ');
}

const cases: readonly (readonly [string, keyof typeof TYPE, string])[] = [
  ['web.ns.svc.cluster.local', 'A', 'NOERROR A'],
  ['web.ns.svc.cluster.local', 'AAAA', 'NOERROR + SOA'],
  ['web.ns.svc.cluster.local', 'ANY', 'NOERROR HINFO'],
  ['_http._tcp.web.ns.svc.cluster.local', 'SRV', 'NOERROR SRV'],
  ['_tcp.web.ns.svc.cluster.local', 'SRV', 'NOERROR + SOA'],
  ['ns.svc.cluster.local', 'A', 'NOERROR + SOA'],
  ['other.svc.cluster.local', 'A', 'NXDOMAIN + SOA'],
  ['missing.ns.svc.cluster.local', 'A', 'NXDOMAIN + SOA'],
  ['web.ns.svc.cluster.local.ns.svc.cluster.local', 'A', 'NXDOMAIN + SOA'],
  ['cluster.local', 'SOA', 'NOERROR SOA'],
  ['cluster.local', 'NS', 'NOERROR NS'],
  ['dns-version.cluster.local', 'TXT', 'NOERROR TXT'],
  ['10.0.96.10.in-addr.arpa', 'PTR', 'NOERROR PTR'],
  ['11.0.96.10.in-addr.arpa', 'PTR', 'forward'],
  ['96.10.in-addr.arpa', 'SOA', 'forward'],
  ['www.example.com', 'A', 'forward'],
  ['notcluster.local', 'A', 'forward'],
  ['away.ns.svc.cluster.local', 'A', 'alias to www.example.com'],
  ['away.ns.svc.cluster.local', 'CNAME', 'NOERROR CNAME'],
  ['near.ns.svc.cluster.local', 'A', 'NOERROR CNAME A'],
  ['near.ns.svc.cluster.local', 'AAAA', 'NOERROR CNAME + SOA'],
  ['lost.ns.svc.cluster.local', 'A', 'NXDOMAIN CNAME + SOA'],
  ['ring.ns.svc.cluster.local', 'A', 'SERVFAIL'],
  ['cluster.local', 'AXFR', 'refuse'],
];

for (const [name, type, expected] of cases) {
  test(`${name} ${type}: ${expected}`, () => {
    assert.equal(summary(name, TYPE[type]), expected);
  });
}

test('an SRV answer brings the addresses of its target along', () => {
  const found = ask('_http._tcp.web.ns.svc.cluster.local', TYPE.SRV);
  assert.ok(found.kind === 'answer');
  assert.deepEqual(
    found.response.additionals.map(({ name, data }) => `${name} ${data.type}`),
    ['web.ns.svc.cluster.local A'],
  );
});

test('a name is gone with its last record, and so are the empty names above it', () => {
  const own = exampleIndex();
  for (const owner of ['web', 'away', 'near', 'lost', 'ring']) own.set(owner, []);
  assert.equal(own.get('web.ns.svc.cluster.local'), undefined);
  assert.equal(own.get('ns.svc.cluster.local'), undefined);
  assert.equal(own.get('svc.cluster.local'), undefined);
  assert.notEqual(own.get('cluster.local'), undefined);
});

test('two owners of one name do not disturb each other', () => {
  const own = new RecordIndex();
  const [record] = desiredRecords(ZONE, service('web', { clusterIPs: ['10.96.0.10'] }), []);
  const [other] = desiredRecords(ZONE, service('web', { clusterIPs: ['10.96.0.11'] }), []);
  assert.ok(record && other);
  own.set('a', [record]);
  own.set('b', [other]);
  assert.equal(own.get(record.name)?.length, 2);
  own.set('a', []);
  assert.deepEqual(own.get(record.name), [other]);
});
