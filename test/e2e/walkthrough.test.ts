/**
 * The walkthrough, a test per step: the same steps that `npm run quickstart` performs, on a lab of their own, with real
 * guests, real rules and the real kubectl.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from '../../src/cli/quickstart/cluster.ts';
import { clusterPaths } from '../../src/cli/quickstart/quickstart.ts';
import { quietListener } from '../../src/cli/quickstart/report.ts';
import { STEPS } from '../../src/cli/quickstart/steps.ts';
import { Walk } from '../../src/cli/quickstart/walk.ts';
import { type TestLab, testLab } from './lab.ts';

let lab: TestLab;

before(async () => {
  lab = await testLab({ nodes: 3 });
});

after(async () => {
  await lab.down();
});

for (const [i, step] of STEPS.entries()) {
  test(`step ${i + 1}: ${step.title}`, async (t) => {
    const walk = new Walk(quietListener, t.signal);
    const cluster = new Cluster(walk, lab.client, clusterPaths(lab.dir));
    const record = await walk.step(i + 1, step.title, () => step.run(cluster));
    assert.ok(record.checks.length > 0, 'a step checks something');
    const failed = record.checks.filter((check) => !check.ok);
    const commands = record.commands.map(({ command, output, code }) => `$ ${command}\n${output}(exit status ${code})`);
    assert.deepEqual(failed, [], `${commands.join('\n')}\n${await lab.logs()}`);
  });
}
