import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bus, BusError, type Call } from './bus.ts';
import { isManaged } from './network-manager.ts';

/** A bus on which NetworkManager knows `eth0`, which has a connection of these flags; undefined: none. */
function bus(flags?: number): Bus {
  const answers: Readonly<Record<string, unknown>> = {
    ActiveConnection: { signature: 'o', value: flags === undefined ? '/' : '/connection' },
    StateFlags: { signature: 'u', value: flags },
  };
  return {
    async call({ member, body = [] }: Call) {
      if (member === 'Get') return [answers[String(body[1])]];
      if (body[0] === 'eth0') return ['/device'];
      throw new BusError('no such device', { answer: { name: 'Unknown', text: 'No device found' } });
    },
    subscribe: async () => {},
    onSignal: () => {},
    lost: new AbortController().signal,
    close: () => {},
  };
}

test('an interface is in NetworkManager’s care when it made the interface’s connection', async () => {
  assert.equal(await isManaged(bus(0x04), 'eth0'), true);
  assert.equal(await isManaged(bus(0x84), 'eth0'), false, 'another made it');
  assert.equal(await isManaged(bus(), 'eth0'), false, 'there is no connection');
  assert.equal(await isManaged(bus(0x04), 'docker0'), false, 'it does not know the interface');
});

test('a bus that is lost says nothing of it', async () => {
  const lost: Bus = { ...bus(), call: () => Promise.reject(new BusError('D-Bus: the bus ended the connection')) };
  await assert.rejects(isManaged(lost, 'eth0'), /ended the connection/);
});
