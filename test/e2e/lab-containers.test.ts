/** A lab whose nodes run containers: containerd in the node, found where it is on any machine, and nothing of it left afterwards. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupHierarchies } from '../../src/host/cgroups.ts';
import { runCommand } from '../../src/host/process.ts';
import { labExec, labStatus } from '../../src/lab/lab.ts';
import { BUSYBOX_IMAGE, PAUSE_IMAGE, standardImages, writeImage } from '../../src/pods/testing/images.ts';
import { skipWithoutContainerd } from '../../src/pods/testing/world.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type TestLab, testLab } from './lab.ts';

describe('a node of a lab with containers', { skip: skipWithoutContainerd() }, () => {
  let lab: TestLab;

  before(async () => {
    lab = await testLab({ nodes: 1, containers: true });
  });
  after(() => lab.down());

  const atNode = async (...argv: readonly string[]): Promise<string> => {
    const command = labExec(lab.dir, 'node1', argv);
    return (await runCommand(command.argv, { env: command.env })).stdout;
  };

  it('runs containerd where it is on any machine, with what sandboxes run', async () => {
    const images = await atNode('ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet');
    assert.ok(images.split('\n').includes(PAUSE_IMAGE), images);
  });

  it('is given images by postern image import', async (t) => {
    const spec = standardImages().find(({ name }) => name === BUSYBOX_IMAGE) ?? assert.fail();
    const postern = join(import.meta.dirname, '../../postern');
    assert.equal(await atNode(postern, 'image', 'import', writeImage(tempDir(t), 'b.tar', spec)), `${BUSYBOX_IMAGE}\n`);
    assert.match(
      await atNode(postern, 'image', 'list', 'containers'),
      /^postern\.dev\/busybox:1 +[0-9a-f]{12} +2\.\d MiB$/m,
    );
  });

  it('has its containerd back when that was killed', async () => {
    const containerd = () => labStatus(lab.dir).processes.find(({ name }) => name === 'node1.containerd');
    process.kill(containerd()?.pid ?? assert.fail(), 'SIGKILL');
    while (containerd()?.restarts !== 1 || containerd()?.phase !== 'ready') await sleep(20);
    assert.match(await atNode('ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet'), /busybox/);
  });

  it('leaves no control group behind', async () => {
    // What other labs have at the same time is theirs: this one's are those that hold its containerd.
    const pid = labStatus(lab.dir).processes.find(({ name }) => name === 'node1.containerd')?.pid;
    const processes = (group: string): readonly string[] =>
      ['node1', 'node1/init'] // The second where there is only version 2, whose groups with others below have no processes.
        .map((name) => join(group, name, 'cgroup.procs'))
        .filter((path) => existsSync(path))
        .flatMap((path) => readFileSync(path, 'utf8').split('\n'));
    const own = labGroups().filter((group) => processes(group).includes(String(pid)));
    assert.ok(own.length > 0);
    await lab.down();
    assert.deepEqual(own.filter(existsSync), []);
  });
});

/** The groups of labs, in every hierarchy. */
function labGroups(): readonly string[] {
  return cgroupHierarchies().flatMap(({ path }) =>
    readdirSync(path)
      .filter((name) => name.startsWith('postern-lab-'))
      .map((name) => join(path, name)),
  );
}
