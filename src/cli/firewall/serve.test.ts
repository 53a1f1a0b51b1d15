import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { FakeListen } from '../../proxy/health/listen-fake.ts';
import { serveTries } from './serve.ts';

test('what was found out by trying is answered, and counted; what is not there is not answered', async () => {
  const at = { address: '/run/postern/firewall.sock', port: 0 };
  const fake = new FakeListen();
  const found = { ports: [30_080], at: 5000, blocked: [] };
  const listeners = serveTries({
    verifier: {
      summary: () => new Map([['node2', found]]),
      metrics: () => [{ name: 'blocked', help: 'Ports.', type: 'gauge', samples: [{ value: 1 }] }],
    },
    ...{ at: [at], listen: fake.listen, clock: new FakeClock(), log: silentLogger },
  });
  await new Promise(setImmediate);
  const ask = (path: string) => fake.ask(at.address, at.port, path);
  assert.deepEqual(JSON.parse(ask('/tries')?.body ?? ''), { node2: found });
  assert.match(ask('/metrics')?.body ?? '', /^blocked 1$/m);
  assert.equal(ask('/status'), undefined);
  await listeners.close();
  assert.deepEqual(fake.open, []);
});
