import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { FakeRuntime } from '../cri/fake.ts';
import { followRuntime, type RuntimeEndpoint } from './connection.ts';

function setup(endpoint: RuntimeEndpoint = { socketPath: '/run/c.sock' }, isThere = true) {
  const clock = new FakeClock(1000);
  const runtime = new FakeRuntime({ clock });
  const ended = new AbortController();
  const told: string[] = [];
  const counts = { opened: 0, prepared: 0, relisted: 0 };
  const there = { isThere, isNetworkReady: true, isHung: false };
  const status = runtime.status.bind(runtime);
  runtime.status = async () => {
    const { conditions, info } = await status();
    const network = {
      type: 'NetworkReady',
      status: there.isNetworkReady,
      reason: 'NetworkPluginNotReady',
      message: 'no',
    };
    return { conditions: [...conditions.filter(({ type }) => type !== 'NetworkReady'), network], info };
  };
  const following = followRuntime(
    {
      ...{ endpoint, clock, log: silentLogger, onEvent: () => {} },
      open: async () => {
        if (!there.isThere) throw Object.assign(new Error('absent'), { code: 'ENOENT' });
        counts.opened++;
        return runtime;
      },
      onState: (state) => void told.push(state.kind === 'there' ? 'there' : state.reason),
      prepare: async () => void counts.prepared++,
      relist: async () => {
        counts.relisted++;
        if (there.isHung) await new Promise(() => {});
      },
    },
    ended.signal,
  );
  const advance = async (ms: number) => {
    await clock.advance(ms);
    await settle();
  };
  return { runtime, there, told, counts, advance, end: () => ended.abort(), following };
}

describe('the runtime of a node', () => {
  it('is used once it is there', async () => {
    const { there, told, counts, advance, end } = setup(undefined, false);
    await advance(3000);
    assert.equal(told.at(-1), 'NoContainerRuntime');
    there.isThere = true;
    await advance(1000);
    assert.equal(told.at(-1), 'there');
    assert.deepEqual(counts, { opened: 1, prepared: 1, relisted: 1 });
    await advance(10_000);
    await advance(10_000);
    assert.equal(counts.relisted, 3);
    end();
  });

  it('that goes away is used again when it is back', async () => {
    const { runtime, told, counts, advance, end } = setup();
    await settle();
    runtime.lose();
    await advance(0);
    assert.equal(told.at(-1), 'ContainerRuntimeDown');
    runtime.restore();
    await advance(1000);
    assert.equal(told.at(-1), 'there');
    assert.deepEqual([counts.opened, counts.prepared], [1, 2]);
    end();
  });

  it('that hangs is lost after a while, and used again once it answers', async () => {
    const { there, told, counts, advance, end } = setup();
    there.isHung = true;
    await settle();
    await advance(29_000);
    assert.equal(told.at(-1), 'there');
    await advance(1000);
    assert.equal(told.at(-1), 'ContainerRuntimeDown');
    there.isHung = false;
    await advance(1000);
    assert.deepEqual([told.at(-1), counts.relisted], ['there', 2]);
    end();
  });

  it('without a network is given a moment before that is said', async () => {
    const { there, told, advance, end } = setup();
    there.isNetworkReady = false;
    for (let i = 0; i < 10; i++) await advance(50);
    assert.deepEqual(told, []);
    for (let i = 0; i < 40; i++) await advance(50);
    assert.deepEqual(told, ['NetworkPluginNotReady']);
    end();
  });

  it('is none where none is wanted', async () => {
    const { told, counts, following } = setup('none');
    await following;
    assert.deepEqual([told, counts.opened], [['NoContainerRuntime'], 0]);
  });
});
