/** What goes wrong with pods, and how they say so: in the kubelet's words. */
import assert from 'node:assert/strict';
import type { Stories } from '../stories.ts';
import { pod, WAITING } from './objects.ts';
import type { World } from './world.ts';

interface Trouble {
  readonly name: string;
  readonly pod: object;
  /** Reason that the container waits with, or the pod's own. */
  readonly reason: RegExp;
  /** Reason and message of an event. */
  readonly event: RegExp;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'no-image',
    pod: pod('no-image', { image: 'registry.invalid/nothing:1', command: WAITING }),
    reason: /^(ErrImagePull|ImagePullBackOff)$/,
    event: /^Failed .*registry\.invalid\/nothing:1/m,
  },
  {
    name: 'image-never',
    pod: pod('image-never', { image: 'postern.dev/nothing:1', imagePullPolicy: 'Never' }),
    reason: /^ErrImageNeverPull$/,
    event: /^ErrImageNeverPull .*is not present with pull policy of Never/m,
  },
  {
    name: 'bad-command',
    pod: pod('bad-command', { command: ['/no/such/program'] }),
    reason: /^(RunContainerError|CrashLoopBackOff)$/,
    event: /^Failed .*no such file or directory/m,
  },
  {
    name: 'crash-loop',
    pod: pod('crash-loop', { command: ['sh', '-c', 'echo broken >&2; exit 3'] }),
    reason: /^CrashLoopBackOff$/,
    event: /^BackOff .*restarting failed container/m,
  },
  {
    name: 'no-mount',
    pod: pod(
      'no-mount',
      { command: WAITING, volumeMounts: [{ name: 'settings', mountPath: '/settings' }] },
      { volumes: [{ name: 'settings', configMap: { name: 'missing' } }] },
    ),
    reason: /^ContainerCreating$/,
    event: /^FailedMount .*configmap "missing" not found/m,
  },
];

export function trouble(shared: Stories<World>): void {
  const { story } = shared;

  story('a missing image, a bad command, a crash loop and a failed mount are told in the kubelet’s words', async () => {
    const { world } = shared;
    await world.apply(...TROUBLES.map((each) => each.pod));
    await Promise.all(TROUBLES.map((each) => says(world, each)));
    await world.kubectl(['delete', 'pod', ...TROUBLES.map(({ name }) => name)]);
  });

  story('two pods that want one port of a node are not put there both', async () => {
    const { world } = shared;
    const [node] = world.nodes;
    const wanting = (name: string) =>
      pod(
        name,
        { command: WAITING, ports: [{ containerPort: 80, hostPort: 8123 }] },
        { nodeSelector: { 'kubernetes.io/hostname': node?.name } },
      );
    await world.apply(wanting('port-first'));
    await world.kubectl(['wait', 'pod/port-first', '--for=condition=Ready', '--timeout=30s']);
    await world.apply(wanting('port-second'));
    await says(world, {
      name: 'port-second',
      reason: /^$/,
      event: /^FailedScheduling .*didn't have free ports for the requested pod ports/m,
    });
    await world.kubectl(['delete', 'pod', 'port-first']);
    await world.kubectl(['wait', 'pod/port-second', '--for=condition=Ready', '--timeout=30s']);
    await world.kubectl(['delete', 'pod', 'port-second']);
  });
}

async function says(world: World, { name, reason, event }: Omit<Trouble, 'pod'>): Promise<void> {
  await world.eventually(`${name} says what is wrong`, async () => {
    const path = 'jsonpath={.status.containerStatuses[0].state.waiting.reason}';
    assert.match(await world.kubectl(['get', 'pod', name, '-o', path]), reason);
    assert.match(await eventsOf(world, name), event);
    return true;
  });
}

/** A line for each event about a pod: its reason and message. */
async function eventsOf(world: World, name: string): Promise<string> {
  const path = 'jsonpath={range .items[*]}{.reason} {.message}{"\\n"}{end}';
  return await world.kubectl(['get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', path]);
}
