/** Interfaces that NetworkManager puts into their zones, again after each reload of firewalld: https://networkmanager.dev/docs/api/latest/ */
import { type Bus, BusError } from './bus.ts';
import { PROPERTIES, variant } from './objects.ts';

const NAME = 'org.freedesktop.NetworkManager';
/** Of connections that it only watches, as of bridges that others made (NM_ACTIVATION_STATE_FLAG_EXTERNAL). */
const EXTERNAL = 0x80;

/** Whether it has an interface in its care. */
export async function isManaged(bus: Bus, interfaceName: string): Promise<boolean> {
  try {
    const main = { destination: NAME, path: `/${NAME.replaceAll('.', '/')}`, interface: NAME };
    const [device] = await bus.call({ ...main, member: 'GetDeviceByIpIface', signature: 's', body: [interfaceName] });
    const connection = await property(bus, String(device), `${NAME}.Device`, 'ActiveConnection');
    if (typeof connection !== 'string' || connection === '/') return false;
    const flags = await property(bus, connection, `${NAME}.Connection.Active`, 'StateFlags');
    return typeof flags === 'number' && (flags & EXTERNAL) === 0;
  } catch (error) {
    // It does not run, or knows no such interface.
    if (error instanceof BusError && error.answer !== undefined) return false;
    throw error;
  }
}

async function property(bus: Bus, path: string, of: string, name: string): Promise<unknown> {
  const call = { destination: NAME, path, interface: PROPERTIES, member: 'Get', signature: 'ss', body: [of, name] };
  return variant((await bus.call(call))[0]);
}
