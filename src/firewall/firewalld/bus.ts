/** A connection to the system's D-Bus, that says when it is gone and lets no call wait for ever. */
import { EventEmitter, once } from 'node:events';
import { Duplex } from 'node:stream';
import { messageOf } from '../../lib/errors.ts';
import { FirewallError } from '../backend.ts';

/** A method of an object on the bus, and what it is given. */
export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** D-Bus type signature of the body. */
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

/** What somebody says to all that listen. */
export interface Signal {
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export interface Bus {
  /** The body of the answer. Throws {@link BusError}. Starts no program that does not run. */
  call(call: Call): Promise<readonly unknown[]>;
  /** Has the bus deliver the signals that a match rule names. */
  subscribe(rule: string): Promise<void>;
  /** Calls for every signal delivered, until the connection is gone. */
  onSignal(listener: (signal: Signal) => void): void;
  /** Aborted once the connection is gone, whoever ended it. */
  readonly lost: AbortSignal;
  close(): void;
}

/** What was asked on the bus and did not come off. `answer` is the other side's own word, when there was one. */
export class BusError extends FirewallError {
  readonly answer: { readonly name: string; readonly text: string } | undefined;

  constructor(message: string, options: { cause?: unknown; answer?: { name: string; text: string } } = {}) {
    super(message, options);
    this.name = 'BusError';
    this.answer = options.answer;
  }
}

/** Where the bus itself answers: https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-messages */
export const DBUS = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/** Milliseconds for saying hello. */
const CONNECT_LIMIT = 5_000;
/** Milliseconds for an answer. firewalld does one thing at a time, and a reload of a large configuration takes seconds. */
const CALL_LIMIT = 30_000;

/**
 * Connects to the bus of DBUS_SYSTEM_BUS_ADDRESS, else the machine's own. The library is loaded here, so that agents without
 * firewalld do without it.
 */
export async function openSystemBus(limits = { connect: CONNECT_LIMIT, call: CALL_LIMIT }): Promise<Bus> {
  const dbus = await import('@jellybrick/dbus-next');
  const gone = new AbortController();
  // Who we are the kernel tells the bus; the library would go on to cookies and to being nobody.
  const bus = dbus.systemBus({ authMethods: ['EXTERNAL'] });
  emitter(bus).on('error', (error) => gone.abort(new BusError(`D-Bus: ${messageOf(error)}`, { cause: error })));
  // The library leaves calls unanswered when the other side hangs up, and tells only its own connection (0.11.3).
  const connection = emitter(Reflect.get(bus, '_connection'));
  connection.on('end', () => gone.abort(new BusError('D-Bus: the bus ended the connection')));
  const unlessGone = <T>(work: () => Promise<T>, limit: number, what: string) => orLost(work, gone.signal, limit, what);
  const close = () => {
    gone.abort(new BusError('D-Bus: the connection was closed'));
    bus.disconnect();
    // It only says goodbye; a bus that does not answer would keep this process from ending.
    const stream: unknown = Reflect.get(connection, 'stream');
    if (stream instanceof Duplex) stream.destroy();
  };
  try {
    await unlessGone(() => once(bus, 'connect'), limits.connect, 'D-Bus: hello');
  } catch (error) {
    close();
    throw error;
  }

  const call = async ({ body, ...rest }: Call): Promise<readonly unknown[]> => {
    const flags = dbus.MessageFlag.NO_AUTO_START;
    const message = new dbus.Message({ ...rest, flags, ...(body === undefined ? {} : { body: [...body] }) });
    const what = `D-Bus: ${rest.interface}.${rest.member}`;
    try {
      const reply = await unlessGone(() => bus.call(message), limits.call, what);
      return reply?.body ?? [];
    } catch (error) {
      if (error instanceof BusError) throw error;
      const answer = error instanceof dbus.DBusError ? { answer: { name: error.type, text: error.text } } : {};
      throw new BusError(`${what}(${describe(body)}): ${messageOf(error)}`, { cause: error, ...answer });
    }
  };
  return {
    call,
    subscribe: async (rule) => {
      await call({ ...DBUS, member: 'AddMatch', signature: 's', body: [rule] });
    },
    onSignal: (listener) => {
      bus.on('message', (message) => {
        if (message.type === dbus.MessageType.SIGNAL && !gone.signal.aborted) listener(message);
      });
    },
    lost: gone.signal,
    close,
  };
}

/** What came of the work, unless the connection is lost or the time is over before. */
async function orLost<T>(work: () => Promise<T>, lost: AbortSignal, limit: number, what: string): Promise<T> {
  lost.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onLost = () => reject(lost.reason);
  lost.addEventListener('abort', onLost, { once: true });
  const timer = setTimeout(() => reject(new BusError(`${what}: no answer within ${limit} ms`)), limit);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
    lost.removeEventListener('abort', onLost);
  }
}

/** What the library's types do not tell: of a bus its errors, of a connection that it is an emitter at all. */
function emitter(it: unknown): EventEmitter {
  if (it instanceof EventEmitter) return it;
  throw new BusError('D-Bus: the library is not the version of package-lock.json');
}

/** Arguments for a message, cut short: a list of rules may be long. */
function describe(body: readonly unknown[] = []): string {
  const text = body.map((one) => JSON.stringify(one)).join(', ');
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
