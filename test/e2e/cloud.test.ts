/** Services of clouds, over HTTPS and with Oracle's SDK, at what stands for that cloud. Much of it is waiting: chapters run beside each other. */
import { describe } from 'node:test';
import { alone } from './cloud/alone.feature.ts';
import { server } from './cloud/server.feature.ts';

describe('Services of clouds', { concurrency: 2 }, () => {
  describe('with the controller alone', { concurrency: 1 }, alone);
  describe('with a server', { concurrency: 1 }, server);
});
