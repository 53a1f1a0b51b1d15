import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bootstrapSecret } from '../../api/core/v1/bootstrap-token.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { fakeClient } from '../../client/fake.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import { tokenCleaner } from './bootstraptokens.ts';

it('removes bootstrap tokens that have expired, and no others', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const token = (id: string, expires: number | undefined) =>
    bootstrapSecret({ id, secret: '0123456789abcdef', expires, usages: [], groups: [], description: '' });
  const other = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'other', namespace: 'kube-system' },
    type: 'Opaque',
  };
  const client = fakeClient(
    [
      token('aaaaaa', clock.now() - 1000),
      token('bbbbbb', clock.now() + minutes(2)),
      token('cccccc', undefined),
      { ...other } as Secret,
    ],
    { clock },
  );
  const names = async () => (await client.list(Secret)).items.map(({ metadata }) => metadata.name).sort();
  const ended = new AbortController();
  void tokenCleaner({ client, clock, log: silentLogger })(ended.signal);
  await settle();
  assert.deepEqual(await names(), ['bootstrap-token-bbbbbb', 'bootstrap-token-cccccc', 'other']);
  for (let minute = 0; minute < 3; minute++) {
    await clock.advance(minutes(1));
    await settle();
  }
  assert.deepEqual(await names(), ['bootstrap-token-cccccc', 'other']);
  ended.abort();
});
