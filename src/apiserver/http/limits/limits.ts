/** What every client has to share with the others: seats, connections, and patience with its mistakes. */
import type { Clock } from '../../../host/clock.ts';
import type { Metric } from '../../../lib/metrics.ts';
import { ConnectionLimits } from './connections.ts';
import { FailedTokens } from './failed-tokens.ts';
import { FlowControl } from './flow-control.ts';

export class Limits {
  readonly flows: FlowControl;
  readonly failedTokens: FailedTokens;
  readonly connections = new ConnectionLimits();

  constructor(clock: Clock) {
    this.flows = new FlowControl(clock);
    this.failedTokens = new FailedTokens(clock);
  }

  metrics(): readonly Metric[] {
    return [...this.flows.metrics(), ...this.connections.metrics()];
  }
}
