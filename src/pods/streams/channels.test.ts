import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANNEL, chooseProtocol, printMessage, readMessage } from './channels.ts';
import { readRequest } from './request.ts';

test('the best version that is offered is spoken, and none that is not', () => {
  assert.equal(chooseProtocol('v4.channel.k8s.io, v5.channel.k8s.io'), 'v5.channel.k8s.io');
  assert.equal(chooseProtocol('channel.k8s.io,v4.channel.k8s.io'), 'v4.channel.k8s.io');
  assert.equal(chooseProtocol('base64.channel.k8s.io'), undefined);
  assert.equal(chooseProtocol(''), undefined);
});

test('messages name their stream by the first byte; only version 5 can end one', () => {
  const v5 = 'v5.channel.k8s.io';
  assert.deepEqual(readMessage(printMessage(CHANNEL.stdin, Buffer.from('ls')), v5), {
    kind: 'stdin',
    bytes: Buffer.from('ls'),
  });
  assert.equal(readMessage(Buffer.from([4, 0x7b]), v5).kind, 'resize');
  assert.equal(readMessage(Buffer.from([255, 0]), v5).kind, 'stdin-end');
  assert.equal(readMessage(Buffer.from([255, 0]), 'v4.channel.k8s.io').kind, 'other');
  for (const bytes of [[], [1, 2], [255], [255, 3], [9]]) {
    assert.equal(readMessage(Buffer.from(bytes), v5).kind, 'other', String(bytes));
  }
});

test('requests are read as a kubelet reads them', () => {
  const pod = { namespace: 'ns', name: 'web', uid: 'u1' };
  assert.deepEqual(
    readRequest('/exec/ns/web/u1/c?command=sh&command=-c&command=a%20%26%20b&input=1&output=1&error=1'),
    {
      ...{ kind: 'exec', command: ['sh', '-c', 'a & b'], pod, container: 'c' },
      ...{ tty: false, stdin: true, stdout: true, stderr: true },
    },
  );
  // A terminal has one output.
  assert.deepEqual(readRequest('/attach/ns/web/u1/c?output=1&error=1&tty=1'), {
    ...{ kind: 'attach', pod, container: 'c' },
    ...{ tty: true, stdin: false, stdout: true, stderr: false },
  });
  assert.deepEqual(readRequest('/portForward/ns/web/u1'), { kind: 'portForward', pod, ports: [] });
  assert.deepEqual(readRequest('/portForward/ns/web/u1?ports=80&ports=81'), {
    kind: 'portForward',
    pod,
    ports: [80, 81],
  });
  for (const path of [
    '/',
    '/exec',
    '/exec/ns/web/c',
    '/portForward/ns/web',
    '/run/ns/web/u1/c',
    '/containerLogs/ns/web',
  ]) {
    assert.equal(readRequest(path), undefined, path);
  }
});
