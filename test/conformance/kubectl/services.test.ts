/** The real kubectl on Services, word for word, against a real server with its controllers. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../../e2e/server.ts';
import { matches, readConsole } from './console.ts';

const skip = spawnSync('kubectl', ['version', '--client']).status === 0 ? false : 'kubectl is not installed';
let server: TestServer;
before(async () => {
  if (!skip) server = await startServer();
});
after(() => server?.stop());

/** What a command prints, both outputs as a terminal would show them; it may fail. */
function run(command: string): Promise<string> {
  const env = { ...process.env, KUBECONFIG: server.kubeconfig, HOME: server.dir };
  return new Promise((resolve) => {
    execFile('bash', ['-c', `exec 2>&1; ${command}`], { env, cwd: server.dir }, (_, stdout) => resolve(stdout));
  });
}

const consoles = ['services.console', 'verbs.console'].map((file) => readConsole(new URL(file, import.meta.url)));
for (const { name, steps } of consoles.flat()) {
  test(name, { skip }, async () => {
    for (const { command, prints } of steps) {
      const printed = await run(command);
      assert.ok(matches(printed, prints), `$ ${command}\n${printed}\ninstead of\n${prints}`);
    }
  });
}
