/**
 * Keeps agents to the objects of their own nodes: the authorizer sees names, this sees the objects, in the very transaction that
 * changes them. https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
 */
import { failure, qualified } from '../../api/status.ts';
import type { Admission, Write } from '../admission.ts';
import { nodeOf } from '../auth/user.ts';
import { restrictedNode } from './nodes.ts';
import { restrictedL2Status, restrictedLease, restrictedSecret } from './own-objects.ts';
import { restrictedEvent, restrictedInstance, restrictedPod } from './workloads.ts';

/** A write that an agent asks for. */
export interface NodeWrite extends Write {
  /** The node whose agent it is. */
  readonly node: string;
  readonly name: string;
}

/** Why an agent may not; undefined when it may. */
export type Restriction = (write: NodeWrite) => string | undefined;

const ALLOWED: Restriction = () => undefined;

/** By `GROUP/KIND`. What is not here, no agent writes. */
const RESTRICTIONS: Readonly<Record<string, Restriction>> = {
  '/Node': restrictedNode,
  '/Pod': restrictedPod,
  '/Secret': restrictedSecret,
  '/Event': restrictedEvent,
  'coordination.k8s.io/Lease': restrictedLease,
  'kubevirt.io/VirtualMachineInstance': restrictedInstance,
  'metallb.io/ServiceL2Status': restrictedL2Status,
  // Whose certificate it is for is looked into before it is signed.
  'certificates.k8s.io/CertificateSigningRequest': ALLOWED,
};

/** The admission. It leaves alone what is written by others than agents. */
export function nodeRestriction(): Admission {
  return {
    async admit(write) {
      const { kind, next, old, by } = write;
      const node = by && nodeOf(by);
      if (node !== undefined) {
        const name = (next ?? old)?.metadata.name ?? '';
        const restriction = RESTRICTIONS[`${kind.group}/${kind.kind}`] ?? (() => 'agents of nodes do not write these');
        const why = restriction({ ...write, node, name });
        if (why !== undefined) throw refused(write, name, why);
      }
      return { next, compares: [], operations: [] };
    },
  };
}

function refused({ kind }: Write, name: string, why: string) {
  return failure(403, 'Forbidden', `${qualified(kind)} ${JSON.stringify(name)} is forbidden: ${why}`, {
    name,
    kind: kind.plural,
    ...(kind.group === '' ? {} : { group: kind.group }),
  });
}
