/**
 * From a call on a pod to what its node's agent is asked. Pure. The agent's paths are those of a kubelet; checks and words are those
 * of Kubernetes' API server. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { isLauncherPod } from '../../api/kubevirt/v1/launcher-pod.ts';
import { VM_NAME_LABEL } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { badRequest } from '../../api/status.ts';
import { isTrue, type StreamName } from '../http/route.ts';
import { logQuery } from './log-options.ts';

/** Undefined: the pod is on no node yet, and there is nothing to tell of it. */
export interface PodRequest {
  readonly node: string;
  readonly path: string;
}

/** Longest command line that is passed on, all of its words together. Less than what a request line may hold. */
const COMMAND_LIMIT = 12 * 1024;

/** What to ask, and whom. Throws an ApiError: 400, or 422 for options of a log that are not allowed. */
export function podRequest(pod: Pod, stream: StreamName, query: URLSearchParams): PodRequest | undefined {
  if (isLauncherPod(pod) && stream !== 'portforward') throw badRequest(guestHint(pod, stream));
  switch (stream) {
    case 'log':
      return logRequest(pod, query);
    case 'portforward':
      return ask(pod, ['portForward', ...identity(pod)], portsQuery(query));
    case 'exec':
    case 'attach':
      return commandRequest(pod, stream, query);
  }
}

function logRequest(pod: Pod, query: URLSearchParams): PodRequest | undefined {
  const { namespace = '', name = '' } = pod.metadata;
  const container = containerOf(pod, query.get('container') ?? '');
  const asked = logQuery(query, name);
  // As Kubernetes: a pod without a node has said nothing yet, which is no mistake of whoever asks.
  if (!pod.spec?.nodeName) return undefined;
  return ask(pod, ['containerLogs', namespace, name, container], asked);
}

function commandRequest(pod: Pod, stream: 'exec' | 'attach', query: URLSearchParams): PodRequest {
  const container = containerOf(pod, query.get('container') ?? '');
  const asked = new URLSearchParams();
  for (const [name, kubelets] of FLAGS) if (query.has(name) && isTrue(query.get(name))) asked.set(kubelets, '1');
  if (!asked.has('input') && !asked.has('output') && !asked.has('error')) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  const command = stream === 'exec' ? query.getAll('command') : [];
  if (stream === 'exec' && command.length === 0)
    throw badRequest('you must specify at least one command for the container');
  for (const word of command) asked.append('command', word);
  if (asked.toString().length > COMMAND_LIMIT) {
    throw badRequest(
      `the command is longer than ${COMMAND_LIMIT} bytes; send what is long on standard input (kubectl exec -i)`,
    );
  }
  return ask(pod, [stream, ...identity(pod), container], asked);
}

/** Most ports that are named in advance, as clients do that speak neither SPDY nor what holds it. */
const PORTS_MAX = 64;

function portsQuery(query: URLSearchParams): URLSearchParams {
  const texts = query
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '');
  if (texts.length > PORTS_MAX)
    throw badRequest(`ports: Too many: ${texts.length}: must have at most ${PORTS_MAX} items`);
  for (const text of texts) {
    const port = Number(text);
    if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
      throw badRequest(
        `ports: Invalid value: ${JSON.stringify(text.slice(0, 16))}: must be between 1 and 65535, inclusive`,
      );
    }
  }
  const asked = new URLSearchParams();
  for (const text of texts) asked.append('ports', text);
  return asked;
}

/** Names of the API, and the kubelet's. */
const FLAGS = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
] as const;

function identity({ metadata }: Pod): readonly string[] {
  return [metadata.namespace ?? '', metadata.name ?? '', metadata.uid ?? ''];
}

function ask(pod: Pod, parts: readonly string[], query: URLSearchParams): PodRequest {
  const node = pod.spec?.nodeName;
  if (!node) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const text = query.toString();
  return { node, path: `/${parts.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}` };
}

/** The container that is meant. Throws an ApiError, 400, when it is not said which of several, or there is none of that name. */
function containerOf({ metadata, spec }: Pod, wanted: string): string {
  const names = namesOf(spec);
  if (wanted !== '') {
    if (names.includes(wanted)) return wanted;
    throw badRequest(`container ${wanted.slice(0, 64)} is not valid for pod ${metadata.name}`);
  }
  const [only, ...others] = spec?.containers ?? [];
  if (only !== undefined && others.length === 0) return only.name;
  const choice = names.length === 0 ? '' : `, choose one of: [${names.join(' ')}]`;
  throw badRequest(`a container name must be specified for pod ${metadata.name}${choice}`);
}

function namesOf(spec: PodSpec | undefined): readonly string[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ name }) => name);
}

function guestHint({ metadata }: Pod, stream: StreamName): string {
  const vm = metadata.labels?.[VM_NAME_LABEL] ?? 'NAME';
  const use = stream === 'exec' ? 'postern vm exec' : 'postern vm console';
  return `pod ${metadata.name} is a virtual machine, in which there are no containers; on its node, use: ${use} -n ${metadata.namespace} --data-dir DIR ${vm}${stream === 'exec' ? ' -- COMMAND' : ''}`;
}
