/** Gives every namespace its default service account, and the certificate that pods know the API by. */
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import { Namespace } from '../../api/core/v1/namespace.ts';
import { DEFAULT_SERVICE_ACCOUNT, ServiceAccount } from '../../api/core/v1/serviceaccount.ts';
import { parseKey } from '../../api/meta/v1.ts';
import { isAlreadyExists } from '../../api/status.ts';
import { runController } from '../../client/controller.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { defaultAccount, isActive, ROOT_CA, rootCAMap } from './desired.ts';

export interface ServiceAccountsParts extends ControllerParts {
  /** PEM; undefined: others tell pods what to trust. */
  readonly rootCA?: string;
}

/** Makes the controller; its keys are names of namespaces. */
export function serviceAccountsController({ client, informers, clock, log, rootCA }: ServiceAccountsParts): Run {
  const queue = new WorkQueue({ clock });
  const namespaces = informers.of(Namespace);
  const accounts = informers.of(ServiceAccount);
  const maps = informers.of(ConfigMap);
  namespaces.onChange(({ key, object }) => {
    if (object !== undefined) queue.add(key);
  });
  accounts.onChange(({ key, object }) => {
    const { namespace, name } = parseKey(key);
    if (object === undefined && name === DEFAULT_SERVICE_ACCOUNT && namespace) queue.add(namespace);
  });
  maps.onChange(({ key }) => {
    const { namespace, name } = parseKey(key);
    if (name === ROOT_CA && namespace) queue.add(namespace);
  });
  const reconcile = async (name: string): Promise<void> => {
    const namespace = namespaces.get(name);
    if (namespace === undefined || !isActive(namespace)) return;
    if (accounts.get(`${name}/${DEFAULT_SERVICE_ACCOUNT}`) === undefined) {
      await unlessThere(() => client.create(ServiceAccount, defaultAccount(name)));
    }
    if (rootCA === undefined) return;
    const found = maps.get(`${name}/${ROOT_CA}`);
    const wanted = rootCAMap(name, rootCA, found);
    if (wanted === undefined) return;
    if (found === undefined) await unlessThere(() => client.create(ConfigMap, wanted));
    else await client.update(ConfigMap, wanted);
  };
  return (signal) => runController({ name: 'serviceaccounts', queue, reconcile, workers: 2, log }, signal);
}

/** What the informer has not told yet. */
async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
