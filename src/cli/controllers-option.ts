/** Which controllers run, as an option. */
import { InvalidArgumentError, Option } from 'commander';
import { type ControllerName, selectControllers } from '../controllers/names.ts';

export function parseControllers(text: string): ReadonlySet<ControllerName> {
  const selected = selectControllers(text);
  if (typeof selected === 'string') throw new InvalidArgumentError(selected);
  return selected;
}

/** As kube-controller-manager's. */
export const controllersOption = (): Option =>
  new Option(
    '--controllers <list>',
    "which controllers run: * for all, NAME for one, -NAME for not this one: '*,-loadbalancer'",
  )
    .argParser(parseControllers)
    .default(parseControllers('*'), '*');
