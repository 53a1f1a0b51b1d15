import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { childrenOf, identityOf, isAlive, pidNamespaceOf, processesIn } from './process-identity.ts';

test('a process is itself, and not one that had its id before or on another boot', () => {
  const own = identityOf(process.pid);
  assert.ok(own);
  assert.equal(isAlive(own), true);
  assert.equal(isAlive({ ...own, startTime: '1' }), false);
  assert.equal(isAlive({ ...own, bootId: 'another' }), false);
});

test('a process that has ended is not alive', async () => {
  const child = spawn('sleep', ['infinity']);
  const identity = identityOf(child.pid ?? 0);
  assert.ok(identity);
  assert.ok(childrenOf(process.pid).includes(identity.pid));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(isAlive(identity), false);
});

test('a program’s name cannot pass for the fields that follow it', async (t) => {
  // The shell names itself: a name may have up to 15 bytes, parentheses and spaces among them (proc(5), comm).
  const child = spawn('sh', ['-c', 'printf ") Z 0 0 0 (" > /proc/$$/comm; echo named; read line']);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.ok(identityOf(child.pid ?? 0));
});

test('a process is among those of its PID namespace', () => {
  const namespace = pidNamespaceOf(process.pid);
  assert.ok(namespace);
  assert.ok([...processesIn(namespace).values()].includes(process.pid));
  assert.equal(pidNamespaceOf(0), undefined);
});
