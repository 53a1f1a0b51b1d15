/** What the runtime is asked for to make a container. */
import type { QOSClass } from '../../api/core/v1/pod-spec/resource-totals.ts';
import type { ContainerConfig, Mount } from '../cri/cri.ts';
import { containerAnnotations, containerLabels } from '../labels.ts';
import type { ContainerRequest, Problem } from '../parts.ts';
import { containerLogPath } from '../volumes/paths.ts';
import type { Environment } from './environment.ts';
import { expand } from './expand.ts';
import { configProblem, isProblem } from './problems.ts';
import { linuxResources, type Machine } from './resources.ts';
import { containerSecurity } from './security.ts';

export interface ContainerInputs {
  readonly request: ContainerRequest;
  readonly nodeName: string;
  readonly variables: Environment;
  readonly mounts: readonly Mount[];
  readonly qos: QOSClass;
  readonly machine: Machine;
  /** Holds the seccomp profiles that pods may name. */
  readonly seccompProfiles: string;
}

/** What the runtime is asked for; a problem when the pod cannot be run as it says. */
export function containerConfig(inputs: ContainerInputs): ContainerConfig | Problem {
  const { request, nodeName, variables, mounts, qos, machine, seccompProfiles } = inputs;
  const { pod, container, restartCount, image, imageRef } = request;
  const command = expanded('command', container.command, variables);
  if (isProblem(command)) return command;
  const args = expanded('args', container.args, variables);
  if (isProblem(args)) return args;
  const security = containerSecurity(pod, container, image, seccompProfiles);
  if (isProblem(security)) return security;
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: imageRef,
    command,
    args,
    workingDir: container.workingDir ?? '',
    envs: [...variables].map(([key, value]) => ({ key, value })),
    mounts,
    labels: containerLabels(pod, container, nodeName),
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: containerLogPath(container.name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: { resources: linuxResources(pod, container, qos, machine), security },
  };
}

function expanded(
  field: 'command' | 'args',
  texts: readonly string[] = [],
  variables: Environment,
): readonly string[] | Problem {
  const result: string[] = [];
  for (const text of texts) {
    const whole = expand(text, (name) => variables.get(name));
    if (whole === undefined) return configProblem(`an entry of ${field} is longer than the 128 KiB that Linux allows`);
    result.push(whole);
  }
  return result;
}
