/** kubectl's verbs that reach into a pod, from outside the cluster through the API server to its node. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stories } from '../stories.ts';
import { pod } from './objects.ts';
import type { World } from './world.ts';

const NAME = 'talker';
/** Says what it reads, line by line, and serves its name. */
const TALKS =
  'hostname > /tmp/index.html; httpd -p 8080 -h /tmp; echo begun; while read -r line; do echo "heard $line"; done';

export function verbs(shared: Stories<World>): void {
  const { story } = shared;

  story('kubectl attach and logs -f: what is typed is answered, and followed', async () => {
    const { world } = shared;
    await world.apply(pod(NAME, { command: ['sh', '-c', TALKS], stdin: true, stdinOnce: false }));
    await world.kubectl(['wait', `pod/${NAME}`, '--for=condition=Ready', '--timeout=30s']);
    const logs = world.startKubectl(['logs', '-f', NAME]);
    const followed = output(logs);
    const attached = world.startKubectl(['attach', '-i', NAME]);
    const heard = output(attached);
    attached.stdin?.write('good morning\n');
    await world.eventually('the answer', async () => (heard().includes('heard good morning') ? true : undefined));
    await world.eventually('the log', async () => (/^begun\nheard good morning$/m.test(followed()) ? true : undefined));
    attached.kill();
    logs.kill();
    assert.equal(await world.kubectl(['logs', NAME, '--tail=1']), 'heard good morning\n');
  });

  story('kubectl exec: exit status, standard input to its end, and a terminal', async () => {
    const { world } = shared;
    const counted = await world.kubectl(['exec', '-i', NAME, '--', 'wc', '-c'], { input: 'x'.repeat(200_000) });
    assert.equal(counted.trim(), '200000');
    const failing = world.startKubectl(['exec', NAME, '--', 'sh', '-c', 'exit 7']);
    assert.deepEqual((await once(failing, 'exit'))[0], 7);
    const shell = ['kubectl', 'exec', '-it', NAME, '--', 'tty'].join(' ');
    const seen = await world.local(['script', '--quiet', '--return', '--command', shell, '/dev/null']);
    // Before it stands what the terminal may echo of the end of its input.
    assert.match(seen, /\/dev\/(pts\/\d+|console)\r?\n$/);
  });

  story('kubectl cp: there and back', async () => {
    const { world } = shared;
    const dir = await mkdtemp(join(tmpdir(), 'postern-cp-'));
    try {
      await writeFile(join(dir, 'there'), 'some bytes\n'.repeat(10_000));
      await world.kubectl(['cp', join(dir, 'there'), `${NAME}:/tmp/copy`]);
      await world.kubectl(['cp', `${NAME}:/tmp/copy`, join(dir, 'back')]);
      assert.deepEqual(await readFile(join(dir, 'back')), await readFile(join(dir, 'there')));
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  story('kubectl port-forward: connections one after the other and beside each other', async () => {
    const { world } = shared;
    const forwarding = world.startKubectl(['port-forward', `pod/${NAME}`, ':8080']);
    const said = output(forwarding);
    const port = await world.eventually('it forwards', async () => /127\.0\.0\.1:(\d+) -> 8080/.exec(said())?.[1]);
    const ask = async () => (await (await fetch(`http://127.0.0.1:${port}/`)).text()).trim();
    assert.equal(await ask(), NAME);
    assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [NAME, NAME, NAME]);
    forwarding.kill();
    await world.kubectl(['delete', 'pod', NAME]);
  });
}

/** What a program has printed so far, on both outputs. */
function output({ stdout, stderr }: ChildProcess): () => string {
  let text = '';
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (some: string) => {
      text += some;
    });
  }
  return () => text;
}
