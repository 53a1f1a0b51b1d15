/** What a container runtime asks of its CNI plugin, as data: https://www.cni.dev/docs/spec/#section-2-execution-protocol */
import { parseIP } from '../../lib/ip.ts';
import type { HostPort } from '../../network/pod-network.ts';
import { CNI_CODES, type CNIFailure, failure } from './errors.ts';

/** Versions of the specification that results are told in. */
export const CNI_VERSIONS = ['0.3.1', '0.4.0', '1.0.0'] as const;
/** A version of the specification that is spoken. */
export type CNIVersion = (typeof CNI_VERSIONS)[number];

/** The pod that a sandbox is made for. Runtimes that are old do not tell its UID. */
export interface SandboxPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
}

interface InNamespace {
  readonly version: CNIVersion;
  /** ID of the sandbox. */
  readonly containerID: string;
  /** Path of the network namespace. */
  readonly netns: string;
  readonly ifname: string;
}

/** What a runtime asks for, checked. */
export type CNIRequest =
  | (InNamespace & { readonly kind: 'add'; readonly pod: SandboxPod; readonly hostPorts: readonly HostPort[] })
  | (InNamespace & { readonly kind: 'check' })
  | { readonly kind: 'del'; readonly version: CNIVersion; readonly containerID: string };

/** As the plugin passes it on: variables of its environment, and what it was given on standard input. */
export interface RawRequest {
  readonly env: Readonly<Record<string, string>>;
  readonly config: string;
}

const MOST_HOST_PORTS = 1024;
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$/;
const INTERFACE = /^[A-Za-z0-9_.-]{1,15}$/;
const NAMESPACE_PATH = /^\/[\x21-\x7e]{1,4095}$/;
const PROTOCOLS = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' } as const;

/** Reads what the plugin was given: variables, and a configuration. */
export function parseRequest({ env, config }: RawRequest): CNIRequest | CNIFailure {
  const conf = parseObject(config);
  if (conf === undefined) return failure(CNI_CODES.undecodable, 'the network configuration is no JSON object');
  const version = CNI_VERSIONS.find((each) => each === conf['cniVersion']);
  if (version === undefined) {
    const known = CNI_VERSIONS.join(', ');
    return failure(CNI_CODES.incompatibleVersion, 'incompatible CNI version', `${conf['cniVersion']}: one of ${known}`);
  }
  const containerID = env['CNI_CONTAINERID'] ?? '';
  if (!CONTAINER_ID.test(containerID)) return badVariable('CNI_CONTAINERID', containerID);
  const command = env['CNI_COMMAND'] ?? '';
  if (command === 'DEL') return { kind: 'del', version, containerID };
  if (command !== 'ADD' && command !== 'CHECK') return badVariable('CNI_COMMAND', command);
  const netns = env['CNI_NETNS'] ?? '';
  if (!NAMESPACE_PATH.test(netns)) return badVariable('CNI_NETNS', netns);
  const ifname = env['CNI_IFNAME'] ?? '';
  if (!INTERFACE.test(ifname)) return badVariable('CNI_IFNAME', ifname);
  const common = { version, containerID, netns, ifname };
  if (command === 'CHECK') return { kind: 'check', ...common };
  const pod = podOf(env['CNI_ARGS'] ?? '');
  if (pod === undefined) return badVariable('CNI_ARGS', env['CNI_ARGS'] ?? '');
  const hostPorts = hostPortsOf(conf['runtimeConfig']);
  return 'kind' in hostPorts ? hostPorts : { kind: 'add', ...common, pod, hostPorts };
}

function badVariable(name: string, value: string): CNIFailure {
  return failure(CNI_CODES.invalidEnvironment, `invalid ${name}`, JSON.stringify(value.slice(0, 256)));
}

/** `NAME=VALUE;NAME=VALUE`: the names are those that every runtime for Kubernetes gives. */
function podOf(args: string): SandboxPod | undefined {
  const values = new Map(args.split(';').map((pair) => [pair.split('=', 1)[0], pair.slice(pair.indexOf('=') + 1)]));
  const [namespace, name] = [values.get('K8S_POD_NAMESPACE') ?? '', values.get('K8S_POD_NAME') ?? ''];
  const uid = values.get('K8S_POD_UID') ?? '';
  if (namespace === '' || name === '') return undefined;
  return { namespace, name, ...(uid === '' ? {} : { uid }) };
}

/**
 * The capability portMappings: https://www.cni.dev/docs/conventions/. Port 0 of the host means none. Names are read whatever their
 * case, as plugins written in Go do: containerd writes `HostPort`.
 */
function hostPortsOf(runtimeConfig: unknown): readonly HostPort[] | CNIFailure {
  const mappings = isObject(runtimeConfig) ? (runtimeConfig['portMappings'] ?? []) : [];
  if (!Array.isArray(mappings) || mappings.length > MOST_HOST_PORTS) {
    return failure(CNI_CODES.invalidConfig, `portMappings is a list of at most ${MOST_HOST_PORTS}`);
  }
  const ports: HostPort[] = [];
  for (const mapping of mappings) {
    const port = hostPortOf(mapping);
    if (port === undefined) return failure(CNI_CODES.invalidConfig, 'not a port mapping', JSON.stringify(mapping));
    if (port !== 'none') ports.push(port);
  }
  return ports;
}

function hostPortOf(mapping: unknown): HostPort | 'none' | undefined {
  if (!isObject(mapping)) return undefined;
  const values = new Map(Object.entries(mapping).map(([name, value]) => [name.toLowerCase(), value]));
  const [hostPort, containerPort] = [values.get('hostport'), values.get('containerport')];
  const [protocol, hostIP] = [values.get('protocol') ?? 'tcp', values.get('hostip') ?? ''];
  if (hostPort === 0) return 'none';
  const known = PROTOCOLS[String(protocol).toLowerCase() as keyof typeof PROTOCOLS];
  const address = hostIP === '' ? undefined : parseIP(String(hostIP));
  if (!isPort(hostPort) || !isPort(containerPort) || known === undefined) return undefined;
  if (hostIP !== '' && address === undefined) return undefined;
  return { protocol: known, hostPort, containerPort, ...(address === undefined ? {} : { hostIP: address }) };
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
