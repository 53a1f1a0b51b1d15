import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { LoadBalancerProvider } from '../../provider.ts';
import { ANNOTATIONS } from '../request/annotations.ts';
import { OciWorld, ociService, tlsSecret } from './testing.ts';

const { lb: LB } = ANNOTATIONS;
const PLAIN = ociService('lb');
const TLS = ociService('lb', {}, { [LB.tlsPorts]: '80', [LB.listenerSecret]: 'front' });
const BOTH = ociService('lb', {}, { ...TLS.metadata.annotations, [LB.backendSetSecret]: 'back' });

function worldWithSecrets(): OciWorld {
  const world = new OciWorld();
  world.secrets.set('ns/front', tlsSecret('front', 'one'));
  world.secrets.set('ns/back', tlsSecret('back', 'two'));
  return world;
}

function made(world: OciWorld) {
  const [found = assert.fail('there is none')] = world.cloud.state.loadBalancers.all();
  return {
    certificates: Object.keys(found.certificates ?? {}).sort(),
    listener: found.listeners?.['TCP-80']?.sslConfiguration,
    backendSet: found.backendSets?.['TCP-80']?.sslConfiguration,
    health: found.backendSets?.['TCP-80']?.healthChecker,
  };
}

async function ready(world: OciWorld, provider: LoadBalancerProvider, service = TLS): Promise<void> {
  assert.partialDeepStrictEqual(await world.settle(provider, service), { kind: 'ready' });
}

describe('TLS that a load balancer ends', () => {
  test('has the certificate of the Secret, towards clients and nodes, and asks nodes in the clear', async () => {
    const world = worldWithSecrets();
    await ready(world, world.open(), BOTH);
    const { certificates, listener, backendSet, health } = made(world);
    const [back = '', front = ''] = certificates;
    assert.match(certificates.join(), /^postern-back-[0-9a-f]{16},postern-front-[0-9a-f]{16}$/);
    assert.deepEqual([listener?.certificateName, backendSet?.certificateName], [front, back]);
    assert.equal(listener?.verifyPeerCertificate, false);
    assert.equal(health?.isForcePlainText, true);
    const writes = world.watched.written.length;
    await ready(world, world.open(), BOTH);
    assert.equal(world.watched.written.length, writes);
  });

  test('is put on, renewed and taken off, and certificates go when they are needed no more', async () => {
    const world = worldWithSecrets();
    const provider = world.open();
    await ready(world, provider, PLAIN);
    assert.deepEqual(made(world).certificates, []);
    await ready(world, provider);
    const [first = ''] = made(world).certificates;
    world.secrets.set('ns/front', tlsSecret('front', 'renewed'));
    const writes = world.watched.written.length;
    await ready(world, provider);
    const { certificates, listener } = made(world);
    assert.equal(certificates.length, 1);
    assert.notEqual(certificates[0], first);
    assert.equal(listener?.certificateName, certificates[0]);
    assert.deepEqual(
      world.watched.written.slice(writes).map((name) => name.split('.')[1]),
      ['createCertificate', 'updateListener', 'deleteCertificate'],
    );
    await ready(world, provider, PLAIN);
    assert.deepEqual(made(world).certificates, []);
    assert.equal(made(world).listener, undefined);
  });

  test('has options that the Service says, and those of gRPC where it says none', async () => {
    const world = worldWithSecrets();
    const options = { [LB.listenerTls]: '{"CipherSuiteName":"mine","Protocols":["TLSv1.3"]}' };
    await ready(world, world.open(), ociService('lb', {}, { ...TLS.metadata.annotations, ...options }));
    assert.partialDeepStrictEqual(made(world).listener, { cipherSuiteName: 'mine', protocols: ['TLSv1.3'] });
    const other = worldWithSecrets();
    await ready(
      other,
      other.open(),
      ociService('lb', {}, { ...TLS.metadata.annotations, [LB.backendProtocol]: 'GRPC' }),
    );
    const [grpc] = other.cloud.state.loadBalancers.all();
    assert.partialDeepStrictEqual(grpc?.listeners?.['GRPC-80'], {
      protocol: 'GRPC',
      sslConfiguration: { cipherSuiteName: 'oci-default-http2-ssl-cipher-suite-v1' },
    });
  });

  test('that an administrator has set by hand stays where the Service asks for none', async () => {
    const world = worldWithSecrets();
    const provider = world.open();
    await ready(world, provider, PLAIN);
    const [found = assert.fail()] = world.cloud.state.loadBalancers.all();
    const byHand = { certificateName: 'mine', verifyDepth: 1, verifyPeerCertificate: false, protocols: ['TLSv1.2'] };
    const [name, listener = assert.fail()] = Object.entries(found.listeners ?? {})[0] ?? assert.fail();
    world.cloud.state.loadBalancers.patch(found.id, {
      certificates: { mine: { certificateName: 'mine', publicCertificate: '', caCertificate: '' } },
      listeners: { [name]: { ...listener, sslConfiguration: byHand } },
    });
    await ready(world, provider, ociService('lb', {}, { [LB.idleTimeout]: '120' }));
    assert.deepEqual(made(world).listener?.certificateName, 'mine');
    assert.deepEqual(made(world).certificates, ['mine']);
  });

  test('is refused without a Secret that has a certificate and a key', async () => {
    const world = new OciWorld();
    const provider = world.open();
    for (const [secret, why] of [
      [undefined, /Secret ns\/front: there is no such Secret/],
      [{ ...tlsSecret('front', ''), data: {} }, /Secret ns\/front: it must have tls.crt and tls.key/],
    ] as const) {
      if (secret !== undefined) world.secrets.set('ns/front', secret);
      const outcome = await world.settle(provider, TLS);
      assert.partialDeepStrictEqual(outcome, { kind: 'refused', reason: 'InvalidSecret' });
      assert.match(outcome.kind === 'refused' ? outcome.why : '', why);
    }
    assert.deepEqual(world.all(), []);
  });

  test('has a key that no log, outcome or error tells', async () => {
    const world = worldWithSecrets();
    const provider = world.open();
    await ready(world, provider, PLAIN);
    const told: string[] = [];
    for (const fault of [
      () => world.cloud.state.work.failNext('CreateCertificate', { code: 'BAD_INPUT', message: 'not a certificate' }),
      () => world.cloud.fail({ when: { call: 'createCertificate' }, how: 'timeout' }),
      () => world.cloud.fail({ when: { call: 'createCertificate' }, how: { status: 400, code: 'InvalidParameter' } }),
    ]) {
      fault();
      const outcome = await world.settle(provider, TLS).catch((error: unknown) => inspect(error, { depth: 9 }));
      told.push(JSON.stringify(outcome));
      await world.clock.advance(300_000);
    }
    await ready(world, provider, TLS);
    assert.match(told.join(), /not a certificate.*no answer.*refused/);
    assert.ok(world.logged.length > 0);
    for (const text of [...told, ...world.logged]) assert.doesNotMatch(text, /tls\.key one|dGxzLmtleS/);
  });
});
