import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureKind } from './failure.ts';

const cases: readonly (readonly [code: number, text: string, kind: ReturnType<typeof failureKind>])[] = [
  [11, 'etcdserver: mvcc: required revision has been compacted', 'compacted'],
  [11, 'etcdserver: mvcc: required revision is a future revision', 'future'],
  [3, 'etcdserver: request is too large', 'too-large'],
  [8, 'grpc: received message larger than max (3145800 vs. 2097152)', 'too-large'],
  [3, 'etcdserver: too many operations in txn request', 'too-many-operations'],
  [16, 'etcdserver: invalid auth token', 'token'],
  [3, 'etcdserver: revision of auth store is old', 'token'],
  [3, 'etcdserver: authentication failed, invalid user ID or password', 'denied'],
  [7, 'etcdserver: permission denied', 'denied'],
  [14, 'etcdserver: no leader', 'refused'],
  [14, 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1', 'refused'],
  [8, 'etcdserver: too many requests', 'busy'],
  [8, 'etcdserver: mvcc: database space exceeded', 'full'],
  // Of these nobody knows whether what was asked was done.
  [14, 'etcdserver: request timed out', 'lost'],
  [14, 'etcdserver: request timed out, possibly due to previous leader failure', 'lost'],
  [14, 'etcdserver: server stopped', 'lost'],
  [14, 'Connection dropped', 'lost'],
  [4, 'Deadline exceeded', 'lost'],
  [1, 'Cancelled on client', 'lost'],
  [13, 'Received RST_STREAM with code 2', 'lost'],
];

for (const [code, text, kind] of cases) {
  test(`an answer of etcd is taken for what it means: ${code} ${text}`, () => {
    assert.equal(failureKind(code, text), kind);
  });
}
