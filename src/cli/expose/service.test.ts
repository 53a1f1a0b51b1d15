import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../errors.ts';
import { exposingService, type Subject } from './service.ts';

const subject: Subject = {
  what: 'vm web',
  namespace: 'shop',
  selector: { 'vm.kubevirt.io/name': 'web' },
  ports: [
    { name: 'http', port: 80, protocol: 'TCP' },
    { port: 53, protocol: 'UDP' },
  ],
};
const options = { name: 'web', type: 'ClusterIP' } as const;

test('without a port, every declared one is taken, with a name where it has none', () => {
  assert.deepEqual(exposingService(subject, options).spec?.ports, [
    { name: 'http', port: 80, targetPort: 80, protocol: 'TCP' },
    { name: 'port-2', port: 53, targetPort: 53, protocol: 'UDP' },
  ]);
});

test('a port that is given stands alone, and goes to itself unless a target is given', () => {
  assert.deepEqual(exposingService(subject, { ...options, port: 8080 }).spec?.ports, [
    { port: 8080, targetPort: 8080, protocol: 'TCP' },
  ]);
  assert.deepEqual(
    exposingService(subject, { ...options, port: 8080, targetPort: 'http', protocol: 'UDP', portName: 'a' }).spec
      ?.ports,
    [{ name: 'a', port: 8080, targetPort: 'http', protocol: 'UDP' }],
  );
});

test('what is said of one port changes the only one that is declared', () => {
  const one = { ...subject, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] };
  assert.deepEqual(
    exposingService(one, { ...options, type: 'NodePort', nodePort: 30080, targetPort: 8080 }).spec?.ports,
    [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', nodePort: 30080 }],
  );
});

test('what is said of one port is refused where several are declared, which are named', () => {
  assert.throws(
    () => exposingService(subject, { ...options, targetPort: 8080, nodePort: 30080 }),
    (error) => error instanceof UserError && /--target-port and --node-port .*80\/TCP, 53\/UDP/.test(error.message),
  );
});

test('nothing declared and no port given is refused with what to add', () => {
  assert.throws(
    () => exposingService({ ...subject, ports: [] }, options),
    (error) =>
      error instanceof UserError && /vm web declares no ports/.test(error.message) && /--port/.test(error.remedy ?? ''),
  );
});
