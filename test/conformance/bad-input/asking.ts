/** What the tests of bad input share: an answer is looked at together with what it left behind. */
import assert from 'node:assert/strict';
import type { CallOptions, Reply, TestServer } from '../../../src/apiserver/testing/server.ts';

/** Field and reason of each cause of an answer, in the order of the fields. */
export function causesOf({ body }: Reply): readonly string[] {
  const causes: readonly { readonly field?: string; readonly reason?: string }[] = body?.details?.causes ?? [];
  return causes.map(({ field, reason }) => `${field} ${reason?.replace(/^FieldValue/, '')}`).sort();
}

/** Makes a call that must be refused with a Status, and must have written nothing, not even a claim on an address. */
export async function refused(api: TestServer, method: string, path: string, options: CallOptions): Promise<Reply> {
  const before = await api.store.revision();
  const reply = await api.call(method, path, options);
  assert.ok(reply.code >= 400 && reply.code < 500, `${reply.code} ${reply.text.slice(0, 500)}`);
  assert.equal(reply.body?.kind, 'Status', reply.text.slice(0, 500));
  assert.deepEqual([reply.body.apiVersion, reply.body.status, reply.body.code], ['v1', 'Failure', reply.code]);
  assert.equal(typeof reply.body.message, 'string');
  assert.doesNotMatch(reply.text, /\.ts:\d|node:internal/, 'no stack trace');
  assert.equal(await api.store.revision(), before, 'something was written');
  return reply;
}
