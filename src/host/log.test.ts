import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';

const LOG = new URL('./log.ts', import.meta.url).href;

/** What a program logs: its lines of standard error. */
function logged(program: string, level?: string): readonly { msg: string; [field: string]: unknown }[] {
  const env = level === undefined ? {} : { POSTERN_LOG: level };
  const source = `import { createLogger } from ${JSON.stringify(LOG)}; const log = createLogger('c'); ${program}`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

const EACH = "for (const level of ['debug', 'info', 'warn', 'error']) log[level]({}, level);";
const messages = (lines: ReturnType<typeof logged>) => lines.map(({ msg }) => msg).join(' ');

test('as much is logged as POSTERN_LOG says', () => {
  assert.equal(messages(logged(EACH)), 'info warn error');
  assert.equal(messages(logged(EACH, 'debug')), 'debug info warn error');
  assert.equal(messages(logged(EACH, 'silent')), '');
  assert.throws(() => logged(EACH, 'much'), /POSTERN_LOG=much: it is debug, info, warn, error or silent/);
});

test('the level of a logger and of all its children changes at once, and back to what it was', () => {
  const program = `
    const child = log.child({ a: 1 }).child({ b: 2 });
    log.setLevel('error');
    child.warn({}, 'left out');
    child.error({ err: new Error('why') }, 'told');
    log.setLevel('debug');
    child.debug({}, 'told too');
    log.setLevel(undefined);
    child.debug({}, 'left out');`;
  const lines = logged(program);
  assert.equal(messages(lines), 'told told too');
  const [line] = lines;
  assert.ok(line);
  assert.deepEqual([line['component'], line['a'], line['b']], ['c', 1, 2]);
  assert.match(JSON.stringify(line['err']), /"message":"why"/);
});

test('what cannot be written ends nothing, and takes no more than a little memory', () => {
  const source = `import { createLogger } from ${JSON.stringify(LOG)}; const log = createLogger('c');
    const fill = 'x'.repeat(1000);
    for (let line = 0; line < 20_000; line++) log.warn({ fill }, 'lost');
    setImmediate(() => (gc(), console.log(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed)));`;
  const full = openSync('/dev/full', 'w');
  const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', source], {
    ...{ env: {}, encoding: 'utf8' as const, stdio: ['ignore', 'pipe', full] },
  });
  closeSync(full);
  assert.equal(status, 0);
  assert.ok(Number(stdout) > 0 && Number(stdout) < 20_000_000, stdout);
});
