import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import { withSocketPath } from '../socket-path.ts';
import { consolePath, openConsole, runInGuest } from './console.ts';
import { ConsoleRelay } from './relay.ts';
import { lastLines, Ring } from './ring.ts';

let directory = '';
const cleanUp: (() => unknown)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-console-'));
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  rmSync(directory, { recursive: true });
});

/** A QEMU whose guest's shell echoes each line, as a terminal does, and then prints what `shell` makes of it. */
async function guestWith(
  shell: (line: string) => string,
  stateDir = directory,
): Promise<{ key: string; print: (text: string) => void; relay: ConsoleRelay }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let typed = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      typed += text;
      const lines = typed.split('\n');
      typed = lines.pop() ?? '';
      for (const line of lines) socket.write(Buffer.from(`${line}\r\n${shell(line)}# `, 'latin1'));
    });
  });
  const source = join(directory, 'qemu.sock');
  await new Promise<void>((resolve) => server.listen(source, resolve));
  const path = consolePath(stateDir, { namespace: 'ns', name: 'vm' });
  const relay = new ConsoleRelay({ source, path, logFile: join(directory, 'console.log'), log: silentLogger });
  await relay.start();
  cleanUp.push(async () => {
    await relay.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { key: 'ns/vm', relay, print: (text) => sockets.forEach((socket) => void socket.write(text)) };
}

/** Carries out the marks around a command, and prints `output` for the command itself. */
function shellThatPrints(output: string, code: number): (line: string) => string {
  return (line) => {
    const marks = [...line.matchAll(/printf '\\001%s\\001' "([^"]*)"/g)].map((match) => match[1] ?? '');
    const print = (mark: string) => `\x01${mark.replace('$?', String(code))}\x01`;
    if (marks.length < 2) return marks.map(print).join('');
    return `${print(marks[0] ?? '')}${output}${print(marks[1] ?? '')}`;
  };
}

test('a command’s output and exit status come back without the echo of what was typed', async () => {
  await guestWith(shellThatPrints('one\r\ntwo\r\n', 3));
  const result = await runInGuest(consolePath(directory, { namespace: 'ns', name: 'vm' }), 'ls "a b"');
  assert.deepEqual(result, { output: 'one\ntwo\n', code: 3 });
});

test('a guest without a shell is not waited for longer than asked, and its last words are told', async () => {
  await guestWith(() => 'Kernel panic');
  const path = consolePath(directory, { namespace: 'ns', name: 'vm' });
  await assert.rejects(
    runInGuest(path, 'ls', { timeout: 100 }),
    /no answer from the guest's shell in time to: ls .*Kernel panic/,
  );
});

test('keys of a terminal are no command', async () => {
  await assert.rejects(runInGuest('/nowhere', 'ls\x03'), /one line/);
  await assert.rejects(runInGuest('/nowhere', 'ls'), /does the guest run on this machine\?/);
});

test('several people share a console, and what the guest printed is kept on disk', async () => {
  const { key, print, relay } = await guestWith(() => '');
  const readers = [await openConsole(directory, key), await openConsole(directory, key)];
  const heard = readers.map(
    (reader) => new Promise<string>((resolve) => reader.once('data', (data) => resolve(String(data)))),
  );
  await new Promise((resolve) => setImmediate(resolve));
  print('login: ');
  assert.deepEqual(await Promise.all(heard), ['login: ', 'login: ']);
  for (const reader of readers) reader.destroy();
  await relay.stop();
  assert.equal(readFileSync(join(directory, 'console.log'), 'utf8'), 'login: ');
});

test('only the user who runs the guests can join', async () => {
  await guestWith(() => '');
  assert.equal(statSync(consolePath(directory, { namespace: 'ns', name: 'vm' })).mode & 0o777, 0o600);
});

test('a socket is reached at a path longer than the kernel takes', async () => {
  const long = join(directory, 'd'.repeat(120));
  mkdirSync(long);
  const server = createServer((socket) => socket.end('x'));
  cleanUp.push(() => server.close());
  await withSocketPath(join(long, 's'), (short) => new Promise<void>((resolve) => server.listen(short, resolve)));
  assert.ok(statSync(join(long, 's')).isSocket());
});

test('only the last bytes are kept', () => {
  const ring = new Ring(10);
  for (let i = 0; i < 100; i++) ring.push(Buffer.from(`${i},`));
  assert.equal(ring.bytes().toString(), '97,98,99,'.padStart(10, ','));
});

test('lines for a message have no control sequences and no blank lines', () => {
  const output = Buffer.from('\x1b[2Jboot\r\n\r\n\x1b[31mpanic\x1b[0m\r\n');
  assert.deepEqual(lastLines(output, 5), ['boot', 'panic']);
});
