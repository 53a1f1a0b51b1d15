/** Calls on objects that are no objects themselves, declared: `PUT …/virtualmachines/NAME/restart`. */
import type { AnyKind } from '../../api/kinds.ts';
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import type { Api } from '../context.ts';
import type { Body } from '../http/body.ts';
import type { ActionPath } from '../http/route.ts';
import { restart, start, stop } from './virtualmachine.ts';

export interface ActionRequest {
  readonly namespace: string;
  readonly name: string;
  readonly body: Body;
}

export interface Action {
  readonly group: string;
  readonly version: string;
  readonly method: 'GET' | 'PUT';
  /** What it is done to. */
  readonly kind: AnyKind;
  readonly action: string;
  /** Throws an ApiError when it cannot be done. The answer has no content: 202. */
  readonly run: (api: Api, request: ActionRequest) => Promise<void>;
}

const ON_VIRTUAL_MACHINES = {
  group: 'subresources.kubevirt.io',
  version: 'v1',
  method: 'PUT',
  kind: VirtualMachine,
} as const;

export const ACTIONS: readonly Action[] = [
  { ...ON_VIRTUAL_MACHINES, action: 'start', run: start },
  { ...ON_VIRTUAL_MACHINES, action: 'stop', run: stop },
  { ...ON_VIRTUAL_MACHINES, action: 'restart', run: restart },
];

/** The action at a path; undefined when there is none. */
export function findAction(path: ActionPath): Action | undefined {
  return ACTIONS.find(
    ({ group, version, kind, action }) =>
      group === path.group && version === path.version && kind.plural === path.plural && action === path.action,
  );
}
