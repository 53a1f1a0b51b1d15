/** A server that keeps the objects on a disk of its own, which becomes full. */
import { describe } from 'node:test';
import { skipUnless } from '../../src/host/testing/in-namespace.ts';
import { serverDiskFull } from './disks.feature.ts';
import { failureStories } from './stories.ts';
import { World } from './world.ts';

describe('a server with a small disk', { skip: skipUnless(['true']), concurrency: 1 }, () => {
  serverDiskFull(failureStories(() => World.open({ servers: 1, store: 'lmdb', serverDisk: 32, nodes: 1 })));
});
