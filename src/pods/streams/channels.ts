/**
 * The messages of `channel.k8s.io` on a WebSocket: a byte that names a stream, and bytes of it. Version 5 can also end a stream
 * while the others go on. https://kubernetes.io/docs/reference/using-api/api-concepts/ and k8s.io/apimachinery/pkg/util/remotecommand
 */

export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
/** Names no stream: the byte that follows names one that has ended. */
const END = 255;

/** Versions that are spoken, the best first. */
const VERSIONS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
export type ChannelProtocol = (typeof VERSIONS)[number];

/** The best version that a client offers, by its header Sec-WebSocket-Protocol; undefined when there is none. */
export function chooseProtocol(offered: string): ChannelProtocol | undefined {
  const names = offered.split(',').map((name) => name.trim());
  return VERSIONS.find((version) => names.includes(version));
}

/** A message of a client, told apart by its channel. */
export type ClientMessage =
  | { readonly kind: 'stdin' | 'resize'; readonly bytes: Buffer }
  | { readonly kind: 'stdin-end' }
  /** Of a stream that clients do not write to, or of none. */
  | { readonly kind: 'other' };

/** Reads a message of a client. */
export function readMessage(message: Buffer, protocol: ChannelProtocol): ClientMessage {
  const bytes = message.subarray(1);
  switch (message[0]) {
    case CHANNEL.stdin:
      return { kind: 'stdin', bytes };
    case CHANNEL.resize:
      return { kind: 'resize', bytes };
    case END:
      return protocol === 'v5.channel.k8s.io' && bytes[0] === CHANNEL.stdin ? { kind: 'stdin-end' } : { kind: 'other' };
    default:
      return { kind: 'other' };
  }
}

/** A message to a client. */
export function printMessage(channel: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([channel]), bytes]);
}
