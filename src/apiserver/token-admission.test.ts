import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bootstrapSecret, NODE_JOINERS, SERVER_JOINERS } from '../api/core/v1/bootstrap-token.ts';
import { Secret } from '../api/core/v1/secret.ts';
import { tokenAdmission } from './token-admission.ts';

it('lets administrators alone make tokens that give the keys of the cluster away', async () => {
  const token = (...groups: readonly string[]) =>
    bootstrapSecret({
      id: 'abcdef',
      secret: '0123456789abcdef',
      expires: undefined,
      usages: [],
      groups,
      description: '',
    });
  const write = (next: Secret, by?: { name: string; groups: readonly string[] }) =>
    tokenAdmission().admit({ kind: Secret, old: undefined, next, by });
  const editor = { name: 'eve', groups: ['system:authenticated'] };
  await assert.rejects(write(token(NODE_JOINERS, SERVER_JOINERS), editor), { code: 403 });
  await write(token(NODE_JOINERS), editor);
  await write({ ...token(SERVER_JOINERS), type: 'Opaque' }, editor);
  await write(token(SERVER_JOINERS), { name: 'admin', groups: ['system:masters'] });
  await write(token(SERVER_JOINERS));
});
