/** What this node's Node says of its container runtime: schedulers send pods of containers only to a node that has one. */
import { RUNTIME_CONDITION } from '../api/core/v1/node.conditions.ts';
import { Node } from '../api/core/v1/node.ts';
import { withCondition } from '../api/meta/conditions.ts';
import { isConflict, isNotFound } from '../api/status.ts';
import { BackOff } from '../client/back-off.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { Wake } from '../host/wake.ts';
import type { RuntimeState } from './runtime/connection.ts';
import { writeStatus } from './status/write.ts';

/** Until anything changes there is nothing to do. */
const LONG = 24 * 3_600_000;

export interface NodeReportOptions {
  readonly client: Client;
  readonly nodeName: string;
  /** Started by whoever owns it. */
  readonly nodes: Informer<Node>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Writes the state of the runtime onto the Node. */
export class NodeReport {
  readonly #options: NodeReportOptions;
  readonly #wake = new Wake();
  #state: RuntimeState | undefined;

  constructor(options: NodeReportOptions) {
    this.#options = options;
  }

  /** Has the node say this from now on. */
  tell(state: RuntimeState): void {
    this.#state = state;
    this.#wake.now();
  }

  /** Says it, and puts it right when others change it, until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodes, nodeName, clock, log } = this.#options;
    const backOff = new BackOff({ first: 200, max: 10_000, jitter: 0.5 });
    nodes.onChange(({ key }) => {
      if (key === nodeName) this.#wake.now();
    });
    while (!signal.aborted) {
      let pause = LONG;
      try {
        await this.#write();
        backOff.reset();
      } catch (err) {
        if (signal.aborted) return;
        pause = backOff.next();
        if (!isConflict(err) && !isNotFound(err)) log.warn({ err }, 'cannot write the state of the container runtime');
      }
      await this.#wake.sleep(clock, pause, signal);
    }
  }

  async #write(): Promise<void> {
    const { client, nodes, nodeName, clock } = this.#options;
    const state = this.#state;
    const node = nodes.get({ name: nodeName });
    if (state === undefined || node === undefined) return;
    await writeStatus(client, Node, node, ({ status }) => desiredNodeStatus(status, state, clock.now()));
  }
}

/** The status with what is known of the runtime; all else as it was. `now` is wall clock, in milliseconds. */
export function desiredNodeStatus(
  status: Node['status'],
  state: RuntimeState,
  now: number,
): NonNullable<Node['status']> {
  const condition =
    state.kind === 'there'
      ? { status: 'True', reason: 'ContainerRuntimeReady', message: 'the container runtime answers' }
      : { status: 'False', reason: state.reason, message: state.message };
  const conditions = withCondition(status?.conditions, { type: RUNTIME_CONDITION, ...condition }, now);
  if (state.kind !== 'there') return { ...status, conditions };
  const containerRuntimeVersion = `${state.version.name}://${state.version.version}`;
  return { ...status, conditions, nodeInfo: { ...status?.nodeInfo, containerRuntimeVersion } };
}
