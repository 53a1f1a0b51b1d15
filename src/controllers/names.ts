/** Which controllers there are, and which of them somebody wants. */

/** In the order in which they are started. */
export const CONTROLLER_NAMES = [
  'nodeipam',
  'nodelifecycle',
  'endpointslice',
  'endpoints',
  'endpointslicemirroring',
  'scheduler',
  'virtualmachine',
  'virtualmachineinstance',
  'virtualmachineinstancereplicaset',
  'deployment',
  'replicaset',
  'replicationcontroller',
  'job',
  'podgc',
  'tainteviction',
  'loadbalancer',
  'cloud',
  'metallb',
  'servicestatus',
  'servicecidr',
  'serviceaccounts',
  'clusterroleaggregation',
  'certificates',
  'tokencleaner',
  'namespace',
  'garbagecollector',
  'eventttl',
] as const;

export type ControllerName = (typeof CONTROLLER_NAMES)[number];

export const ALL_CONTROLLERS: ReadonlySet<ControllerName> = new Set(CONTROLLER_NAMES);

/**
 * Reads a list as kube-controller-manager's `--controllers`: `*` stands for all, `NAME` for one, and `-NAME` takes one out.
 * Answers with what is wrong with the list when it cannot be read, or leaves nothing.
 * https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/
 */
export function selectControllers(text: string): ReadonlySet<ControllerName> | string {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => word !== '*' && !isName(word.replace(/^-/, '')));
  if (unknown !== undefined)
    return `There is no controller ${JSON.stringify(unknown)}: ${CONTROLLER_NAMES.join(', ')}.`;
  const isWanted = (name: ControllerName) => {
    // As there, what is said of a controller by its name counts, and of that the first.
    const said = words.find((word) => word === name || word === `-${name}`);
    return said === undefined ? words.includes('*') : said === name;
  };
  const wanted = CONTROLLER_NAMES.filter(isWanted);
  if (wanted.length === 0) return `${JSON.stringify(text)} leaves no controller: write *,${text} for all the others.`;
  return new Set(wanted);
}

function isName(word: string): boolean {
  return CONTROLLER_NAMES.some((name) => name === word);
}
