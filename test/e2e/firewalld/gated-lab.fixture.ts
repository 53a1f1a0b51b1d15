/**
 * The process of a lab in which a node's agent starts only when its gate is open: until then, and after it was killed behind a
 * closed gate, the node is a machine that runs nothing of ours. Arguments: the lab's directory, and that of the gates.
 */
import { join } from 'node:path';
import { LAB_COMMANDS } from '../../../src/cli/wiring/lab.ts';
import { createLogger } from '../../../src/host/log.ts';
import { labRun } from '../../../src/lab/lab.ts';

const [dir = '', gates = ''] = process.argv.slice(2);
const WAIT = 'until [ -e "$0" ]; do sleep 0.05; done; exec "$@"';

const end = new AbortController();
process.once('SIGTERM', () => end.abort());
const commands: typeof LAB_COMMANDS = {
  ...LAB_COMMANDS,
  agent: (options) => ['sh', '-c', WAIT, join(gates, options.nodeName), ...LAB_COMMANDS.agent(options)],
};
await labRun({ dir, commands, log: createLogger('lab') }, end.signal);
