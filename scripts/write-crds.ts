/**
 * Writes `deploy/crds/`: the kinds of MetalLB and KubeVirt that Postern's parts know, for clusters that lack them. Run it after a
 * change of one of their schemas: node_modules/.bin/node scripts/write-crds.ts
 */
import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { resourceDefinition } from '../src/api/crd.ts';
import type { AnyKind } from '../src/api/kinds.ts';
import { VirtualMachine } from '../src/api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../src/api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../src/api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { IPAddressPool } from '../src/api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../src/api/metallb/v1beta1/l2advertisement.ts';
import { MetalLB } from '../src/api/metallb/v1beta1/metallb.ts';
import { ServiceL2Status } from '../src/api/metallb/v1beta1/servicel2status.ts';

const FILES: Readonly<Record<string, readonly AnyKind[]>> = {
  'metallb.yaml': [IPAddressPool, L2Advertisement, ServiceL2Status, MetalLB],
  'kubevirt.yaml': [VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceReplicaSet],
};

const HEAD = '# Written by scripts/write-crds.ts from the schemas that Postern itself serves.\n';

/** Each file's name and content. */
export function crdFiles(): readonly (readonly [name: string, text: string])[] {
  return Object.entries(FILES).map(([name, kinds]) => [
    name,
    HEAD +
      kinds.map((kind) => `---\n${stringify(resourceDefinition(kind), { aliasDuplicateObjects: false })}`).join(''),
  ]);
}

if (import.meta.main) {
  for (const [name, text] of crdFiles()) await writeFile(new URL(`../deploy/crds/${name}`, import.meta.url), text);
}
