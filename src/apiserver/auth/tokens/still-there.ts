/** Whether the objects that a token names are there, and are those that it was made for. */
import { Node } from '../../../api/core/v1/node.ts';
import { Pod } from '../../../api/core/v1/pod.ts';
import { Secret } from '../../../api/core/v1/secret.ts';
import { ServiceAccount } from '../../../api/core/v1/serviceaccount.ts';
import type { AnyKind } from '../../../api/kinds.ts';
import type { KubeObject } from '../../../api/meta/v1.ts';
import type { Store } from '../../../store/store.ts';
import type { Codec } from '../../storage/codec.ts';
import { objectKey } from '../../storage/keys.ts';
import type { AccountClaims, Named } from './claims.ts';
import type { StillThere } from './tokens.ts';

/** Seconds that a token outlives the moment at which its object is to be gone, as in Kubernetes. */
const LEEWAY = 60;

/** Looks the account up, and what the token is bound to: a pod, else a Secret, else a node. `now`: wall-clock milliseconds. */
export function stillThere(store: Store, codec: Codec, now: () => number): StillThere {
  const find = async (kind: AnyKind, namespace: string | undefined, { name, uid }: Named) => {
    const entry = await store.get(objectKey(kind, namespace, name));
    const object = entry && codec.decode(entry).object;
    return object?.metadata.uid === uid && !isOver(object, now()) ? undefined : missing(kind, name);
  };
  return async ({ namespace, serviceaccount, pod, secret, node }: AccountClaims) => {
    const account = await find(ServiceAccount, namespace, serviceaccount);
    if (account !== undefined) return account;
    if (pod !== undefined) return find(Pod, namespace, pod);
    if (secret !== undefined) return find(Secret, namespace, secret);
    return node === undefined ? undefined : find(Node, undefined, node);
  };
}

/** One that is being deleted is still who it was, for as long as it was given to end. */
function isOver({ metadata: { deletionTimestamp } }: KubeObject, now: number): boolean {
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + LEEWAY * 1000 < now;
}

function missing({ singular }: AnyKind, name: string): string {
  return `the ${singular} ${JSON.stringify(name)} that the token is of is not there any more`;
}
