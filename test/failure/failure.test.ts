/** What fails in a cluster of several machines, and what goes on. One world: each story leaves it as it found it. */
import { describe } from 'node:test';
import { skipUnless } from '../../src/host/testing/in-namespace.ts';
import { skipWithoutEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { clocksSet } from './clocks.feature.ts';
import { memberDiskFull } from './disks.feature.ts';
import { leaderKilled, noQuorum, oneMemberDown } from './etcd.feature.ts';
import { nameTaken } from './names.feature.ts';
import { cutFromServers, cutNodes, cutServers, lossy, lossyNodes } from './network.feature.ts';
import { agentGone } from './nodes.feature.ts';
import { killedWhileWriting, leadingControllersKilled, serverSilent } from './servers.feature.ts';
import { failureStories } from './stories.ts';
import { rollingUpgrade } from './upgrade.feature.ts';

const CHAPTERS = [
  ...[oneMemberDown, leaderKilled, noQuorum],
  ...[killedWhileWriting, leadingControllersKilled, serverSilent],
  ...[cutNodes, cutFromServers, cutServers, lossy, lossyNodes],
  ...[agentGone, nameTaken, clocksSet, memberDiskFull, rollingUpgrade],
];

describe('what fails in a cluster of three servers, three members and three agents', {
  skip: skipUnless(['true']) || skipWithoutEtcd(),
  concurrency: 1,
}, () => {
  const stories = failureStories();
  for (const chapter of CHAPTERS) chapter(stories);
});
