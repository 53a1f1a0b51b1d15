/** Mistakes in the spec of a guest, wherever it stands. Follows KubeVirt's ValidateVirtualMachineInstanceSpec. */
import { parseMAC } from '../../../lib/mac.ts';
import { duplicateValue, invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import { duplicates, mistakeIn, validateLabels } from '../../meta/validation.ts';
import { dnsLabelMistake } from '../../names.ts';
import { targetPortMistake } from '../../ports.ts';
import { parseQuantity } from '../../quantity.ts';
import type { Cause } from '../../status.ts';
import type { InstanceSpec, Probe } from './instance-spec.ts';

type Domain = InstanceSpec['domain'];
type Volumes = NonNullable<InstanceSpec['volumes']>;

/** What KubeVirt lets a probe do; the first two are done here too. */
const PROBE_HANDLERS = ['httpGet', 'tcpSocket', 'exec', 'guestAgentPing'];

export function validateInstanceSpec(spec: InstanceSpec, at: string): readonly Cause[] {
  const { domain, hostname, terminationGracePeriodSeconds: grace = 0 } = spec;
  return [
    ...validateSize(domain, `${at}.domain`),
    ...validateKernelBoot(domain, `${at}.domain.firmware.kernelBoot`),
    ...validateDisks(spec, at),
    ...validateVolumes(spec.volumes ?? [], `${at}.volumes`),
    ...validateInterfaces(spec, at),
    ...(['readinessProbe', 'livenessProbe'] as const).flatMap((name) => validateProbe(spec[name], `${at}.${name}`)),
    ...validateLabels(spec.nodeSelector, `${at}.nodeSelector`),
    ...(hostname ? mistakeIn(`${at}.hostname`, hostname, dnsLabelMistake(hostname)) : []),
    ...atLeastZero(`${at}.terminationGracePeriodSeconds`, grace),
  ];
}

function validateSize({ cpu, memory, resources }: Domain, at: string): readonly Cause[] {
  const counts = (['cores', 'sockets', 'threads'] as const).flatMap((field) => {
    const count = cpu?.[field];
    return count !== undefined && count < 1
      ? [invalidValue(`${at}.cpu.${field}`, count, 'must be greater than 0')]
      : [];
  });
  const requested = Object.entries(resources?.requests ?? {}).flatMap(([name, amount]) =>
    validateQuantity(amount, `${at}.resources.requests[${name}]`),
  );
  const limited = Object.entries(resources?.limits ?? {}).flatMap(([name, amount]) =>
    validateQuantity(amount, `${at}.resources.limits[${name}]`),
  );
  return [...counts, ...validateQuantity(memory?.guest, `${at}.memory.guest`), ...requested, ...limited];
}

function validateQuantity(amount: string | number | undefined, field: string): readonly Cause[] {
  if (amount === undefined) return [];
  const value = parseQuantity(amount);
  if (value === undefined) {
    return [invalidValue(field, amount, 'must be a quantity: a number with a unit, such as 128Mi, 2Gi or 500m')];
  }
  return value > 0 ? [] : [invalidValue(field, amount, 'must be greater than 0')];
}

function validateKernelBoot({ firmware }: Domain, at: string): readonly Cause[] {
  const kernelBoot = firmware?.kernelBoot;
  if (kernelBoot === undefined) return [];
  const { container, kernelArgs } = kernelBoot;
  const causes: Cause[] = [];
  if (kernelArgs && !container?.kernelPath) {
    causes.push(
      invalidValue(`${at}.kernelArgs`, kernelArgs, 'kernel arguments cannot be provided without an external kernel'),
    );
  }
  if (container === undefined) return causes;
  if (container.image === '') causes.push(requiredValue(`${at}.container.image`));
  if (!container.kernelPath && !container.initrdPath) {
    causes.push(requiredValue(`${at}.container.kernelPath`, 'kernelPath or initrdPath must be specified'));
  }
  return causes;
}

function validateDisks({ domain, volumes = [] }: InstanceSpec, at: string): readonly Cause[] {
  const { disks = [] } = domain.devices;
  const field = (i: number) => `${at}.domain.devices.disks[${i}]`;
  const known = new Set(volumes.map(({ name }) => name));
  return [
    ...duplicates(
      disks,
      ({ name }) => name,
      (i) => `${field(i)}.name`,
    ),
    ...duplicates(
      disks,
      ({ bootOrder }) => bootOrder?.toString(),
      (i) => `${field(i)}.bootOrder`,
    ),
    ...disks.flatMap(({ name, bootOrder }, i) => [
      ...(known.has(name) ? [] : [invalidValue(`${field(i)}.name`, name, `no volume of that name in ${at}.volumes`)]),
      ...(bootOrder !== undefined && bootOrder < 1
        ? [invalidValue(`${field(i)}.bootOrder`, bootOrder, 'must be greater than 0')]
        : []),
    ]),
  ];
}

function validateVolumes(volumes: Volumes, at: string): readonly Cause[] {
  return [
    ...duplicates(
      volumes,
      ({ name }) => name,
      (i) => `${at}[${i}].name`,
    ),
    ...volumes.flatMap((volume, i) => {
      const sources = Object.keys(volume).filter((key) => key !== 'name');
      const why = sources.length === 0 ? 'must have one source, such as containerDisk' : 'must have exactly one source';
      return [
        ...mistakeIn(`${at}[${i}].name`, volume.name, dnsLabelMistake(volume.name)),
        ...(sources.length === 1 ? [] : [invalidValue(`${at}[${i}]`, sources, why)]),
        ...validateQuantity(volume.emptyDisk?.capacity, `${at}[${i}].emptyDisk.capacity`),
      ];
    }),
  ];
}

function validateInterfaces({ domain, networks = [] }: InstanceSpec, at: string): readonly Cause[] {
  const { interfaces = [] } = domain.devices;
  const field = (i: number) => `${at}.domain.devices.interfaces[${i}]`;
  const known = new Set(networks.map(({ name }) => name));
  const used = new Set(interfaces.map(({ name }) => name));
  return [
    ...duplicates(
      interfaces,
      ({ name }) => name,
      (i) => `${field(i)}.name`,
    ),
    ...duplicates(
      networks,
      ({ name }) => name,
      (i) => `${at}.networks[${i}].name`,
    ),
    ...interfaces.flatMap(({ name, macAddress }, i) => [
      ...(known.has(name) ? [] : [invalidValue(`${field(i)}.name`, name, `no network of that name in ${at}.networks`)]),
      ...(macAddress ? mistakeIn(`${field(i)}.macAddress`, macAddress, macMistake(macAddress)) : []),
    ]),
    ...duplicateMACs(interfaces, field),
    ...networks.flatMap(({ name }, i) =>
      used.has(name)
        ? []
        : [invalidValue(`${at}.networks[${i}].name`, name, 'no interface of that name in domain.devices.interfaces')],
    ),
  ];
}

function macMistake(text: string): string | undefined {
  const first = parseMAC(text.replaceAll('-', ':'))?.[0];
  if (first === undefined) return 'must be a MAC address such as 02:00:00:12:34:56';
  return (first & 1) === 1 ? 'must be a unicast MAC address: the first byte must be even' : undefined;
}

function duplicateMACs(
  interfaces: NonNullable<Domain['devices']['interfaces']>,
  field: (i: number) => string,
): readonly Cause[] {
  const seen = new Set<string>();
  return interfaces.flatMap(({ macAddress }, i) => {
    const mac = macAddress?.toLowerCase().replaceAll('-', ':');
    if (mac === undefined) return [];
    if (seen.has(mac)) return [duplicateValue(`${field(i)}.macAddress`, macAddress)];
    seen.add(mac);
    return [];
  });
}

function validateProbe(probe: Probe | undefined, at: string): readonly Cause[] {
  if (probe === undefined) return [];
  const causes: Cause[] = [];
  const handlers = PROBE_HANDLERS.filter((name) => Object.hasOwn(probe, name));
  if (handlers.length !== 1) {
    const why = `must have exactly one of ${PROBE_HANDLERS.join(', ')}`;
    causes.push(handlers.length === 0 ? requiredValue(at, why) : invalidValue(at, handlers, why));
  }
  for (const name of ['httpGet', 'tcpSocket'] as const) {
    const port = probe[name]?.port;
    if (port !== undefined) causes.push(...mistakeIn(`${at}.${name}.port`, port, targetPortMistake(port)));
  }
  const scheme = probe.httpGet?.scheme;
  if (scheme && scheme !== 'HTTP' && scheme !== 'HTTPS') {
    causes.push(notSupported(`${at}.httpGet.scheme`, scheme, ['HTTP', 'HTTPS']));
  }
  const counts = [
    'initialDelaySeconds',
    'periodSeconds',
    'timeoutSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const;
  return [...causes, ...counts.flatMap((name) => atLeastZero(`${at}.${name}`, probe[name] ?? 0))];
}

function atLeastZero(field: string, value: number): readonly Cause[] {
  return value >= 0 ? [] : [invalidValue(field, value, 'must be greater than or equal to 0')];
}
