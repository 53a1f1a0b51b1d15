/** Cuts the links of a lab, or has them lose some of what passes, and mends them. */
import { runCommand } from '../host/process.ts';
import { LabError } from './error.ts';
import { labExec } from './exec.ts';
import { layoutOf } from './layout.ts';
import { ALL_LOST, type LinkFault, linkRules, withFaults, withoutFaults } from './links.ts';
import { readLinks, writeJson } from './state.ts';
import { type LabStatus, runningLab } from './status.ts';
import { topologyOf } from './topology.ts';

export interface CutOptions {
  readonly dir: string;
  /** Names of places; each of `from` is cut from each of `to`. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Only what goes from `from` to `to` is lost. Default: both ways. */
  readonly oneWay?: boolean;
  /** Percent of the frames that are lost. Default: 100. */
  readonly loss?: number;
}

/** From now on what passes between these places is lost. Throws {@link LabError} when there is no such place. */
export async function labCut({ dir, from, to, oneWay = false, loss = 100 }: CutOptions): Promise<void> {
  if (!(loss > 0 && loss <= 100)) throw new LabError(`loss: ${loss} is not a percentage above 0 and up to 100`);
  const more = directions(runningLab(dir), from, to, oneWay).map((direction) => ({
    ...direction,
    loss: Math.max(1, Math.round((loss / 100) * ALL_LOST)),
  }));
  if (more.length === 0) throw new LabError('name two different places: a place has no link to itself');
  await change(dir, (faults) => withFaults(faults, more));
}

/** Undoes every cut between these places; without places, every cut of the lab. Resolves with how many directions of links were mended. */
export async function labHeal(dir: string, from: readonly string[] = [], to: readonly string[] = []): Promise<number> {
  const status = runningLab(dir);
  if (from.length === 0) return change(dir, () => []);
  const all = to.length === 0 ? status.places.map(({ name }) => name) : to;
  return change(dir, (faults) => withoutFaults(faults, directions(status, from, all, false)));
}

function directions(
  { places }: LabStatus,
  from: readonly string[],
  to: readonly string[],
  oneWay: boolean,
): readonly Pick<LinkFault, 'from' | 'to'>[] {
  const names = places.map(({ name }) => name);
  const unknown = [...from, ...to].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new LabError(`There is no ${JSON.stringify(unknown)} in this lab. There are: ${names.join(', ')}.`);
  }
  const pairs = from.flatMap((a) => to.filter((b) => b !== a).map((b) => ({ from: a, to: b })));
  return oneWay ? pairs : pairs.flatMap((pair) => [pair, { from: pair.to, to: pair.from }]);
}

/** All rules are replaced in one transaction, so that nothing passes in between that should not. Resolves with how many faults are gone. */
async function change(dir: string, next: (faults: readonly LinkFault[]) => readonly LinkFault[]): Promise<number> {
  const layout = layoutOf(dir);
  const { spec } = runningLab(dir);
  if (spec === undefined) throw new LabError(`${layout.spec} is missing: \`postern lab up\` writes it.`);
  const before = readLinks(layout);
  const faults = next(before);
  const { argv, env } = labExec(dir, 'lan', ['nft', '-f', '-']);
  await runCommand(argv, { env, input: linkRules(topologyOf(spec), faults) });
  writeJson(layout.links, faults);
  return before.length - faults.length;
}
