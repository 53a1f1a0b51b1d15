/** Which container runtime a node's pods are run with, as `agent` and `up` are told. */
import { isAbsolute } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RuntimeEndpoint } from '../pods/runtime/connection.ts';

/** The options as commander reads them. */
export interface ContainerFlags {
  readonly containerRuntimeEndpoint: RuntimeEndpoint;
}

const SCHEME = 'unix://';

/** Adds the options of a node's container runtime to a command. */
export function addContainerOptions(command: Command): Command {
  return command.addOption(
    new Option(
      '--container-runtime-endpoint <endpoint>',
      'the runtime of pods of containers: auto, which is containerd once it is there, none, or unix:///path',
    )
      .default('auto')
      .argParser(parseEndpoint),
  );
}

/** Nothing but these flags. */
export function containerFlags({ containerRuntimeEndpoint }: ContainerFlags): ContainerFlags {
  return { containerRuntimeEndpoint };
}

function parseEndpoint(text: string): RuntimeEndpoint {
  if (text === 'auto' || text === 'none') return text;
  const socketPath = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  if (!isAbsolute(socketPath)) throw new InvalidArgumentError('It is auto, none, or unix:// and the path of a socket.');
  return { socketPath };
}
