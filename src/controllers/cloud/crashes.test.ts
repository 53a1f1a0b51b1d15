import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import { CrashingWorld } from './testing/crashing-world.ts';
import { SUBJECTS } from './testing/subjects.ts';

const KEY = { namespace: 'ns', name: 'web' };
/** Milliseconds in which everything has come about, a kill included. */
const PATIENCE = 40_000;

for (const [name, make] of SUBJECTS) {
  test(`with ${name}, a controller that is killed between any two of its effects leaves nothing that costs money, and makes nothing twice`, async () => {
    for (let kill = 0; ; kill++) {
      const { around, own, made, left } = make();
      const before = left();
      const w = new CrashingWorld(around);
      await w.start({ effects: kill });
      await w.client.create(Service, own('web'));
      await w.passing(PATIENCE);
      const found = await w.client.get(Service, KEY);
      assert.ok(found.status?.loadBalancer?.ingress?.[0]?.ip, `killed before effect ${kill}`);
      assert.equal(made(), 1, `killed before effect ${kill}`);
      await w.client.delete(Service, KEY);
      await w.passing(PATIENCE);
      assert.deepEqual((await w.client.list(Service)).items, [], `killed before effect ${kill}`);
      assert.deepEqual(left(), before, `killed before effect ${kill}`);
      await w.stop();
      if (w.kills > 0) continue;
      assert.ok(kill > 5, `there were ${kill} effects only`);
      return;
    }
  });
}
