/** Tokens of service accounts on demand: `serviceaccounts/NAME/token`. Follows Kubernetes' token storage. */
import { type BoundObjectRef, TokenRequest } from '../../api/authentication/v1/tokenrequest.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { ServiceAccount } from '../../api/core/v1/serviceaccount.ts';
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { badRequest, conflict, failure, notFound } from '../../api/status.ts';
import { printTime } from '../../api/time.ts';
import type { Answer } from '../answer.ts';
import { type AccountClaims, ISSUER, type Named } from '../auth/tokens/claims.ts';
import { nodeOf } from '../auth/user.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { objectKey } from '../storage/keys.ts';
import { requiredName } from '../verbs/options.ts';
import { answered, received } from './called.ts';

/** Gives a token of a service account. Throws an ApiError: 403 when an agent asks for pods that are not its node's. */
export async function requestToken(api: Api, request: ResourceRequest): Promise<Answer> {
  const name = requiredName(request);
  const wanted = received<TokenRequest>(request, TokenRequest);
  const { audiences = [], expirationSeconds = 0, boundObjectRef } = wanted.spec ?? {};
  const { namespace = '' } = request;
  const account = await find(api, ServiceAccount, namespace, name);
  if (account === undefined) throw notFound(ServiceAccount, name);
  const bound = boundObjectRef === undefined ? {} : await findBound(api, request, boundObjectRef);
  checkAsker(request, bound);
  const { token, expires } = await api.tokens.issue({
    account: { namespace, serviceaccount: namedOf(account), ...bound.claims },
    audiences: audiences.length > 0 ? audiences : [ISSUER],
    seconds: expirationSeconds,
  });
  return answered(TokenRequest, {
    apiVersion: TokenRequest.apiVersion,
    kind: TokenRequest.kind,
    metadata: { name, namespace, creationTimestamp: printTime(api.clock.now()) },
    spec: { ...wanted.spec, audiences: audiences.length > 0 ? audiences : [ISSUER] },
    status: { token, expirationTimestamp: printTime(expires * 1000) },
  } as TokenRequest);
}

interface Bound {
  readonly claims?: Pick<AccountClaims, 'pod' | 'secret' | 'node'>;
  /** The pod that the token is for. */
  readonly pod?: Pod;
}

/** The object that the token is to end with. */
async function findBound(api: Api, request: ResourceRequest, ref: BoundObjectRef): Promise<Bound> {
  const { namespace = '', name: account } = request;
  const { apiVersion = '', kind = '', name = '', uid } = ref;
  const held = apiVersion === 'v1' ? BINDABLE[kind] : undefined;
  if (held === undefined) {
    throw badRequest(
      `cannot bind token to object of type ${apiVersion}, Kind=${kind}: it must be a v1 Pod, Secret or Node`,
    );
  }
  const object = await find(api, held, namespace, name);
  if (object === undefined) throw notFound(held, name);
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(held, name, why);
  }
  if (held === Secret) return { claims: { secret: namedOf(object) } };
  if (held === Node) return { claims: { node: namedOf(object) } };
  const pod = object as Pod;
  if (pod.spec?.serviceAccountName !== account) {
    const text = `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`;
    throw badRequest(text);
  }
  const node = pod.spec?.nodeName ? await find(api, Node, undefined, pod.spec.nodeName) : undefined;
  return { pod, claims: { pod: namedOf(pod), ...(node === undefined ? {} : { node: namedOf(node) }) } };
}

const BINDABLE: Readonly<Record<string, AnyKind>> = { Pod, Secret, Node };

/** A node's agent gets tokens for the pods that the node runs, and no others. */
function checkAsker({ user, name = '' }: ResourceRequest, { pod }: Bound): void {
  const node = nodeOf(user);
  if (node === undefined || pod?.spec?.nodeName === node) return;
  const why =
    pod === undefined
      ? 'node requested token not bound to a pod'
      : 'node requested token bound to a pod scheduled on a different node';
  throw failure(403, 'Forbidden', `serviceaccounts "${name}" is forbidden: ${why}`, { name, kind: 'serviceaccounts' });
}

async function find(api: Api, kind: AnyKind, namespace: string | undefined, name: string) {
  const entry = await api.store.get(objectKey(kind, namespace, name));
  return entry && api.codec.decode(entry).object;
}

function namedOf({ metadata: { name = '', uid = '' } }: KubeObject): Named {
  return { name, uid };
}
