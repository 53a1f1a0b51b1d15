/** The real kubectl on Services, word for word, against a real server with its controllers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../../e2e/server.ts';
import { matches, readConsole, terminal } from './console.ts';

const skip = spawnSync('kubectl', ['version', '--client']).status === 0 ? false : 'kubectl is not installed';
let server: TestServer;
before(async () => {
  // The nodes of these consoles have no agent, and must not be given up on a busy machine.
  if (!skip) server = await startServer(['--controllers=*,-nodelifecycle']);
});
after(() => server?.stop());

const consoles = ['services.console', 'verbs.console', 'accounts.console', 'access.console', 'scheduler.console'].map(
  (file) => readConsole(new URL(file, import.meta.url)),
);
for (const { name, steps } of consoles.flat()) {
  test(name, { skip }, async () => {
    const run = terminal(server.kubeconfig, server.dir);
    for (const { command, prints } of steps) {
      const printed = await run(command);
      assert.ok(matches(printed, prints), `$ ${command}\n${printed}\ninstead of\n${prints}`);
    }
  });
}
