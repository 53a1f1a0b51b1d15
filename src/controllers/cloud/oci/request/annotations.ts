/**
 * The annotations of OCI's cloud controller manager, and how their values are read.
 * https://github.com/oracle/oci-cloud-controller-manager/blob/master/docs/load-balancer-annotations.md
 */
import { parseIP, printIP } from '../../../../lib/ip.ts';

const LB = 'service.beta.kubernetes.io/oci-load-balancer-';
const NLB = 'oci-network-load-balancer.oraclecloud.com/';
const OCI = 'oci.oraclecloud.com/';

/** Those that say the same of either type, but not under the same name, or for both under one. */
export const ANNOTATIONS = {
  type: `${OCI}load-balancer-type`,
  securityRuleManagementMode: `${OCI}security-rule-management-mode`,
  backendNetworkSecurityGroups: `${OCI}oci-backend-network-security-group`,
  ingressIpMode: `${OCI}ingress-ip-mode`,
  lb: {
    internal: `${LB}internal`,
    subnet1: `${LB}subnet1`,
    subnet2: `${LB}subnet2`,
    shape: `${LB}shape`,
    shapeMin: `${LB}shape-flex-min`,
    shapeMax: `${LB}shape-flex-max`,
    idleTimeout: `${LB}connection-idle-timeout`,
    proxyProtocolVersion: `${LB}connection-proxy-protocol-version`,
    backendProtocol: `${LB}backend-protocol`,
    healthRetries: `${LB}health-check-retries`,
    healthTimeout: `${LB}health-check-timeout`,
    healthInterval: `${LB}health-check-interval`,
    securityListManagementMode: `${LB}security-list-management-mode`,
    tlsPorts: `${LB}ssl-ports`,
    listenerSecret: `${LB}tls-secret`,
    backendSetSecret: `${LB}tls-backendset-secret`,
    listenerTls: `${OCI}oci-load-balancer-listener-ssl-config`,
    backendSetTls: `${OCI}oci-load-balancer-backendset-ssl-config`,
    policy: `${OCI}loadbalancer-policy`,
    networkSecurityGroups: `${OCI}oci-network-security-groups`,
    freeformTags: `${OCI}initial-freeform-tags-override`,
    definedTags: `${OCI}initial-defined-tags-override`,
    nodeSelector: `${OCI}node-label-selector`,
  },
  nlb: {
    internal: `${NLB}internal`,
    subnet: `${NLB}subnet`,
    healthRetries: `${NLB}health-check-retries`,
    healthTimeout: `${NLB}health-check-timeout`,
    healthInterval: `${NLB}health-check-interval`,
    securityListManagementMode: `${NLB}security-list-management-mode`,
    policy: `${NLB}backend-policy`,
    networkSecurityGroups: `${NLB}oci-network-security-groups`,
    freeformTags: `${NLB}initial-freeform-tags-override`,
    definedTags: `${NLB}initial-defined-tags-override`,
    formerFreeformTags: `${NLB}freeform-tags`,
    formerDefinedTags: `${NLB}defined-tags`,
    nodeSelector: `${NLB}node-label-selector`,
    preserveSource: `${NLB}is-preserve-source`,
    proxyProtocol: `${NLB}is-ppv2-enabled`,
    externalOnly: `${NLB}external-ip-only`,
    assignedIPv4: `${NLB}assigned-private-ipv4`,
    assignedIPv6: `${NLB}assigned-ipv6`,
  },
} as const;

/** Those of OCI's controller that are refused here rather than passed over, as a load balancer without them is another one. */
const REFUSED: Readonly<Record<string, string>> = {
  [`${OCI}oci-load-balancer-rule-sets`]: 'Postern makes no rule sets: leave the annotation out',
  [`${OCI}workload-service-account`]: 'Postern asks OCI with its own credentials: leave the annotation out',
  [`${OCI}compartment-id`]: 'load balancers are made in the compartment of the cloud config: leave the annotation out',
};

const namesIn = (group: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.values(group).filter((value) => typeof value === 'string');
const KNOWN: ReadonlySet<string> = new Set(
  [ANNOTATIONS, ANNOTATIONS.lb, ANNOTATIONS.nlb].flatMap((group) => namesIn(group)),
);

/** Reads values, and keeps all that is wrong with them; what is wrong reads as if it were not there. */
export interface AnnotationReader {
  /** Undefined when it is not there or empty. */
  text(name: string): string | undefined;
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined;
  integer(name: string, min: number, max: number): number | undefined;
  boolean(name: string): boolean | undefined;
  address(name: string, family: 'IPv4' | 'IPv6'): string | undefined;
  /** OCIDs with commas between them, each once. */
  ocids(name: string, max?: number): readonly string[];
  json(name: string): Readonly<Record<string, unknown>> | undefined;
  /** Notes a mistake in the value of an annotation. */
  wrong(name: string, allowed: string): void;
  /** Notes one in a field: its path, what was found, and what to do. */
  note(field: string, found: string, allowed: string): void;
  readonly mistakes: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** More than a Service has reason to name. */
const MAX_OCIDS = 50;

/** As Go's strconv.ParseBool, by which the originals are read. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map(
  ['1', 't', 'T', 'true', 'TRUE', 'True']
    .map((word): [string, boolean] => [word, true])
    .concat(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false])),
);

export function annotationReader(annotations: Readonly<Record<string, string>> = {}): AnnotationReader {
  const mistakes: string[] = [];
  const text = (name: string) => annotations[name]?.trim() || undefined;
  const note = (field: string, found: string, allowed: string) => {
    mistakes.push(`${field}: ${JSON.stringify(found)}: ${allowed}`);
  };
  const wrong = (name: string, allowed: string) =>
    note(`metadata.annotations[${name}]`, annotations[name] ?? '', allowed);
  const read = <T>(name: string, allowed: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = text(name);
    const parsed = value === undefined ? undefined : parse(value);
    if (value !== undefined && parsed === undefined) wrong(name, allowed);
    return parsed;
  };
  return {
    annotations,
    mistakes,
    text,
    wrong,
    note,
    oneOf: <T extends string>(name: string, allowed: readonly T[]) =>
      read(name, `must be one of ${allowed.join(', ')}`, (value) =>
        allowed.find((word) => word.toLowerCase() === value.toLowerCase()),
      ),
    integer: (name, min, max) =>
      read(name, `must be a whole number from ${min} to ${max}`, (value) => integerIn(value, min, max)),
    boolean: (name) => read(name, 'must be true or false', (value) => BOOLEANS.get(value)),
    address: (name, family) =>
      read(name, `must be an ${family} address`, (value) => {
        const ip = parseIP(value);
        return ip?.family === family ? printIP(ip) : undefined;
      }),
    ocids: (name, max = MAX_OCIDS) =>
      read(name, `must be at most ${max} OCIDs with commas between them`, (value) => ocidsIn(value, max)) ?? [],
    json: (name) => read(name, 'must be a JSON object', objectIn),
  };
}

/** What is refused, and what does nothing for a load balancer of this type, in words. */
export function judgeNames(
  { annotations }: AnnotationReader,
  type: 'lb' | 'nlb',
): { readonly refused: readonly string[]; readonly warnings: readonly string[] } {
  const names = Object.keys(annotations).sort();
  const refused = names.flatMap((name) => {
    const why = REFUSED[name];
    return why === undefined || (type === 'nlb' && name.startsWith(LB))
      ? []
      : [`metadata.annotations[${name}]: ${why}`];
  });
  const said = annotations[ANNOTATIONS.type]?.trim().toLowerCase();
  const isTypeWrong = said !== undefined && said !== type;
  const warnings = names.flatMap((name) => {
    if (name === ANNOTATIONS.type && isTypeWrong)
      return [`the annotation ${name} is ${JSON.stringify(annotations[name])}, neither lb nor nlb: taken for ${type}`];
    if (isOfOther(name, type)) return [`the annotation ${name} does nothing with ${ANNOTATIONS.type} ${type}`];
    if (![LB, NLB, OCI].some((prefix) => name.startsWith(prefix))) return [];
    if (KNOWN.has(name) || REFUSED[name] !== undefined) return [];
    return [`the annotation ${name} is not known, and does nothing`];
  });
  return { refused, warnings };
}

/** Whether an annotation is for the other type of load balancer. */
function isOfOther(name: string, type: 'lb' | 'nlb'): boolean {
  if (type === 'lb') return name.startsWith(NLB);
  return name.startsWith(LB) || namesIn(ANNOTATIONS.lb).includes(name);
}

function integerIn(value: string, min: number, max: number): number | undefined {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}

function ocidsIn(value: string, max: number): readonly string[] | undefined {
  const ids = [...new Set(value.split(',').map((part) => part.trim()))];
  return ids.length <= max && ids.every(isOcid) ? ids : undefined;
}

/** https://docs.oracle.com/en-us/iaas/Content/General/Concepts/identifiers.htm */
export function isOcid(text: string): boolean {
  return text.length <= 255 && /^ocid\d+\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9-]*\.[\w.-]+$/i.test(text);
}

function objectIn(value: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? { ...parsed } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
