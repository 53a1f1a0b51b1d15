import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podColumns } from './pod.columns.ts';
import type { Pod } from './pod.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const AGO = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

const running = { state: { running: {} }, ready: true, started: true };
const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const ended = (exitCode: number, reason?: string) => ({
  state: { terminated: { exitCode, ...(reason === undefined ? {} : { reason }) } },
});

interface Shown {
  readonly init?: readonly [name: string, status: object | undefined, sidecar?: 'sidecar'][];
  readonly main?: readonly (object | undefined)[];
  readonly status?: object;
  readonly metadata?: object;
}

/** `READY STATUS RESTARTS` of a pod. */
function shown({ init = [], main = [undefined], status = {}, metadata = {} }: Shown): string {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      initContainers: init.map(([name, , sidecar]) => ({ name, ...(sidecar ? { restartPolicy: 'Always' } : {}) })),
      containers: main.map((_, i) => ({ name: `c${i}` })),
    },
    status: {
      phase: 'Pending',
      initContainerStatuses: init.flatMap(([name, own]) => (own === undefined ? [] : [{ name, ...own }])),
      containerStatuses: main.flatMap((own, i) => (own === undefined ? [] : [{ name: `c${i}`, ...own }])),
      ...status,
    },
  } as unknown as Pod;
  return podColumns
    .slice(0, 3)
    .map(({ value }) => value(pod, NOW))
    .join(' ');
}

const gated = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }];
const ready = [{ type: 'Ready', status: 'True' }];
const CASES: readonly [what: string, pod: Shown, line: string][] = [
  ['is new', {}, '0/1 Pending 0'],
  ['waits for a gate', { status: { conditions: gated } }, '0/1 SchedulingGated 0'],
  ['is being made', { main: [waiting('ContainerCreating')] }, '0/1 ContainerCreating 0'],
  ['cannot have its image', { main: [running, waiting('ImagePullBackOff')] }, '1/2 ImagePullBackOff 0'],
  ['runs', { main: [running, running], status: { phase: 'Running' } }, '2/2 Running 0'],
  ['runs and is not ready', { main: [{ ...running, ready: false }], status: { phase: 'Running' } }, '0/1 Running 0'],
  ['has done its work', { main: [ended(0, 'Completed')], status: { phase: 'Succeeded' } }, '0/1 Completed 0'],
  ['has failed without a reason', { main: [ended(3)], status: { phase: 'Failed' } }, '0/1 ExitCode:3 0'],
  [
    'goes on though one has ended',
    { main: [ended(0, 'Completed'), running], status: { phase: 'Running', conditions: ready } },
    '1/2 Running 0',
  ],
  ['goes on, not ready', { main: [ended(0, 'Completed'), running] }, '1/2 NotReady 0'],
  [
    'is at its first init container',
    {
      init: [
        ['a', { state: { running: {} } }],
        ['b', undefined],
      ],
    },
    '0/1 Init:0/2 0',
  ],
  [
    'is at its second',
    {
      init: [
        ['a', ended(0, 'Completed')],
        ['b', waiting('PodInitializing')],
      ],
      main: [waiting('PodInitializing')],
    },
    '0/1 Init:1/2 0',
  ],
  ['has an init container that failed', { init: [['a', ended(1, 'Error')]] }, '0/1 Init:Error 0'],
  [
    'has one that fails again and again',
    { init: [['a', { ...waiting('CrashLoopBackOff'), restartCount: 2 }]] },
    '0/1 Init:CrashLoopBackOff 2',
  ],
  [
    'is initialized',
    { init: [['a', ended(0, 'Completed')]], main: [waiting('PodInitializing')] },
    '0/1 PodInitializing 0',
  ],
  [
    'has a sidecar that runs',
    { init: [['s', running, 'sidecar']], main: [running], status: { phase: 'Running' } },
    '2/2 Running 0',
  ],
  [
    'has a sidecar that is starting',
    { init: [['s', { state: { running: {} }, started: false, ready: false }, 'sidecar']], main: [waiting('x')] },
    '0/2 Init:0/1 0',
  ],
  [
    'was started again',
    {
      main: [
        { ...running, restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: AGO(300) } } },
        { ...running, restartCount: 1, lastState: { terminated: { exitCode: 1, finishedAt: AGO(900) } } },
      ],
      status: { phase: 'Running' },
    },
    '2/2 Running 4 (5m ago)',
  ],
  ['is going', { main: [running], metadata: { deletionTimestamp: AGO(0) } }, '1/1 Terminating 0'],
  [
    'is going on a lost node',
    { main: [running], metadata: { deletionTimestamp: AGO(0) }, status: { reason: 'NodeLost' } },
    '1/1 Unknown 0',
  ],
  ['was evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, '0/1 Evicted 0'],
];

for (const [what, pod, line] of CASES) {
  test(`a pod that ${what} is shown as ${line}`, () => assert.equal(shown(pod), line));
}
