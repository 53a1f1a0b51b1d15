/** What keeps a Service from working, found in the API's objects. Pure; in words for people. */
import type { Node } from '../../api/core/v1/node.ts';
import { isPodFinal, isPodReady, podIPs } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import {
  isFinal,
  nameLabelValue,
  type VirtualMachineInstance,
  VM_NAME_LABEL,
} from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { familyOf } from '../../lib/ip.ts';
import { desiredSlices, serviceFamilies } from '../endpointslice/desired.ts';
import type { Finding } from './finding.ts';
import { type PodMaker, whyNoPods } from './pod-makers.ts';
import { whyLeftOut } from './why-left-out.ts';
import { type AnnouncerInput, whyNoAddress, whyNotAnnounced } from './why-no-address.ts';
import { whyProvider } from './why-provider.ts';

/** The Service, the objects of its namespace, and the nodes. */
export interface WhyInput {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly vms: readonly VirtualMachine[];
  readonly vmis: readonly VirtualMachineInstance[];
  readonly makers: readonly PodMaker[];
}

type Labels = Readonly<Record<string, string>>;

/** Candidates that are shown when none fits. */
const NEAR_MISSES = 5;

/** Everything that can be seen to be wrong; none when nothing is. */
export function whyService(input: WhyInput & AnnouncerInput): readonly Finding[] {
  const { service, metallb } = input;
  return [
    ...whyProvider(service),
    ...whyNoEndpoints(input),
    ...whyLeftOut(ownSlices(input)),
    ...whyNoAddress(service, metallb),
    ...whyNotAnnounced(service, input),
  ];
}

/** What is wrong with its endpoints. */
export function whyNoEndpoints(input: WhyInput): readonly Finding[] {
  const { service, pods } = input;
  const selector = service.spec?.selector ?? {};
  if (service.spec?.type === 'ExternalName') return [];
  if (Object.keys(selector).length === 0) return noSelector(input);
  const selected = pods.filter((pod) => !isPodFinal(pod) && matches(selector, pod.metadata.labels));
  return [
    ...(selected.length === 0 ? nothingSelected(input, selector) : []),
    ...missedMachines(input, selector, selected),
    ...selected.flatMap(notReady),
    ...portNames(service, selected),
    ...families(service, selected),
    ...notPublished(input, selected),
  ];
}

function noSelector({ service, slices }: WhyInput): Finding[] {
  const name = service.metadata.name ?? '';
  if (ownSlices({ service, slices }).some(({ endpoints }) => endpoints.length > 0)) return [];
  return [
    {
      kind: 'no-selector',
      message: 'it has no selector and nobody has given it endpoints',
      remedy: `set spec.selector to labels of the virtual machines, or create an EndpointSlice with the label kubernetes.io/service-name: ${name}`,
    },
  ];
}

function ownSlices({ service, slices }: Pick<WhyInput, 'service' | 'slices'>): readonly EndpointSlice[] {
  const { name } = service.metadata;
  return slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name);
}

/** Nothing carries the labels; says what comes nearest. */
function nothingSelected({ pods, vms, makers }: WhyInput, selector: Labels): Finding[] {
  const making = makers.filter(({ labels }) => matches(selector, labels));
  if (making.length > 0) return making.slice(0, NEAR_MISSES).map(whyNoPods);
  const candidates = [
    ...makers.map(({ name, labels }) => ({ name, labels })),
    ...vms.map((vm) => ({ name: `virtual machine ${vm.metadata.name}`, labels: templateLabels(vm) })),
    ...pods
      .filter((pod) => !isGuest(pod))
      .map((pod) => ({ name: `pod ${pod.metadata.name}`, labels: pod.metadata.labels })),
  ];
  if (candidates.some(({ labels }) => matches(selector, labels))) return []; // missedMachines says why it is not enough.
  const near = candidates
    .map(({ name, labels }) => nearMiss(name, selector, labels))
    .filter((text) => text !== undefined)
    .slice(0, NEAR_MISSES);
  const wanted = printLabels(selector);
  const carrying = `no virtual machine and no pod carries the label${Object.keys(selector).length > 1 ? 's' : ''} ${wanted}`;
  const [vm] = vms;
  const [maker] = makers;
  const remedy =
    vm === undefined
      ? maker === undefined
        ? 'create a virtual machine, or a deployment, in this namespace whose spec.template.metadata.labels has them'
        : `set spec.selector to labels of what is to serve, such as ${printLabels(maker.labels)} of ${maker.name}`
      : `add ${wanted} to spec.template.metadata.labels of a virtual machine (such as ${vm.metadata.name}), then restart it`;
  return [{ kind: 'nothing-selected', message: [carrying, ...near].join('; '), remedy }];
}

/** How an object differs that has at least one of the keys or values asked for. */
function nearMiss(name: string, selector: Labels, labels: Labels = {}): string | undefined {
  for (const [key, value] of Object.entries(selector)) {
    const own = labels[key];
    if (own !== undefined && own !== value) return `${name} has ${key}=${own} instead of ${value}`;
    const other = Object.keys(labels).find((each) => each !== key && each.toLowerCase() === key.toLowerCase());
    if (other !== undefined) return `${name} spells the label ${other}, the selector ${key}`;
  }
  const missing = Object.entries(selector).filter(([key]) => labels[key] === undefined);
  if (missing.length === Object.keys(selector).length) return undefined;
  return `${name} lacks ${missing.map(([key, value]) => `${key}=${value}`).join(', ')}`;
}

/** Labels that the pod of a machine's guest will carry, as far as they are known before there is one. */
export function templateLabels({ metadata, spec }: VirtualMachine): Labels {
  return { ...spec.template.metadata?.labels, [VM_NAME_LABEL]: nameLabelValue(metadata.name ?? '') };
}

/** Labels that the pod of an instance carries. */
export function instanceLabels({ metadata }: VirtualMachineInstance): Labels {
  return { ...metadata.labels, [VM_NAME_LABEL]: nameLabelValue(metadata.name ?? '') };
}

/** Virtual machines whose template is selected and whose guest is not: it runs with older labels, or does not run. */
function missedMachines({ vms, vmis }: WhyInput, selector: Labels, selected: readonly Pod[]): Finding[] {
  return vms.flatMap((vm): Finding[] => {
    const { name = '', namespace = '' } = vm.metadata;
    const isSelected = selected.some((pod) => pod.metadata.labels?.[VM_NAME_LABEL] === name);
    if (isSelected || !matches(selector, templateLabels(vm))) return [];
    const vmi = vmis.find((each) => each.metadata.name === name);
    if (vmi === undefined || isFinal(vmi)) {
      const state = vm.status?.printableStatus ?? 'Stopped';
      const message = `virtual machine ${name} carries the label but does not run: it is ${state}`;
      return [{ kind: 'not-running', message, remedy: `postern vm start ${name} -n ${namespace}` }];
    }
    const labels = instanceLabels(vmi);
    if (matches(selector, labels)) return [notPlaced(vmi)];
    const missing = printLabels(
      Object.fromEntries(Object.entries(selector).filter(([key, value]) => labels[key] !== value)),
    );
    return [
      {
        kind: 'restart-needed',
        message: `virtual machine ${name} has ${missing} in its template, but its running instance was made before that`,
        remedy: `postern vm restart ${name} -n ${namespace}`,
      },
    ];
  });
}

function notPlaced(vmi: VirtualMachineInstance): Finding {
  const { phase = 'Pending', conditions } = vmi.status ?? {};
  const why = findCondition(conditions, 'PodScheduled')?.message;
  const message = `the instance of virtual machine ${vmi.metadata.name} is ${phase}${why === undefined ? '' : `: ${why}`}`;
  return { kind: 'not-running', message };
}

function notReady(pod: Pod): Finding[] {
  const condition = findCondition(pod.status?.conditions, 'Ready');
  if (condition?.status === 'True') return [];
  const told = condition?.message ?? condition?.reason;
  const state = pod.metadata.deletionTimestamp === undefined ? 'is not ready' : 'is ending';
  const name = pod.metadata.labels?.[VM_NAME_LABEL];
  const whose = name === undefined ? 'it' : 'its pod';
  const why = told === undefined ? `: ${whose} is ${pod.status?.phase ?? 'Pending'}` : `: ${told}`;
  const what = name === undefined ? `pod ${pod.metadata.name}` : `vmi ${name}`;
  const remedy = `kubectl describe ${what} -n ${pod.metadata.namespace}`;
  return [{ kind: 'not-ready', message: `${subject(pod)} ${state}${why}`, remedy }];
}

/** A targetPort that is a name must be declared by those who serve it. */
function portNames(service: Service, selected: readonly Pod[]): Finding[] {
  return (service.spec?.ports ?? []).flatMap((port): Finding[] => {
    const { targetPort, protocol = 'TCP' } = port;
    if (typeof targetPort !== 'string' || selected.length === 0) return [];
    const declared = selected.map((pod) => ({ pod, names: declaredPorts(pod, protocol) }));
    const without = declared.filter(({ names }) => !names.includes(targetPort));
    if (without.length === 0) return [];
    const known = [...new Set(declared.flatMap(({ names }) => names))].join(', ') || 'none';
    return [
      {
        kind: 'port-name',
        message: `targetPort "${targetPort}" is not a ${protocol} port of ${without.map(({ pod }) => subject(pod)).join(', ')}; the names there are: ${known}`,
        remedy: `write the number of the port as targetPort, or declare it: ${portsOf(without)} with name ${targetPort}`,
      },
    ];
  });
}

/** Where those who serve name their ports. */
function portsOf(servers: readonly { readonly pod: Pod }[]): string {
  if (servers.every(({ pod }) => isGuest(pod))) return 'spec.template.spec.domain.devices.interfaces[].ports';
  return 'spec.template.spec.containers[].ports';
}

function declaredPorts(pod: Pod, protocol: string): string[] {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.flatMap((port) => ((port.protocol ?? 'TCP') === protocol && port.name ? [port.name] : []));
}

function families(service: Service, selected: readonly Pod[]): Finding[] {
  const ready = selected.filter((pod) => isPodReady(pod));
  if (ready.length === 0) return [];
  return serviceFamilies(service).flatMap((family): Finding[] => {
    const without = ready.filter((pod) => !podIPs(pod).some((ip) => familyOf(ip) === family));
    if (without.length === 0) return [];
    return [
      {
        kind: 'family',
        message: `the Service has ${family}, and ${without.map(subject).join(', ')} ${without.length === 1 ? 'has' : 'have'} no ${family} address`,
        remedy: `run nodes with an ${family} pod network, or set ipFamilyPolicy: SingleStack with the other family in ipFamilies`,
      },
    ];
  });
}

/** What should be in the slices and is not: then the controller is behind, or not there. */
function notPublished({ service, slices, nodes }: WhyInput, selected: readonly Pod[]): Finding[] {
  const published = new Set(slices.flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses)));
  const nodeOf = (name: string) => nodes.find(({ metadata }) => metadata.name === name);
  const wanted = desiredSlices(service, selected, nodeOf).groups.flatMap(({ endpoints }) => endpoints);
  const missing = wanted.filter(({ conditions, addresses }) => conditions?.ready && !published.has(addresses[0] ?? ''));
  if (missing.length === 0) return [];
  return [
    {
      kind: 'not-published',
      message: `${missing.map(({ addresses }) => addresses[0]).join(', ')} ${missing.length === 1 ? 'is' : 'are'} ready and not in its EndpointSlices`,
      remedy: 'look whether the server runs its controllers: the log of postern server says what they do',
    },
  ];
}

function isGuest(pod: Pod): boolean {
  return pod.metadata.labels?.[VM_NAME_LABEL] !== undefined;
}

function subject(pod: Pod): string {
  const vm = pod.metadata.labels?.[VM_NAME_LABEL];
  return vm === undefined ? `pod ${pod.metadata.name}` : `virtual machine ${vm}`;
}

function matches(selector: Labels, labels: Labels = {}): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function printLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}
