// Sends frames, given as hexadecimal digits, from an interface of the namespace that it is started in.
import { openPacketSocket } from '../../host/packet-socket.ts';

const [name = '', ...frames] = process.argv.slice(2);
const socket = await openPacketSocket({ interface: name, etherType: 0x88b5 });
for (const frame of frames) socket.send(Buffer.from(frame, 'hex'));
socket.close();
