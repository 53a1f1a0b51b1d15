/** The part of `test/failure` that takes the least time and says the most. All of it: npm run test:failure. */
import { describe } from 'node:test';
import { skipUnless } from '../../src/host/testing/in-namespace.ts';
import { skipWithoutEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { leaderKilled } from '../failure/etcd.feature.ts';
import { killedWhileWriting, leadingControllersKilled, serverSilent } from '../failure/servers.feature.ts';
import { failureStories } from '../failure/stories.ts';

describe('some of what fails in a cluster of three servers, three members and three agents', {
  skip: skipUnless(['true']) || skipWithoutEtcd(),
  concurrency: 1,
}, () => {
  const stories = failureStories();
  for (const chapter of [leaderKilled, killedWhileWriting, leadingControllersKilled, serverSilent]) chapter(stories);
});
