/**
 * Which packages each way to start loads before it does anything: everybody pays for them in time and memory. What is wanted in one case only is
 * to be imported where that case is met.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runCommand } from '../host/process.ts';

const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Prints the packages that loading a file loads. */
const LIST = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  load(url, context, next) {
    const [, name] = /[/]node_modules[/]((?:@[^/]+[/])?[^/]+)[/]/.exec(url) ?? [];
    packages.add(name);
    return next(url, context);
  },
});
await import(process.argv[1]);
process.stdout.write(JSON.stringify([...packages]));
process.exit();
`;

/** Those that are dependencies of ours, whatever they load themselves. */
async function packagesOf(file: string): Promise<readonly string[]> {
  const url = new URL(file, import.meta.url).href;
  const { stdout } = await runCommand([process.execPath, '--input-type=module', '-e', LIST, url]);
  const loaded: readonly string[] = JSON.parse(stdout);
  return Object.keys(dependencies).filter((name) => loaded.includes(name));
}

test('a command is found, and helped with, by what reads command lines', async () => {
  assert.deepEqual(await packagesOf('program.ts'), ['commander']);
});

test('a server starts with its store and what reads requests: without gRPC, clouds, or what makes certificates', async () => {
  // Whoever gives up root may not be able to read the files of a package afterwards.
  assert.deepEqual((await packagesOf('wiring/server.ts')).toSorted(), [
    ...['jose', 'koffi', 'lmdb', 'pino', 'rfc6902', 'yaml'],
  ]);
});

test('an agent starts with calls of the C library and DNS: without gRPC, D-Bus, YAML and WebSockets', async () => {
  for (const file of ['wiring/up.ts', 'wiring/agent.ts', 'wiring/node-firewall.ts']) {
    const known = ['commander', 'dns-packet', 'koffi', 'pino'];
    assert.deepEqual(
      (await packagesOf(file)).filter((name) => !known.includes(name)),
      [],
      file,
    );
  }
});
