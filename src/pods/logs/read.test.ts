import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LogFormatError, LogPrinter, type PrintLogOptions } from './print-log.ts';
import { type ReadLogOptions, readLog } from './read.ts';
import { readLogLine } from './read-line.ts';
import { tailOffset } from './read-tail.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-logs-'));
after(() => rmSync(dir, { recursive: true }));
const forever = new AbortController().signal;

const line = (message: string, { second = 0, stream = 'stdout', tag = 'F' } = {}): string =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.123456789Z ${stream} ${tag} ${message}\n`;

function fileOf(name: string, ...lines: readonly string[]): string {
  const path = join(dir, name);
  writeFileSync(path, lines.join(''));
  return path;
}

async function read(path: string, options: ReadLogOptions = {}): Promise<string> {
  let text = '';
  for await (const bytes of readLog(path, options, forever)) text += String(bytes);
  return text;
}

test('a line says when, from which stream and whether it is whole', () => {
  const parsed = readLogLine(Buffer.from('2026-01-01T00:00:00.5+02:00 stderr P:X half of a line'));
  assert.ok(parsed !== undefined);
  const { time, stream, partial, message } = parsed;
  assert.deepEqual(
    [time, stream, partial, String(message)],
    ['2026-01-01T00:00:00.5+02:00', 'stderr', true, 'half of a line'],
  );
  for (const [text, message] of [
    ['t stdout F ', ''],
    ['t stdout F', ''],
    ['t stdout F  two spaces', ' two spaces'],
  ] as const) {
    assert.equal(String(readLogLine(Buffer.from(text))?.message), message);
  }
  for (const text of ['', 'no', 'no log', 't stdlog F x', 't stdout', 't stdout ']) {
    assert.equal(readLogLine(Buffer.from(text)), undefined, text);
  }
});

test('what is shown is the same however the file is cut into pieces', () => {
  const bytes = Buffer.from(
    [line('one'), line('tw', { tag: 'P' }), line('err', { stream: 'stderr' }), line('o'), 'garbage\n', line('')].join(
      '',
    ),
  );
  for (const size of [1, 7, 50, bytes.length]) {
    const printer = new LogPrinter({});
    let text = '';
    for (let at = 0; at < bytes.length; at += size) text += String(printer.take(bytes.subarray(at, at + size)));
    assert.equal(text, 'one\ntwerr\no\n\n');
  }
});

test('streams, times and limits', () => {
  const lines = [
    line('a'),
    line('b', { stream: 'stderr', second: 5 }),
    line('c', { second: 9, tag: 'P' }),
    line('d', { second: 9 }),
  ];
  const cases: readonly (readonly [PrintLogOptions, string])[] = [
    [{ stream: 'stderr' }, 'b\n'],
    [{ since: Date.parse('2026-01-01T00:00:05Z') }, 'b\ncd\n'],
    [{ limitBytes: 3 }, 'a\nb'],
    [{ timestamps: true, stream: 'stdout' }, '2026-01-01T00:00:00.123456789Z a\n2026-01-01T00:00:09.123456789Z cd\n'],
  ];
  for (const [options, expected] of cases) {
    const printer = new LogPrinter(options);
    assert.equal(String(printer.take(Buffer.from(lines.join('')))), expected);
    assert.equal(printer.full, options.limitBytes !== undefined);
  }
});

test('a line without end is not kept in memory', () => {
  const printer = new LogPrinter({});
  const piece = Buffer.alloc(64 * 1024, 'x');
  assert.throws(() => {
    for (let i = 0; i < 100; i++) printer.take(piece);
  }, LogFormatError);
});

test('tails: as many lines as are wanted, whatever their length and parts', async () => {
  // Longer than the block that is read at a time, so that lines lie across.
  const messages = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat((i * 37) % 700)}`);
  const lines = messages.flatMap((message, i) =>
    i % 7 === 0 ? [line(message.slice(0, 1), { tag: 'P' }), line(message.slice(1))] : [line(message)],
  );
  const path = fileOf('tail', ...lines);
  for (const wanted of [0, 1, 2, 6, 7, 8, 100, 250, 399, 400, 1000]) {
    const expected = messages.slice(Math.max(0, messages.length - wanted)).map((message) => `${message}\n`);
    assert.equal(await read(path, { tailLines: wanted }), expected.join(''), `${wanted}`);
  }
  assert.equal(await read(fileOf('prompt', line('a'), line('b'), line('$ ', { tag: 'P' })), { tailLines: 2 }), 'b\n$ ');
  assert.equal(await read(fileOf('empty'), { tailLines: 2 }), '');
});

test('a tail of a long log reads only its end', async () => {
  const path = fileOf('long', line('x'.repeat(200)).repeat(20_000));
  const file = await open(path);
  let bytes = 0;
  const counted = Object.assign(Object.create(file), {
    read: async (buffer: Buffer, offset: number, length: number, position: number) => {
      const result = await file.read(buffer, offset, length, position);
      bytes += result.bytesRead;
      return result;
    },
  });
  const { size } = await file.stat();
  assert.ok((await tailOffset(counted, size, 3)) > size - 1000);
  assert.ok(bytes < 200_000, `${bytes}`);
  await file.close();
});

test('a log is followed as it is written, over its rotation, until its container has ended', async () => {
  const path = fileOf('followed', line('one'));
  let running = true;
  const heard: string[] = [];
  const steps: Readonly<Record<string, () => void>> = {
    'one\n': () => appendFileSync(path, line('two')),
    'two\n': () => {
      appendFileSync(path, line('three'));
      renameSync(path, `${path}.20260101`);
      writeFileSync(path, line('four'));
    },
    'four\n': () => {
      appendFileSync(path, line('last'));
      running = false;
    },
  };
  let text = '';
  for await (const bytes of readLog(path, { follow: async () => running }, forever)) {
    text += String(bytes);
    for (const one of String(bytes).match(/.*\n/g) ?? []) {
      heard.push(one);
      steps[one]?.();
    }
  }
  assert.equal(text, 'one\ntwo\nthree\nfour\nlast\n');
});

test('following ends with whoever asked, and a log that is not there is an error', async () => {
  const path = fileOf('given-up', line('one'));
  const gone = new AbortController();
  for await (const _ of readLog(path, { follow: async () => true }, gone.signal)) gone.abort();
  await assert.rejects(read(join(dir, 'none')), { code: 'ENOENT' });
});
