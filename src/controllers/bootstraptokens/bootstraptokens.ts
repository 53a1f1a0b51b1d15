/**
 * Removes bootstrap tokens that have expired. They are nobody's from that moment on; this only tidies up.
 * https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#token-management-with-kubeadm
 */
import { BOOTSTRAP_NAMESPACE, BOOTSTRAP_TOKEN_TYPE, readBootstrapToken } from '../../api/core/v1/bootstrap-token.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isConflict } from '../../api/status.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { minutes } from '../../lib/duration.ts';
import type { ControllerParts, Run } from '../parts.ts';

/** There are a few tokens at most, and mostly none: looking now and then costs less than following them. */
const INTERVAL = minutes(1);

/** Makes the cleaner. */
export function tokenCleaner({ client, clock, log }: Omit<ControllerParts, 'informers'>): Run {
  const clean = async (): Promise<void> => {
    const options = { namespace: BOOTSTRAP_NAMESPACE, fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}` };
    const { items } = await client.list(Secret, options);
    for (const secret of items) {
      const expires = readBootstrapToken(secret)?.expires;
      if (expires === undefined || expires > clock.now()) continue;
      // Somebody may have given it more time just now.
      const { uid, resourceVersion } = secret.metadata;
      const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
      await client.delete(Secret, keyOf(secret), { preconditions }).catch(ignoreNotFound).catch(ignoreConflict);
      log.info({ secret: secret.metadata.name }, 'removed a bootstrap token that has expired');
    }
  };
  return async (signal) => {
    while (!signal.aborted) {
      await clean().catch((err: unknown) => log.warn({ err }, 'cannot remove bootstrap tokens that have expired'));
      await clock.sleep(INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
    }
  };
}

function ignoreConflict(error: unknown): void {
  if (!isConflict(error)) throw error;
}
