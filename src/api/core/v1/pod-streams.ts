/**
 * Subresources of pods that are no objects: what flows from and to the node that runs the pod, and the parameters that say what. Follows
 * PodLogOptions, PodExecOptions, PodAttachOptions and PodPortForwardOptions.
 */
import type { StreamCall } from '../../kind.ts';

type Parameters = StreamCall['parameters'];

const CONTAINER: Parameters = [
  { name: 'container', type: 'string', description: 'The container; default: the only one.' },
];
const COMMAND: Parameters = [
  ...CONTAINER,
  { name: 'stdin', type: 'boolean', description: 'Pass on standard input.' },
  { name: 'stdout', type: 'boolean', description: 'Pass on standard output.' },
  { name: 'stderr', type: 'boolean', description: 'Pass on standard error.' },
  { name: 'tty', type: 'boolean', description: 'Give it a terminal.' },
];

export const POD_STREAMS: readonly StreamCall[] = [
  { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'], parameters: COMMAND },
  {
    ...{ name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    parameters: [
      ...COMMAND,
      { name: 'command', type: 'string', description: 'A word of the command; given for each.' },
    ],
  },
  {
    ...{ name: 'log', kind: 'Pod', verbs: ['get'] },
    parameters: [
      ...CONTAINER,
      { name: 'follow', type: 'boolean', description: 'Go on as it is written.' },
      { name: 'previous', type: 'boolean', description: 'Of the run before this one.' },
      { name: 'tailLines', type: 'integer', description: 'Only this many lines from the end.' },
      { name: 'sinceSeconds', type: 'integer', description: 'Only what is not older than this.' },
      { name: 'sinceTime', type: 'string', description: 'Only what was written since (RFC 3339).' },
      { name: 'timestamps', type: 'boolean', description: 'Begin each line with its time.' },
      { name: 'limitBytes', type: 'integer', description: 'At most this many bytes.' },
      { name: 'stream', type: 'string', description: 'All, Stdout or Stderr.' },
    ],
  },
  {
    ...{ name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    parameters: [{ name: 'ports', type: 'integer', description: 'Ports, for clients that do not name them later.' }],
  },
];
