/** What of ours firewalld lets in on a node, now and after a reload. */
import assert from 'node:assert/strict';
import { eventually, type NodeName, type World } from './world.ts';

/** Resolves when there are rules of ours for all that is meant. */
export async function untilOpened(world: World, node: NodeName, ...all: readonly RegExp[]): Promise<void> {
  const areIn = (rules: readonly string[]) => all.every((one) => rules.some((rule) => one.test(rule)));
  await eventually(`${node} opens ${all.join(' ')}`, async () => areIn(await world.kept(node)) || undefined);
  assert.ok(areIn(await world.opened(node)));
}

/** Resolves when there is none for what is meant. */
export async function untilClosed(world: World, node: NodeName, what: RegExp, limit?: number): Promise<void> {
  const isIn = (rules: readonly string[]) => rules.some((rule) => what.test(rule));
  await eventually(`${node} closes ${what}`, async () => !isIn(await world.kept(node)) || undefined, limit);
  assert.ok(!isIn(await world.opened(node)));
}

/** Rules that name one of these addresses. */
export const naming = (...addresses: readonly string[]): RegExp => new RegExp(`address="(${addresses.join('|')})[/"]`);
