/** Commands at a place of a lab, from outside of it. */
import { LabError } from './error.ts';
import { entranceArgv } from './isolation.ts';
import { BUS_ENVIRONMENT } from './node-firewall.ts';
import { type LabStatus, runningLab } from './status.ts';

/** What to run, and what to add to the environment, so that a command runs at a place. */
export interface PlaceCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The command that runs `argv` at `who` (`node1`, `client`, `lan`) of the lab in `dir`. Throws when there is no such place.
 * A leading `--`, which separates a command's options from ours, is not part of the command.
 */
export function labExec(dir: string, who: string, argv: readonly string[]): PlaceCommand {
  const status = runningLab(dir);
  const place = status.places.find(({ name }) => name === who);
  if (place === undefined)
    throw new LabError(`There is no ${JSON.stringify(who)} in this lab. There are: ${namesOf(status)}.`);
  const { pid, userNamespace } = place;
  const command = argv[0] === '--' ? argv.slice(1) : argv;
  if (command.length === 0)
    throw new LabError(`What should run at ${who}? postern lab exec --dir ${status.dir} ${who} -- COMMAND`);
  if (pid === undefined)
    throw new LabError(
      `${who} is not there yet: the lab is still starting. See: postern lab status --dir ${status.dir}`,
    );
  return {
    argv: entranceArgv({ pid, userNamespace }, command),
    env: { KUBECONFIG: status.kubeconfig, ...BUS_ENVIRONMENT },
  };
}

function namesOf(status: LabStatus): string {
  return status.places.map(({ name }) => name).join(', ');
}
