/** One question to a server, over each protocol: the answer is what the server says, or the error's code. */
import { createSocket } from 'node:dgram';
import { get } from 'node:http';
import { connect } from 'node:net';
import { askSCTP } from './sctp.ts';

/** Who is asked, and how. */
export interface Question {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly host: string;
  readonly port: number;
  /** Source port; for UDP, the same flow again. */
  readonly localPort?: number | undefined;
  readonly localAddress?: string | undefined;
  /** How long an unanswered question waits, in milliseconds. */
  readonly patience: number;
}

/** What an HTTP server says. */
export interface HTTPAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export function ask(question: Question): Promise<string> {
  switch (question.protocol) {
    case 'tcp':
      return overTCP(question);
    case 'udp':
      return overUDP(question);
    case 'sctp':
      return askSCTP({ ...question, localPort: question.localPort ?? randomPort() });
  }
}

/** After how many milliseconds an unanswered datagram is sent again: any may be lost. */
const REPEAT = 150;

const randomPort = (): number => 20000 + Math.floor(Math.random() * 40000);

function overTCP({ host, port, localPort, localAddress, patience }: Question): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({
      ...{ host, port, timeout: patience },
      ...(localPort === undefined ? {} : { localPort }),
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const finish = (answer: string) => {
      // A reset leaves nothing behind: thousands of connections in TIME_WAIT would use up the ports.
      socket.resetAndDestroy();
      resolve(answer);
    };
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) finish(text.trimEnd());
    });
    socket.on('timeout', () => finish('TIMEOUT'));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.on('close', () => resolve('CLOSED'));
  });
}

function overUDP({ host, port, localPort = 0, localAddress, patience }: Question): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    let asking = true;
    const finish = (answer: string) => {
      if (!asking) return;
      asking = false;
      clearTimeout(timer);
      clearInterval(repeat);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('TIMEOUT'), patience);
    const repeat = setInterval(() => socket.send('who\n'), REPEAT);
    socket.on('message', (message) => finish(message.toString().trimEnd()));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    // A connected socket hears of ICMP errors.
    socket.bind({ port: localPort, ...(localAddress === undefined ? {} : { address: localAddress }) }, () =>
      socket.connect(port, host, () => socket.send('who\n')),
    );
  });
}

/** What is at a URL. Throws when there is no answer. */
export function fetchHTTP(url: string): Promise<HTTPAnswer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 3000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on('timeout', () => request.destroy(new Error('TIMEOUT')));
    request.on('error', reject);
  });
}
