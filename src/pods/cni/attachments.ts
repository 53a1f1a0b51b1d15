/** Answers the requests of runtimes out of the node's pod network. */
import { Pod } from '../../api/core/v1/pod.ts';
import { isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { Logger } from '../../host/log.ts';
import { messageOf } from '../../lib/errors.ts';
import { PortError } from '../../network/node-network.ts';
import type { PodNetwork } from '../../network/pod-network.ts';
import { CNI_CODES, type CNIFailure, failure } from './errors.ts';
import { type CNIRequest, parseRequest, type RawRequest, type SandboxPod } from './request.ts';
import { addResult, failureResult, type PluginAnswer } from './result.ts';

export interface AttachmentOptions {
  readonly client: Client;
  readonly network: PodNetwork;
  readonly log: Logger;
}

type Add = Extract<CNIRequest, { readonly kind: 'add' }>;
type Check = Extract<CNIRequest, { readonly kind: 'check' }>;

/** Never rejects: what goes wrong is the runtime's answer, and the log's. */
export async function answerPlugin(raw: RawRequest, options: AttachmentOptions): Promise<PluginAnswer> {
  const request = parseRequest(raw);
  if (request.kind === 'failure') return refuse('1.0.0', request, options.log);
  try {
    const outcome = await carryOut(request, options);
    return 'kind' in outcome ? refuse(request.version, outcome, options.log) : outcome;
  } catch (err) {
    options.log.error({ err, sandbox: request.containerID }, `a sandbox’s ${request.kind.toUpperCase()} has failed`);
    const message = messageOf(err);
    return failureResult(request.version, failure(CNI_CODES.ioFailure, 'the pod network has failed', message));
  }
}

function refuse(version: string, why: CNIFailure, log: Logger): PluginAnswer {
  log.warn({ code: why.code, details: why.details }, `a sandbox is refused: ${why.msg}`);
  return failureResult(version, why);
}

function carryOut(request: CNIRequest, options: AttachmentOptions): Promise<PluginAnswer | CNIFailure> {
  if (request.kind === 'add') return add(request, options);
  return request.kind === 'del' ? remove(request.containerID, options) : check(request, options);
}

async function add(request: Add, { client, network }: AttachmentOptions): Promise<PluginAnswer | CNIFailure> {
  const { pod, containerID, netns, ifname, hostPorts } = request;
  const podUID = pod.uid ?? (await lookUp(pod, client));
  if (podUID === undefined) return failure(CNI_CODES.refused, `there is no pod ${pod.namespace}/${pod.name}`);
  try {
    const port = await network.attach({
      ...{ podUID, podKey: `${pod.namespace}/${pod.name}`, hostname: pod.name },
      ...{ namespace: netns, sandbox: containerID, interfaceName: ifname, hostPorts },
    });
    return addResult(request.version, port, request);
  } catch (error) {
    if (error instanceof PortError) return failure(CNI_CODES.refused, error.message);
    throw error;
  }
}

async function lookUp({ namespace, name }: SandboxPod, client: Client): Promise<string | undefined> {
  try {
    return (await client.get(Pod, { namespace, name })).metadata.uid;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Succeeds for a sandbox that has no port: what is to be gone is gone, however often that is asked for. */
async function remove(containerID: string, { network }: AttachmentOptions): Promise<PluginAnswer> {
  const port = network.ports().find(({ sandbox }) => sandbox === containerID);
  if (port !== undefined) await network.release(port.podUID, containerID);
  return { ok: true };
}

async function check(
  { containerID, netns }: Check,
  { network }: AttachmentOptions,
): Promise<PluginAnswer | CNIFailure> {
  const port = network.ports().find(({ sandbox }) => sandbox === containerID);
  if (port?.namespace !== netns) return failure(CNI_CODES.unknownContainer, `sandbox ${containerID} has no port`);
  const wrong = await network.check(port.podUID);
  return wrong === undefined ? { ok: true } : failure(CNI_CODES.ioFailure, wrong);
}
