/**
 * A client's HTTP requests, as a program at its place, each over a connection of its own. Argument: a {@link Load}, in JSON.
 * Prints an {@link Outcome} per request, once it is answered or has failed. Ends with its standard input, when nothing is
 * outstanding any more.
 */
import { Agent, get } from 'node:http';

export interface Load {
  readonly urls: readonly string[];
  /** Over all of the URLs, which are asked in turn. */
  readonly perSecond: number;
}

/** Which URL; milliseconds until the whole answer was there; what it said, or what went wrong. */
export type Outcome = readonly [url: number, milliseconds: number, answered: boolean, text: string];

/** Milliseconds after which a request has failed: one that went nowhere is never answered, on a busy machine one pod alone answers late. */
const PATIENCE = 20_000;
/** Milliseconds between two looks whether a request is due. */
const TICK = 5;

const { urls, perSecond } = JSON.parse(process.argv[2] ?? '') as Load;
const agent = new Agent({ keepAlive: false });
let outstanding = 0;
let sent = 0;
const began = performance.now();

function ask(index: number): void {
  const started = performance.now();
  outstanding++;
  const end = (answered: boolean, text: string) => {
    outstanding--;
    const outcome: Outcome = [index, performance.now() - started, answered, text];
    console.log(JSON.stringify(outcome));
    endIfDone();
  };
  let began = false;
  const request = get(urls[index] ?? '', { agent, timeout: PATIENCE }, (response) => {
    began = true;
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
    });
    response.once('close', () => end(response.complete && response.statusCode === 200, body.trim()));
  });
  request.once('timeout', () => request.destroy(new Error('no answer')));
  request.once('error', (error) => {
    if (!began) end(false, error.message);
  });
}

const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - began) * perSecond) / 1000);
  while (sent < due) ask(sent++ % urls.length);
}, TICK);

let ending = false;
function endIfDone(): void {
  if (ending && outstanding === 0) process.exit();
}
process.stdin.resume().once('end', () => {
  clearInterval(timer);
  ending = true;
  endIfDone();
});
