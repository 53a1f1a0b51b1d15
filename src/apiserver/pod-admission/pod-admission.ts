/**
 * What a new pod gets besides the defaults of its kind, as Kubernetes' admission controllers ServiceAccount,
 * DefaultTolerationSeconds, Priority and RuntimeClass give it.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
 */
import { Pod } from '../../api/core/v1/pod.ts';
import { DEFAULT_SERVICE_ACCOUNT, ServiceAccount } from '../../api/core/v1/serviceaccount.ts';
import { isLauncherPod } from '../../api/kubevirt/v1/launcher-pod.ts';
import { type ApiError, failure } from '../../api/status.ts';
import type { Store } from '../../store/store.ts';
import type { Admission, Admitted, Write } from '../admission.ts';
import type { Codec } from '../storage/codec.ts';
import { objectKey } from '../storage/keys.ts';
import { withPriority } from './priority.ts';
import { withAccount } from './service-account.ts';
import { withTolerations } from './tolerations.ts';

export interface PodAdmissionParts {
  readonly store: Store;
  readonly codec: Codec;
  /** In [0, 1), as Math.random. */
  readonly random: () => number;
}

/** Makes the admission of pods: what each new one is given. */
export function podAdmission(parts: PodAdmissionParts): Admission {
  return {
    async admit({ kind, old, next }: Write): Promise<Admitted> {
      const nothing = { next, compares: [], operations: [] };
      if (kind !== Pod || old !== undefined || next === undefined) return nothing;
      const pod = next as Pod;
      // It stands for a guest, to which none of this is anything.
      return isLauncherPod(pod) ? nothing : { ...nothing, next: await completed(pod, parts) };
    },
  };
}

async function completed(pod: Pod, parts: PodAdmissionParts): Promise<Pod> {
  const { runtimeClassName } = pod.spec ?? {};
  if (runtimeClassName) throw refused(pod, `pod rejected: RuntimeClass ${JSON.stringify(runtimeClassName)} not found`);
  const spec = withPriority(pod.spec ?? {});
  if ('refused' in spec) throw refused(pod, spec.refused);
  const account = await accountOf(pod, parts);
  return { ...pod, spec: withAccount(withTolerations(spec), account, parts.random) };
}

/** The default account is made by a controller soon after its namespace: a pod need not come after it. */
async function accountOf(pod: Pod, { store, codec }: PodAdmissionParts): Promise<ServiceAccount> {
  const { namespace = '' } = pod.metadata;
  const name = pod.spec?.serviceAccountName || DEFAULT_SERVICE_ACCOUNT;
  const entry = await store.get(objectKey(ServiceAccount, namespace, name));
  if (entry !== undefined) return codec.decode(entry).object as ServiceAccount;
  if (name === DEFAULT_SERVICE_ACCOUNT) {
    return { apiVersion: ServiceAccount.apiVersion, kind: ServiceAccount.kind, metadata: { name, namespace } };
  }
  const why = `serviceaccount ${JSON.stringify(name)} not found`;
  throw refused(pod, `error looking up service account ${namespace}/${name}: ${why}`);
}

function refused({ metadata: { name = '' } }: Pod, why: string): ApiError {
  return failure(403, 'Forbidden', `pods "${name}" is forbidden: ${why}`, { name, kind: Pod.plural });
}
