/** The instance that a VirtualMachine's template makes, and what a running one was made from. Pure. */

import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { INSTANCE_FINALIZER, VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';

/** Annotation of an instance: the template it was made from, as JSON. */
const MADE_FROM_ANNOTATION = 'postern.dev/made-from-template';

/** The part of a template that an instance is made from. */
export type Template = VirtualMachine['spec']['template'];

/** The instance to create for a VirtualMachine as it is now. */
export function instanceOf(vm: VirtualMachine): VirtualMachineInstance {
  const { name = '', namespace = '', uid = '' } = vm.metadata;
  const { metadata = {}, spec } = vm.spec.template;
  return {
    apiVersion: VirtualMachineInstance.apiVersion,
    kind: VirtualMachineInstance.kind,
    metadata: {
      name,
      namespace,
      labels: metadata.labels ?? {},
      annotations: { ...metadata.annotations, [MADE_FROM_ANNOTATION]: JSON.stringify(ownTemplate(vm)) },
      finalizers: [INSTANCE_FINALIZER],
      ownerReferences: [
        {
          apiVersion: VirtualMachine.apiVersion,
          kind: VirtualMachine.kind,
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec,
  };
}

/** The part of a VirtualMachine's template that decides what its instances are. */
export function ownTemplate(vm: VirtualMachine): Template {
  const { metadata = {}, spec } = vm.spec.template;
  const { labels, annotations } = metadata;
  return { metadata: { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) }, spec };
}

/** What an instance was made from. One that somebody else made, without our note, stands for itself. */
export function madeFrom(vmi: VirtualMachineInstance): Template {
  const { [MADE_FROM_ANNOTATION]: note, ...annotations } = vmi.metadata.annotations ?? {};
  const noted = note === undefined ? undefined : parseNote(note);
  if (noted !== undefined) return noted;
  const { labels } = vmi.metadata;
  return { metadata: { ...(labels ? { labels } : {}), annotations }, spec: vmi.spec };
}

/** The note is only trusted as far as its shape: anybody who may change the instance may have changed it. */
function parseNote(note: string): Template | undefined {
  try {
    const value = JSON.parse(note) as Partial<Template> | null;
    return typeof value?.spec === 'object' && value.spec !== null ? (value as Template) : undefined;
  } catch {
    return undefined; // Not our writing: treated as if there were none.
  }
}

/** Whether the instance was made for this very VirtualMachine. */
export function isControlledBy(vmi: VirtualMachineInstance, vm: VirtualMachine): boolean {
  return (vmi.metadata.ownerReferences ?? []).some(
    (owner) => owner.controller === true && owner.uid === vm.metadata.uid,
  );
}
