/**
 * Objects as the services write them: fields of which nothing is known are there as null, and there are fields that are newer than
 * the SDK. Clients are to make nothing of either.
 */
import { isRecord } from './checks.ts';
import type { ServiceName } from './operation.ts';

type Shape = Readonly<Record<string, unknown>>;

interface Addition {
  readonly of: (found: Shape) => boolean;
  readonly fields: (found: Shape) => Shape;
}

const nulls = (...names: readonly string[]) => {
  const fields = Object.fromEntries(names.map((name) => [name, null]));
  return () => fields;
};

const has = (name: string) => (found: Shape) => name in found;
const isHealthChecker = has('intervalInMillis');
const isAddress = has('isPublic');

const RULES: readonly Addition[] = [
  {
    of: (found) => 'protocol' in found && ('source' in found || 'destination' in found),
    fields: nulls('icmpOptions', 'tcpOptions', 'udpOptions', 'description'),
  },
];

const ADDITIONS: Readonly<Record<ServiceName, readonly Addition[]>> = {
  network: RULES,
  compute: [],
  loadBalancer: [
    {
      of: has('healthChecker'),
      fields: nulls(
        'sslConfiguration',
        'sessionPersistenceConfiguration',
        'lbCookieSessionPersistenceConfiguration',
        'backendMaxConnections',
        // Newer than the SDK.
        'backendRetryPolicy',
        'connectionEstablishmentTimeoutInSeconds',
        'keepAliveTimeoutInSeconds',
      ),
    },
    { of: isHealthChecker, fields: nulls('urlPath', 'isForcePlainText') },
    { of: has('drain'), fields: nulls('maxConnections') },
    {
      of: has('defaultBackendSetName'),
      fields: nulls('sslConfiguration', 'connectionConfiguration', 'pathRouteSetName', 'routingPolicyName'),
    },
    { of: isAddress, fields: nulls('reservedIp') },
  ],
  networkLoadBalancer: [
    { of: isHealthChecker, fields: nulls('dns', 'urlPath', 'returnCode', 'responseBodyRegex') },
    {
      of: has('isDrain'),
      fields: ({ ipAddress }) => ({
        targetId: null,
        ipAddress: null,
        // Newer than the SDK.
        ipVersion: typeof ipAddress === 'string' ? (ipAddress.includes(':') ? 'IPV6' : 'IPV4') : null,
      }),
    },
    { of: has('defaultBackendSetName'), fields: nulls('tcpIdleTimeout', 'udpIdleTimeout', 'l3IpIdleTimeout') },
    { of: isAddress, fields: nulls('reservedIp') },
    { of: has('nlbIpVersion'), fields: () => ({ lifecycleDetails: null, systemTags: {}, securityAttributes: {} }) },
  ],
};

/** The text of an answer's body. */
export function printed(service: ServiceName, body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) => {
    if (!isRecord(value)) return value;
    const added = ADDITIONS[service].filter(({ of }) => of(value)).map(({ fields }) => fields(value));
    return added.length === 0 ? value : Object.assign({}, ...added, value);
  });
}
