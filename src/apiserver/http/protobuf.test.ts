import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../lib/random.ts';
import { decodeProtobuf } from './protobuf.ts';

/** A length-delimited field. */
function part(number: number, bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes as string);
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}
function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
function body(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const typeMeta = Buffer.concat([part(1, apiVersion), part(2, kind)]);
  return Buffer.concat([Buffer.from('k8s\0'), part(1, typeMeta), part(2, raw)]);
}

test('reads a Service as the same body in JSON would be', () => {
  const labels = ['a', 'b'].map((key) => part(11, Buffer.concat([part(1, key), part(2, `${key}1`)])));
  const metadata = Buffer.concat([part(1, 'web'), part(3, ''), part(8, ''), ...labels]);
  const targetPort = Buffer.concat([number(1, 1), part(3, 'http')]);
  const ports = [
    Buffer.concat([part(1, 'x'), part(2, 'TCP'), number(3, 80), part(4, targetPort), number(5, 0)]),
    Buffer.concat([number(3, 81), part(4, Buffer.concat([number(1, 0), number(2, 8081)])), number(5, 30000)]),
  ];
  const spec = Buffer.concat([
    ...ports.map((port) => part(1, port)),
    part(4, 'NodePort'),
    number(20, 0),
    number(13, 0),
  ]);
  assert.deepEqual(decodeProtobuf(body('v1', 'Service', Buffer.concat([part(1, metadata), part(2, spec)]))), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', creationTimestamp: null, labels: { a: 'a1', b: 'b1' } },
    spec: {
      type: 'NodePort',
      allocateLoadBalancerNodePorts: false,
      ports: [
        { name: 'x', protocol: 'TCP', port: 80, targetPort: 'http' },
        { port: 81, targetPort: 8081, nodePort: 30000 },
      ],
    },
  });
});

test('reads a Secret’s bytes as base64', () => {
  const entry = (key: string, value: Uint8Array) => part(2, Buffer.concat([part(1, key), part(2, value)]));
  const raw = Buffer.concat([
    part(1, part(1, 'keys')),
    entry('a', Buffer.of(0, 255)),
    entry('b', Buffer.alloc(0)),
    part(3, 'Opaque'),
    number(5, 1),
  ]);
  assert.deepEqual(decodeProtobuf(body('v1', 'Secret', raw)), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys' },
    data: { a: 'AP8=', b: '' },
    type: 'Opaque',
    immutable: true,
  });
});

test('says which kind cannot be read', () => {
  assert.throws(
    () => decodeProtobuf(body('v1', 'PersistentVolume', Buffer.alloc(0))),
    /PersistentVolume of v1 is not accepted as protobuf/,
  );
});

test('makes no object of a key that could name a prototype', () => {
  const labels = part(11, Buffer.concat([part(1, '__proto__'), part(2, 'x')]));
  const decoded = decodeProtobuf(body('v1', 'Namespace', part(1, labels))) as { metadata: { labels: object } };
  assert.deepEqual(Object.keys(decoded.metadata.labels), ['__proto__']);
});

test('answers every damaged body with BadRequest, and soon', () => {
  const seed = Number(process.env['POSTERN_SEED'] ?? Date.now() % 2 ** 32);
  const random = seededRandom(seed);
  const good = body('v1', 'Service', Buffer.concat([part(1, part(1, 'web')), part(2, part(1, number(3, 80)))]));
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(good.subarray(0, 4 + Math.floor(random() * (good.length - 3))));
    for (let j = 0; j < 3; j++) bytes[4 + Math.floor(random() * (bytes.length - 4))] = Math.floor(random() * 256);
    try {
      decodeProtobuf(bytes);
    } catch (error) {
      assert.equal((error as { reason?: string }).reason, 'BadRequest', `POSTERN_SEED=${seed}: ${String(error)}`);
    }
  }
});

test('refuses what it would leave out of a pod', () => {
  const container = Buffer.concat([part(1, 'c'), part(2, 'i')]);
  const deployment = (spec: Buffer) => body('apps/v1', 'Deployment', part(2, part(3, part(2, spec))));
  assert.deepEqual(decodeProtobuf(deployment(part(2, container))), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }] } } },
  });
  const withVolume = Buffer.concat([part(1, part(1, 'v')), part(2, container)]);
  assert.throws(() => decodeProtobuf(deployment(withVolume)), /field 1 of the body is not read as protobuf/);
});
