/** Tokens that give the keys of the cluster away are made by its administrators, not by whoever may write Secrets. */
import { BOOTSTRAP_TOKEN_TYPE, readBootstrapToken, SERVER_JOINERS } from '../api/core/v1/bootstrap-token.ts';
import { Secret } from '../api/core/v1/secret.ts';
import { failure } from '../api/status.ts';
import type { Admission } from './admission.ts';
import { MASTERS } from './auth/authorize.ts';

/** Refuses tokens that let servers join to all but `system:masters`: what they give is everything. */
export function tokenAdmission(): Admission {
  return {
    async admit({ kind, next, by }) {
      const nothing = { next, compares: [], operations: [] };
      if (kind !== Secret || next === undefined || by === undefined || by.groups.includes(MASTERS)) return nothing;
      const secret = next as Secret;
      const isForServers =
        secret.type === BOOTSTRAP_TOKEN_TYPE && readBootstrapToken(secret)?.groups.includes(SERVER_JOINERS);
      if (!isForServers) return nothing;
      const name = secret.metadata.name ?? '';
      const why = `user ${JSON.stringify(by.name)} is not in the group ${MASTERS}, and whoever has a token of ${SERVER_JOINERS} is given the keys of the cluster`;
      throw failure(403, 'Forbidden', `secrets ${JSON.stringify(name)} is forbidden: ${why}`, {
        name,
        kind: 'secrets',
      });
    },
  };
}
