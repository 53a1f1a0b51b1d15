/** The configuration file's text as a configuration, or all that is wrong with it. */
import { X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';
import { parseDocument } from 'yaml';
import { type OciConfig, type OciEndpoints, SECURITY_LIST_MANAGEMENT_MODES } from '../config.ts';
import { credentialsOf, type Identity, type Source } from './credentials.ts';
import { Fields, type Problem, shown } from './fields.ts';
import { pathFrom, readText } from './files.ts';

export type ParsedConfig =
  | { readonly kind: 'config'; readonly config: OciConfig }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] };

/** As the cloud controller manager has them. */
const RATE = { qps: 20, bucket: 5 } as const;

export async function parseConfig(text: string, source: Source): Promise<ParsedConfig> {
  const value = yamlOf(text);
  if ('why' in value) return { kind: 'problems', problems: [{ field: 'the file', why: value.why }] };
  const fields = new Fields(value.value);
  const config = await configOf(fields, source);
  const { problems } = fields;
  if (problems.length > 0 || config === undefined) return { kind: 'problems', problems };
  return { kind: 'config', config };
}

/** The parser's own messages show parts of the text, which may be part of a key. */
function yamlOf(text: string): { readonly value: unknown } | { readonly why: string } {
  // All scalars are texts, so that none is taken for something else.
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false });
  const [mistake] = document.errors;
  if (mistake !== undefined) {
    const line = text.slice(0, mistake.pos[0]).split('\n').length;
    return { why: `is neither YAML nor JSON: line ${line}, ${mistake.code}` };
  }
  try {
    return { value: document.toJS({ maxAliasCount: 0 }) ?? '' };
  } catch {
    return { why: 'has aliases (*NAME), which are not read: write what they stand for' };
  }
}

async function configOf(fields: Fields, source: Source): Promise<OciConfig | undefined> {
  const auth = fields.group('auth');
  const inAuth = auth.flag('useInstancePrincipals');
  const asInstance = fields.flag('useInstancePrincipals') || inAuth;
  if (fields.flag('useWorkloadIdentity')) {
    fields.wrong('useWorkloadIdentity', 'is not supported: use instance principals or an API key');
  }
  const identity = await credentialsOf(auth, asInstance, source);
  const compartment = fields.ocid('compartment', 'compartment', 'tenancy') ?? auth.ocid('compartment', 'compartment');
  if (compartment === undefined && !fields.has('compartment') && !auth.has('compartment')) {
    fields.wrong('compartment', 'is missing: it is the OCID of the compartment of the cluster');
  }
  const settings = {
    vcn: fields.ocid('vcn', 'vcn'),
    loadBalancer: loadBalancerOf(fields.group('loadBalancer')),
    nodePorts: nodePortsOf(fields.group('nodePorts')),
    tags: tagsOf(fields.group('tags').group('loadBalancer')),
    rateLimits: rateLimitsOf(fields.group('rateLimiter')),
    endpoints: endpointsOf(fields),
    ca: await caOf(fields, source),
  };
  const { disabled, subnet1 } = settings.loadBalancer;
  if (!disabled && subnet1 === undefined && !fields.has('vcn')) {
    fields.wrong('vcn', 'is missing: give the OCID of the VCN, or loadBalancer.subnet1');
  }
  const warnings = warningsOf(fields, auth);
  for (const group of [fields, auth, fields.group('tags')]) group.refuseOthers();
  return joined(identity, compartment, settings, warnings);
}

function joined(
  identity: Identity | undefined,
  compartment: string | undefined,
  settings: Omit<OciConfig, 'credentials' | 'region' | 'compartment' | 'warnings'>,
  warnings: readonly string[],
): OciConfig | undefined {
  if (identity === undefined || compartment === undefined) return undefined;
  return { ...identity, compartment, ...settings, warnings };
}

function loadBalancerOf(fields: Fields): OciConfig['loadBalancer'] {
  const isUnmanaged = fields.flag('disableSecurityListManagement');
  const read: OciConfig['loadBalancer'] = {
    disabled: fields.flag('disabled'),
    subnet1: fields.ocid('subnet1', 'subnet'),
    subnet2: fields.ocid('subnet2', 'subnet'),
    securityListManagementMode:
      fields.oneOf('securityListManagementMode', SECURITY_LIST_MANAGEMENT_MODES) ?? (isUnmanaged ? 'None' : 'All'),
    securityLists: securityListsOf(fields.group('securityLists')),
  };
  fields.refuseOthers();
  return read;
}

function securityListsOf(fields: Fields): Readonly<Record<string, string>> {
  const lists = fields.names().map((subnet) => {
    if (!subnet.startsWith('ocid1.subnet.'))
      fields.wrong(subnet, 'must be the OCID of a subnet, before that of its list');
    return [subnet, fields.ocid(subnet, 'securitylist') ?? ''];
  });
  return Object.fromEntries(lists);
}

/** Several with commas between, as in annotations. */
function nodePortsOf(fields: Fields): NonNullable<OciConfig['nodePorts']> {
  const group = String.raw`ocid1\.networksecuritygroup\.[\w.-]+`;
  const what = 'OCIDs of network security groups, with commas between: ocid1.networksecuritygroup.REALM.REGION.ID';
  const groups = fields.matching('networkSecurityGroups', new RegExp(`^\\s*${group}(\\s*,\\s*${group})*\\s*$`), what);
  fields.refuseOthers();
  return { networkSecurityGroups: groups === undefined ? [] : groups.split(',').map((id) => id.trim()) };
}

function tagsOf(fields: Fields): OciConfig['tags'] {
  const defined = fields.group('defined');
  const read = {
    freeform: fields.group('freeform').texts(),
    defined: Object.fromEntries(defined.names().map((namespace) => [namespace, defined.group(namespace).texts()])),
  };
  fields.refuseOthers();
  return read;
}

function rateLimitsOf(fields: Fields): OciConfig['rateLimits'] {
  const isOff = fields.flag('disableRateLimiter');
  const limit = (effect: 'Read' | 'Write') => ({
    qps: fields.positive(`rateLimitQPS${effect}`, RATE.qps),
    // Less than one would let none through.
    bucket: Math.max(1, fields.positive(`rateLimitBucket${effect}`, RATE.bucket)),
  });
  const limits = { read: limit('Read'), write: limit('Write') };
  fields.refuseOthers();
  return isOff ? undefined : limits;
}

/** `endpoint` is all of them but the metadata service; `endpoints` has them one by one. */
function endpointsOf(fields: Fields): OciEndpoints {
  const all = urlOf(fields, 'endpoint', 'https:');
  const each = fields.group('endpoints');
  const read = {
    core: urlOf(each, 'core', 'https:') ?? all,
    loadBalancer: urlOf(each, 'loadBalancer', 'https:') ?? all,
    networkLoadBalancer: urlOf(each, 'networkLoadBalancer', 'https:') ?? all,
    auth: urlOf(each, 'auth', 'https:') ?? all,
    metadata: urlOf(each, 'metadata', 'http:'),
  };
  each.refuseOthers();
  return read;
}

/** The metadata service alone has a path, and may be without TLS: it is no farther than the host. */
function urlOf(fields: Fields, name: string, least: 'http:' | 'https:'): string | undefined {
  const text = fields.text(name);
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isBare = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  const isSafe = url?.protocol === 'https:' || (least === 'http:' && url?.protocol === 'http:');
  if (url === null || !isBare || !isSafe || (least === 'https:' && url.pathname !== '/')) {
    return fields.wrong(name, `is ${shown(text)}; it must be a URL such as ${least}//HOST[:PORT]`);
  }
  return least === 'https:' ? url.origin : url.href;
}

async function caOf(fields: Fields, { path }: Source): Promise<string | undefined> {
  const name = fields.text('caFile');
  if (name === undefined) return undefined;
  const read = await readText(pathFrom(dirname(path), name));
  if (read.kind === 'unreadable') return fields.wrong('caFile', read.why);
  try {
    new X509Certificate(read.text);
    return read.text;
  } catch {
    return fields.wrong('caFile', `${name} holds no certificate in PEM`);
  }
}

function warningsOf(fields: Fields, auth: Fields): readonly string[] {
  const tags = fields.group('tags');
  const unused = [
    ...fields.known('regionKey', 'metrics'),
    ...auth.known('regionKey'),
    ...tags.known('blockVolume'),
  ].map((name) => `${name} does nothing here`);
  const old: readonly (readonly [Fields, string, string])[] = [
    [auth, 'compartment', 'compartment'],
    [auth, 'useInstancePrincipals', 'useInstancePrincipals'],
    [auth, 'key_passphrase', 'auth.passphrase'],
    [fields.group('loadBalancer'), 'disableSecurityListManagement', 'loadBalancer.securityListManagementMode: None'],
  ];
  const renamed = old
    .filter(([group, name]) => group.has(name))
    .map(([group, name, instead]) => `${group.nameOf(name)} is deprecated: write ${instead}`);
  return [...unused, ...renamed];
}
