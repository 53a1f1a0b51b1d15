/** How a lab is, as seen from outside of it. */
import { printIP } from '../lib/ip.ts';
import { LabError } from './error.ts';
import { layoutOf } from './layout.ts';
import type { LinkFault } from './links.ts';
import { childrenOf, pidNamespaceOf, processesIn } from './process-identity.ts';
import { readLinks, readSpec, readState, runningOwner } from './state.ts';
import type { ProcessState } from './supervisor.ts';
import { type LabSpec, type Place, placesOf, topologyOf } from './topology.ts';

export interface LabStatus {
  readonly dir: string;
  /** `ready`: the API answers and all nodes were Ready. `stopped`: there may be data, and nothing runs. */
  readonly phase: 'ready' | 'starting' | 'stopped';
  /** Undefined when nothing was ever brought up here. */
  readonly spec: LabSpec | undefined;
  readonly kubeconfig: string;
  /** `https://127.0.0.1:PORT`, once the server has said so. */
  readonly server: string | undefined;
  readonly places: readonly PlaceStatus[];
  /** Servers, agents and what else the lab runs. Process ids are those that the caller sees. */
  readonly processes: readonly ProcessState[];
  /** What is wrong with links on purpose: see `labCut`. */
  readonly links: readonly LinkFault[];
}

export interface PlaceStatus {
  readonly name: string;
  readonly kind: Place['kind'];
  readonly addresses: readonly string[];
  /** A process in the place; undefined while the lab is stopped. */
  readonly pid: number | undefined;
  readonly userNamespace: boolean;
}

export function labStatus(dir: string): LabStatus {
  const layout = layoutOf(dir);
  const spec = readSpec(layout);
  const owner = runningOwner(layout);
  const state = owner === undefined ? undefined : readState(layout);
  const outside = owner === undefined ? new Map<number, number>() : processesOf(owner.pid);
  return {
    dir: layout.dir,
    phase: owner === undefined ? 'stopped' : state?.ready ? 'ready' : 'starting',
    spec,
    kubeconfig: layout.kubeconfig,
    server: state?.server,
    places:
      spec === undefined
        ? []
        : placesOf(topologyOf(spec)).map(({ name, kind, addresses }) => ({
            name,
            kind,
            addresses: addresses.map(printIP),
            pid: outside.get(state?.places[name] ?? 0),
            userNamespace: owner?.userNamespace ?? false,
          })),
    processes: (state?.processes ?? []).map((process) => ({ ...process, pid: outside.get(process.pid ?? 0) })),
    links: owner === undefined ? [] : readLinks(layout),
  };
}

/** The status of a lab that has to be there. */
export function runningLab(dir: string): LabStatus {
  const status = labStatus(dir);
  if (status.phase !== 'stopped') return status;
  throw new LabError(`No lab runs in ${status.dir}. Bring one up: postern lab up --dir ${status.dir}`);
}

/** The lab's processes: their ids in there to those out here. */
function processesOf(ownerPid: number): ReadonlyMap<number, number> {
  const [init] = childrenOf(ownerPid);
  const namespace = init === undefined ? undefined : pidNamespaceOf(init);
  return namespace === undefined ? new Map() : processesIn(namespace);
}
