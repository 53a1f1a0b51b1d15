import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import type { RunningContainer } from '../parts.ts';
import { newProber } from './prober.ts';
import type { Result } from './result.ts';

const ID = 'c1';

type Kind = 'startup' | 'liveness' | 'readiness';

/** A container whose probes answer as the test says. */
function probed(
  container: Partial<Container>,
  { before, startedAt = 0 }: { before?: { started: boolean; ready: boolean }; startedAt?: number } = {},
) {
  const clock = new FakeClock(0);
  const ended = new AbortController();
  const events: string[] = [];
  const tries: Record<Kind, number[]> = { startup: [], liveness: [], readiness: [] };
  const answers: Partial<Record<Kind, Result>> = {};
  let changes = 0;
  const spec: Container = { name: 'web', ...container };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u1' } };
  const running: RunningContainer = { pod, container: spec, containerID: ID, podIPs: ['10.244.0.9'], startedAt };
  const prober = newProber(
    {
      runtime: { execSync: () => assert.fail('the test answers') },
      events: { event: (_, type, reason, message, name) => events.push(`${type} ${reason} ${name}: ${message}`) },
      changed: (uid) => {
        assert.equal(uid, 'u1');
        changes++;
      },
      clock,
      random: () => 0.5,
      attempt: async (probe) => {
        const kind = (['startup', 'liveness', 'readiness'] as const).find((each) => spec[`${each}Probe`] === probe);
        assert.ok(kind);
        tries[kind].push(clock.now());
        return answers[kind] ?? { kind: 'failure', message: 'refused' };
      },
    },
    ended.signal,
  );
  prober.start(running, before);
  return {
    answers,
    events,
    prober,
    running,
    tries,
    end: () => ended.abort(),
    changes: () => changes,
    state: () => prober.state(ID),
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 50) {
        await settle(1);
        await clock.advance(Math.min(50, left));
      }
      await settle(1);
    },
  };
}

const httpGet = { path: '/', port: 80 };
const exec = { command: ['true'] };
const SUCCESS: Result = { kind: 'success' };

describe('probes of a container', () => {
  it('count it as ready at once when there are none', () => {
    const w = probed({});
    assert.deepEqual(w.state(), { started: true, ready: true });
    assert.equal(w.prober.state('another'), undefined);
    w.end();
  });

  it('find it ready soon after it answers, and then try once a period', async () => {
    const w = probed({ readinessProbe: { httpGet, periodSeconds: 10 } });
    await w.pass(1000);
    assert.deepEqual([w.state()?.ready, w.tries.readiness], [false, [0, 100, 300, 700]]);
    assert.deepEqual(w.events, ['Warning Unhealthy web: Readiness probe failed: refused']);
    w.answers.readiness = SUCCESS;
    await w.pass(600);
    assert.deepEqual([w.state(), w.changes()], [{ started: true, ready: true }, 1]);
    await w.pass(30_000);
    assert.deepEqual(w.tries.readiness.slice(-3), [10_000, 20_000, 30_000]);
    assert.equal(w.changes(), 1);
    w.end();
  });

  it('try no command more often than was asked for', async () => {
    const w = probed({ readinessProbe: { exec, periodSeconds: 5, initialDelaySeconds: 2 } }, { startedAt: -500 });
    await w.pass(12_000);
    assert.deepEqual(w.tries.readiness, [1500, 6500, 11_500]);
    w.end();
  });

  it('take as many in a row as the thresholds say', async () => {
    const readinessProbe = { httpGet, periodSeconds: 1, failureThreshold: 2, successThreshold: 2 };
    const w = probed({ readinessProbe }, { before: { started: true, ready: true } });
    await w.pass(600); // The first try comes after half a period: an agent that starts again has many to try.
    assert.deepEqual([w.tries.readiness, w.state()?.ready], [[500], true]);
    w.answers.readiness = SUCCESS;
    await w.pass(1000);
    w.answers.readiness = { kind: 'failure', message: 'x' };
    await w.pass(1000);
    assert.equal(w.state()?.ready, true);
    await w.pass(1000);
    assert.equal(w.state()?.ready, false);
    w.answers.readiness = SUCCESS;
    await w.pass(1000);
    assert.equal(w.state()?.ready, false);
    await w.pass(1000);
    assert.equal(w.state()?.ready, true);
    w.end();
  });

  it('wait for the startup probe before they ask whether it lives and is ready', async () => {
    const w = probed({
      startupProbe: { httpGet, periodSeconds: 1, failureThreshold: 5 },
      livenessProbe: { httpGet, periodSeconds: 1, failureThreshold: 1 },
      readinessProbe: { httpGet, periodSeconds: 1 },
    });
    await w.pass(2500);
    assert.deepEqual([w.tries.liveness, w.tries.readiness], [[], []]);
    assert.deepEqual(w.state(), { started: false, ready: false });
    Object.assign(w.answers, { startup: SUCCESS, liveness: SUCCESS, readiness: SUCCESS });
    await w.pass(600);
    assert.deepEqual(w.state(), { started: true, ready: true });
    const tries = w.tries.startup.length;
    await w.pass(5000);
    assert.equal(w.tries.startup.length, tries);
    w.end();
  });

  it('give a container up that does not start in time, and leave it alone then', async () => {
    const startupProbe = { httpGet, periodSeconds: 1, failureThreshold: 3, terminationGracePeriodSeconds: 2 };
    const w = probed({ startupProbe });
    await w.pass(1900);
    assert.equal(w.state()?.failed, undefined);
    await w.pass(200);
    assert.deepEqual(w.state()?.failed, { probe: 'startup', graceSeconds: 2 });
    const tries = w.tries.startup.length;
    await w.pass(10_000);
    assert.deepEqual([w.tries.startup.length, w.changes()], [tries, 1]);
    w.end();
  });

  it('give a container up that does not live, but not for what could not be tried', async () => {
    const w = probed({ livenessProbe: { exec, periodSeconds: 1, failureThreshold: 2 } });
    w.answers.liveness = { kind: 'error', message: 'the runtime is away' };
    await w.pass(5000);
    assert.deepEqual(w.state(), { started: true, ready: true });
    const errored = 'Warning Unhealthy web: Liveness probe errored and resulted in unknown state: the runtime is away';
    assert.deepEqual(w.events, [errored], 'the same is told once in ten seconds');
    w.answers.liveness = { kind: 'failure', message: 'dead' };
    await w.pass(2100);
    assert.deepEqual(w.state()?.failed, { probe: 'liveness', graceSeconds: undefined });
    w.end();
  });

  it('end with the container, and with the agent', async () => {
    const w = probed({ readinessProbe: { httpGet, periodSeconds: 1 } });
    await w.pass(100);
    w.prober.stop(ID);
    const tries = w.tries.readiness.length;
    assert.equal(w.state(), undefined);
    await w.pass(5000);
    assert.equal(w.tries.readiness.length, tries);
    w.prober.start(w.running);
    await w.pass(100);
    w.end();
    const more = w.tries.readiness.length;
    await w.pass(5000);
    assert.equal(w.tries.readiness.length, more);
  });
});
