/**
 * Starting, stopping and restarting a virtual machine, as KubeVirt's virt-api does: by its run strategy where that
 * decides, else by a request in its status that the controller carries out.
 * https://kubevirt.io/user-guide/compute/run_strategies/
 */
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { badRequest, conflict, isConflict, isNotFound, notFound } from '../../api/status.ts';
import { isMapping } from '../../api/value.ts';
import type { Api } from '../context.ts';
import { parseBody } from '../http/body.ts';
import { change } from '../storage/change.ts';
import { objectKey } from '../storage/keys.ts';
import { completeChange } from '../verbs/complete.ts';
import { removeObject } from '../verbs/delete.ts';
import type { ActionRequest } from './actions.ts';
import { type Instance, restarted, started, stopped } from './virtualmachine-requests.ts';

export async function start(api: Api, request: ActionRequest): Promise<void> {
  await changeMachine(api, request, started);
}

export async function stop(api: Api, request: ActionRequest): Promise<void> {
  const grace = gracePeriodOf(request);
  const vmi = await changeMachine(api, request, stopped);
  if (grace !== undefined && vmi !== undefined) await endInstance(api, request, vmi, grace);
}

export async function restart(api: Api, request: ActionRequest): Promise<void> {
  const grace = gracePeriodOf(request);
  const vmi = await changeMachine(api, request, restarted);
  if (grace !== undefined && vmi !== undefined) await endInstance(api, request, vmi, grace);
}

type Decide = (vm: VirtualMachine, vmi: Instance | undefined) => VirtualMachine | { readonly refused: string };

/** Writes what `decide` makes of the machine. Answers with the instance as it was. */
async function changeMachine(
  api: Api,
  { namespace, name }: ActionRequest,
  decide: Decide,
): Promise<Instance | undefined> {
  let vmi: Instance | undefined;
  await change(api, { kind: VirtualMachine, namespace, name, dryRun: false }, async (current) => {
    if (current === undefined) throw notFound(VirtualMachine, name);
    vmi = await findInstance(api, namespace, name);
    const old = current.object as VirtualMachine;
    const next = decide(old, vmi);
    if ('refused' in next) throw conflict(VirtualMachine, name, next.refused);
    const part = next.status === old.status ? 'object' : 'status';
    return { act: 'put', object: completeChange(VirtualMachine, next, old, part) };
  });
  return vmi;
}

async function findInstance(api: Api, namespace: string, name: string): Promise<Instance | undefined> {
  const entry = await api.store.get(objectKey(VirtualMachineInstance, namespace, name));
  return entry && (api.codec.decode(entry).object as VirtualMachineInstance);
}

/** The wish for another grace period than the guest's own: the instance is deleted with it. */
async function endInstance(api: Api, { namespace, name }: ActionRequest, vmi: Instance, grace: number): Promise<void> {
  const { uid } = vmi.metadata;
  const options = { gracePeriodSeconds: grace, ...(uid === undefined ? {} : { preconditions: { uid } }) };
  try {
    await shortenGrace(api, { namespace, name }, grace);
    const request = { verb: 'delete', kind: VirtualMachineInstance, namespace, query: new URLSearchParams() } as const;
    await removeObject(api, request, name, options);
  } catch (error) {
    // The controller was quicker: the instance is gone, or it is already the next one.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

/** An instance carries its grace period in its spec; whoever ends the guest reads it there. */
async function shortenGrace(api: Api, { namespace, name }: Omit<ActionRequest, 'body'>, grace: number): Promise<void> {
  await change(api, { kind: VirtualMachineInstance, namespace, name, dryRun: false }, (current) => {
    if (current === undefined) throw notFound(VirtualMachineInstance, name);
    const vmi = current.object as VirtualMachineInstance;
    const spec = { ...vmi.spec, terminationGracePeriodSeconds: grace };
    return { act: 'put', object: { ...vmi, spec } };
  });
}

/** `{gracePeriod: 0}` of KubeVirt's StopOptions, or `{gracePeriodSeconds: 0}` of its RestartOptions. */
function gracePeriodOf({ body }: ActionRequest): number | undefined {
  if (body.bytes.byteLength === 0) return undefined;
  const { value } = parseBody(body);
  if (!isMapping(value)) throw badRequest('the body is not an object: write {"gracePeriod": SECONDS} or nothing');
  const grace = value['gracePeriod'] ?? value['gracePeriodSeconds'];
  if (grace === undefined || grace === null) return undefined;
  if (typeof grace === 'number' && Number.isSafeInteger(grace) && grace >= 0) return grace;
  throw badRequest(
    `gracePeriod: Invalid value: ${JSON.stringify(grace)}: must be a whole number of seconds, 0 or more`,
  );
}
