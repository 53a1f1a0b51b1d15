/** The thread on the LAN: neither heartbeats nor answers wait for what the rest of the process does. */
import { parentPort, workerData } from 'node:worker_threads';
import { preferThisThread } from '../../host/thread-priority.ts';
import { forwardingLogger } from './log.ts';
import type { FromLan } from './messages.ts';
import { openLan } from './open-lan.ts';
import type { ToThread, WorkerData } from './thread.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs as a thread');
const { nodeName, interfaces, heartbeats } = workerData as WorkerData;
const tell = (message: FromLan): void => port.postMessage(message);
const ended = new AbortController();
const early: ToThread[] = [];
let take = (message: ToThread): void => {
  early.push(message);
};
port.on('message', (message: ToThread) => take(message));
const log = forwardingLogger(tell);
// Nodes whose heartbeats are late are taken for dead, however busy they are.
preferThisThread(log);
const lan = await openLan({ nodeName, interfaces, heartbeats, tell, log }, ended.signal);
take = (message) => {
  if (message.kind !== 'stop') return lan.receive(message);
  ended.abort();
  // With nothing left that it waits for, the thread ends by itself.
  port.close();
};
for (const message of early) take(message);
