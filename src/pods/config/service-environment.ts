/**
 * Services as environment variables, in the form that Docker's links once had.
 * https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
import type { Service } from '../../api/core/v1/service.ts';

/** The variables of all these Services, by name. Those without an address of their own have none. */
export function serviceEnvironment(services: readonly Service[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { metadata, spec } of services) {
    const { clusterIP = '', ports = [] } = spec ?? {};
    if (clusterIP === '' || clusterIP === 'None' || spec?.type === 'ExternalName') continue;
    const service = variableName(metadata.name ?? '');
    const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
    variables.set(`${service}_SERVICE_HOST`, clusterIP);
    for (const [i, { name, port, protocol = 'TCP' }] of ports.entries()) {
      const url = `${protocol.toLowerCase()}://${host}:${port}`;
      const link = `${service}_PORT_${port}_${protocol}`;
      if (i === 0) variables.set(`${service}_SERVICE_PORT`, String(port)).set(`${service}_PORT`, url);
      if (name) variables.set(`${service}_SERVICE_PORT_${variableName(name)}`, String(port));
      variables.set(link, url);
      variables.set(`${link}_PROTO`, protocol.toLowerCase());
      variables.set(`${link}_PORT`, String(port));
      variables.set(`${link}_ADDR`, clusterIP);
    }
  }
  return variables;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
