/** How soon a silent node counts as lost, as whoever runs controllers is told, and how often an agent is heard. */
import { InvalidArgumentError, type Option } from 'commander';
import { type Duration, seconds } from '../lib/duration.ts';
import { parseDuration, parsedOption } from './options.ts';

/** As kube-controller-manager's. */
export const nodeMonitorGraceOption = (): Option =>
  parsedOption(
    '--node-monitor-grace-period <time>',
    'how long a node may be silent until it counts as lost; never less than half of its --node-lease-duration',
    parseGrace,
    '40s',
  );

/** As a kubelet's nodeLeaseDurationSeconds. */
export const nodeLeaseDurationOption = (): Option =>
  parsedOption(
    '--node-lease-duration <time>',
    'how long one sign of life of this node is good; it gives four in that time',
    parseLeaseDuration,
    '40s',
  );

function parseGrace(text: string): Duration {
  const duration = parseDuration(text);
  if (duration >= seconds(1)) return duration;
  throw new InvalidArgumentError('It is a time of at least 1s.');
}

/** The field of a Lease holds whole seconds. */
function parseLeaseDuration(text: string): Duration {
  const duration = parseDuration(text);
  if (duration >= seconds(2) && duration % seconds(1) === 0) return duration;
  throw new InvalidArgumentError('It is a whole number of seconds, at least 2s.');
}
