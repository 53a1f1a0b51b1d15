import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { LastRefusal } from './refusal.ts';

const error = new Error('no etcd');
const ready = { isReady: async () => true };
const notReady = { isReady: async () => false };
const notToBeAsked = { isReady: async () => assert.fail('it was asked') };

describe('the last refusal', () => {
  it('lets a call go where no server has refused one', async () => {
    const refusal = new LastRefusal(new FakeClock());
    assert.equal(refusal.isFresh, false);
    await refusal.makeSure(notToBeAsked, false);
  });

  it('is thrown again by servers that are not ready', async () => {
    const refusal = new LastRefusal(new FakeClock());
    refusal.met(error);
    assert.ok(refusal.isFresh);
    await refusal.makeSure(ready, true);
    await assert.rejects(refusal.makeSure(notReady, false), error);
  });

  it('leaves the calls that were refused no time after it has aged, and is of no interest to others', async () => {
    const clock = new FakeClock();
    const refusal = new LastRefusal(clock);
    refusal.met(error);
    clock.advance(1500);
    assert.equal(refusal.isFresh, false);
    await assert.rejects(refusal.makeSure(notToBeAsked, true), error);
    await refusal.makeSure(notToBeAsked, false);
  });
});
